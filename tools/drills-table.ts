/**
 * Writes DRILLS.md from the report of one real run:
 *   node tools/drills-table.ts REPORT.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Report, reportSchema } from '../checks/src/engine/report.ts';
import { commitWords } from '../checks/src/reporters/order.ts';

/** As drills leave them in their facts. */
interface Row {
  fault: string;
  proof: string;
  bound: string;
  observed: string;
}

const file = join(import.meta.dirname, '..', 'DRILLS.md');

function rowsOf({ facts }: Report['results'][number]): Row[] {
  return (facts as { rows?: Row[] } | null)?.rows ?? [];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function section(result: Report['results'][number]): string {
  const rows = rowsOf(result).map(
    (row) => `| ${[row.fault, row.proof, row.bound, row.observed].map(cell).join(' | ')} |`,
  );
  const what = `${result.outcome}, ${result.examined} ${result.unit}, ${(result.durationMs / 1000).toFixed(1)} s`;
  return [
    `## ${result.id}\n`,
    `${what}.\n`,
    '| fault | how it is known that it struck | promised | seen |\n|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function documentOf(report: Report): string {
  const drills = report.results.filter((result) => result.kind === 'drill' && rowsOf(result).length > 0);
  if (drills.length === 0) throw new Error('the report holds no drill that was looked at');
  const tools = Object.entries(report.tools).map(([name, version]) => `${name} ${version}`);
  const form = drills.some(({ long }) => long) ? 'long' : 'short';
  const head = `# Drills

What each drill struck, how it is known that it struck work in flight, what is promised, and what was seen: in one real run of
the ${form} forms, on ${report.startedAt.slice(0, 10)}, of commit ${commitWords(report)}, with ${tools.join(', ')}.
\`make drills-table\` runs them and writes this page.`;
  return `${[head, ...drills.map(section)].join('\n\n')}\n`;
}

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: node tools/drills-table.ts REPORT.json');
writeFileSync(file, documentOf(reportSchema.parse(JSON.parse(readFileSync(path, 'utf8')))));
process.stdout.write('DRILLS.md: written\n');
