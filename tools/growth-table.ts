/**
 * Writes GROWTH.md from the report of one real run of database/hot-queries-use-indexes:
 *   node tools/growth-table.ts REPORT.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Report, reportSchema } from '../checks/src/engine/report.ts';
import { commitWords } from '../checks/src/reporters/order.ts';

const gate = 'database/hot-queries-use-indexes';

/** As the gate leaves it in its facts. */
interface Facts {
  table: string;
  mostGrowth: number;
  plans: { name: string; rows: number; buffers: number; rowsRead: number; cost: number; indexes: string[] }[];
  fills: { rows: number; ms: number; bytes: number }[];
}

const file = join(import.meta.dirname, '..', 'GROWTH.md');

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.map((each) => String(each).replaceAll('|', '\\|')).join(' | ')} |`;
}

function table(head: readonly string[], rows: readonly (string | number)[][]): string {
  return [row(head), row(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(row)].join('\n');
}

function documentOf(report: Report): string {
  const result = report.results.find(({ id }) => id === gate);
  if (!result?.facts) throw new Error(`the report holds no look of ${gate}`);
  const { table: grows, mostGrowth, plans, fills } = result.facts as Facts;
  const sizes = [...new Set(plans.map(({ rows }) => rows))];
  const names = [...new Set(plans.map(({ name }) => name))];
  const at = (name: string, rows: number) => plans.find((plan) => plan.name === name && plan.rows === rows);
  const words = sizes.map((rows) => `${rows.toLocaleString('en')} rows`);
  const figures = names.map((name) => [
    name,
    ...sizes.map((rows) => at(name, rows)?.buffers ?? '–'),
    ...sizes.map((rows) => Math.round(at(name, rows)?.cost ?? 0)),
    at(name, sizes.at(-1) ?? 0)?.rowsRead ?? '–',
  ]);
  const head = [
    'query',
    ...words.map((each) => `pages, ${each}`),
    ...words.map((each) => `cost, ${each}`),
    'rows read',
  ];
  const filled = fills.map(({ rows, ms, bytes }) => [
    rows.toLocaleString('en'),
    `${(ms / 1000).toFixed(1)} s`,
    `${Math.round(bytes / 1e6).toLocaleString('en')} MB`,
  ]);
  return `# Growth

What each hot query reads as \`${grows}\` grows: in one real run of \`${gate}\`, which ended with ${result.outcome} after
${(result.durationMs / 1000).toFixed(1)} s, on ${report.startedAt.slice(0, 10)}, of commit ${commitWords(report)}. At the largest size a query may read
${mostGrowth} times the pages of the smallest one (of 8 KiB, from the cache or not), and the cost that the planner expects may grow half as
much as the table. \`make growth-table\` runs it and writes this page; \`make growth-table PLAN_ROWS=10000000\` goes on to more rows.

${table(head, figures)}

## What it takes to fill

${table(['rows', 'time', 'on disk'], filled)}
`;
}

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: node tools/growth-table.ts REPORT.json');
writeFileSync(file, documentOf(reportSchema.parse(JSON.parse(readFileSync(path, 'utf8')))));
process.stdout.write('GROWTH.md: written\n');
