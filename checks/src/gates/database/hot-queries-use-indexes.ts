import { randomUUID } from 'node:crypto';
import { partOf } from '../../config.ts';
import type { Chart } from '../../engine/chart.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';
import { fillDatabase, largeTables } from './support/filled-database.ts';
import { readPlan } from './support/query-plan.ts';

/** One query at one size. */
interface Planned {
  name: string;
  rows: number;
  /** Large tables that stay to be read whole even where the planner avoids that at any price: no index can serve. */
  unservable: string[];
  /** Large tables that the plan of its own choice reads whole. */
  scanned: string[];
  indexes: string[];
  buffers: number;
  rowsRead: number;
  /** As the planner expects it. */
  cost: number;
}

/** How long it took to fill the database to a size, and what it takes on the disk. */
interface Filled {
  rows: number;
  ms: number;
  bytes: number;
}

interface Facts {
  table: string;
  mostGrowth: number;
  plans: Planned[];
  fills: Filled[];
  charts: Chart[];
}

/** Nothing here depends on how many processors there are, or on whether the query is worth compiling. */
const deterministic = `SET jit = off; SET max_parallel_workers_per_gather = 0; SET work_mem = '4MB';
  SET random_page_cost = 1.1; SET effective_cache_size = '1GB'; SET plan_cache_mode = force_custom_plan`;

/** Growth below so many pages is noise: a level more in an index, a page of the catalog. */
const pagesThatMatter = 150;

/** A query that is expected to cost less is cheap at any size. */
const costThatMatters = 1_000;
/** Of the growth of the table: what an index serves costs more with each of its levels, and not with each row. */
const mostCostGrowthShare = 0.5;

/** The queries that read most are drawn. */
const mostCharts = 4;

export default defineGate<Facts>({
  id: 'database/hot-queries-use-indexes',
  severity: 'blocker',
  profile: 'commit',
  needs: ['sandbox', 'config:hotQueries'],
  covers: [
    'db.plans.analysed',
    'db.plans.optimised',
    'db.plans.no-scans',
    'db.indexes.trading',
    'db.indexes.optimised',
  ],
  unit: 'plans',
  why: 'On the ten rows of a test every plan is quick. The one that reads the whole table is found when the table has grown, and then it is every request that waits.',
  fix: 'Add the index that the query needs, or write the query so that an index can serve it; EXPLAIN (ANALYZE, BUFFERS) shows which.',
  source: 'https://www.postgresql.org/docs/current/using-explain.html',
  tags: ['plans'],
  timeoutMs: 90_000,
  longTimeoutMs: 1_200_000,

  async observe({ config, sandbox, long, progress }) {
    const hot = partOf(config, 'hotQueries');
    const sizes = long ? hot.longSizes : hot.sizes;
    const name = `plans_${randomUUID().replaceAll('-', '')}`;
    const url = await sandbox.migratedDatabase(name);
    try {
      const plans: Planned[] = [];
      const fills: Filled[] = [];
      await withDatabase(url, async (database) => {
        for (const rows of sizes) {
          progress(`${hot.table} filled to ${rows} rows`);
          const startedAt = performance.now();
          await fillDatabase(database, hot, (fills.at(-1)?.rows ?? 0) + 1, rows);
          const ms = Math.round(performance.now() - startedAt);
          const [size] = await database.query('SELECT pg_database_size(current_database()) AS bytes');
          fills.push({ rows, ms, bytes: Number(size?.bytes) });
          plans.push(...(await planAll(database, hot.queries, rows)));
        }
      });
      const facts = { table: hot.table, mostGrowth: hot.mostGrowth, plans, fills, charts: chartsOf(plans) };
      return { examined: plans.length, facts };
    } finally {
      await sandbox.postgres.dropDatabase(name);
    }
  },

  judge: ({ plans, table, mostGrowth }) => {
    const names = [...new Set(plans.map(({ name }) => name))];
    return names.flatMap((name) =>
      judgeQuery(
        plans.filter((plan) => plan.name === name),
        table,
        mostGrowth,
      ),
    );
  },

  samples: {
    good: [
      sample({}, {}),
      sample({ buffers: 10 }, { buffers: 120 }),
      sample({ cost: 120 }, { cost: 900 }),
      sample({ cost: 500 }, { cost: 2_000 }),
    ],
    bad: [
      sample({}, { unservable: ['orders'], scanned: ['orders'] }),
      sample({}, { scanned: ['orders'] }),
      sample({ buffers: 100 }, { buffers: 900 }),
      sample({ cost: 500 }, { cost: 4_500 }),
    ],
  },

  /** The newest migration takes every index from the table that no constraint needs. */
  async sabotage(sandbox) {
    const { table } = partOf(sandbox.config, 'hotQueries');
    const newest = (await sandbox.scratch.files(sandbox.config.database.migrations)).at(-1);
    if (newest === undefined) throw new Error(`${sandbox.config.database.migrations} names no file`);
    const text = await sandbox.scratch.read(newest);
    const drops = `\nDO $$ DECLARE each regclass; BEGIN
      FOR each IN SELECT indexrelid FROM pg_index WHERE indrelid = '${table}'::regclass AND NOT indisunique LOOP
        EXECUTE 'DROP INDEX ' || each; END LOOP; END $$;\n\n`;
    const at = /^--[\s-]*down migration/im.exec(text)?.index ?? text.length;
    await sandbox.scratch.write(newest, text.slice(0, at) + drops + text.slice(at));
    return undefined;
  },
});

async function planAll(
  database: Database,
  queries: readonly { name: string; sql: string; values: readonly (string | number | null)[] }[],
  rows: number,
): Promise<Planned[]> {
  await database.query(deterministic);
  const large = await largeTables(database);
  const seen: Planned[] = [];
  for (const { name, sql, values } of queries) {
    const forced = await explain(database, sql, values, 'SET LOCAL enable_seqscan = off');
    const chosen = await explain(database, sql, values, 'SET LOCAL enable_seqscan = on');
    const only = (tables: readonly string[]) => tables.filter((table) => large.has(table));
    const { indexes, buffers, rowsRead, cost } = chosen;
    seen.push({
      name,
      rows,
      unservable: only(forced.scanned),
      scanned: only(chosen.scanned),
      indexes,
      buffers,
      rowsRead,
      cost,
    });
  }
  return seen;
}

/** Runs it once to know what it reads, in a transaction that is rolled back. */
async function explain(database: Database, sql: string, values: readonly unknown[], setting: string) {
  await database.query(`BEGIN; SET LOCAL session_replication_role = replica; ${setting}`);
  try {
    const rows = await database.query(`EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${sql}`, values);
    return readPlan(rows[0]?.['QUERY PLAN'] ?? '');
  } finally {
    await database.query('ROLLBACK');
  }
}

function judgeQuery(plans: readonly Planned[], table: string, mostGrowth: number): Finding[] {
  const [smallest, largest] = [plans[0], plans.at(-1)];
  if (!smallest || !largest) return [];
  const { name, rows, unservable, scanned } = largest;
  const at = `with ${rows} rows in ${table}`;
  if (unservable.length > 0) {
    const message = `"${name}" reads all of ${unservable.join(', ')} ${at}: no index can serve it`;
    return [{ message, identity: `${name} unservable` }];
  }
  if (scanned.length > 0) {
    const message = `"${name}" could be served by an index, and the planner reads all of ${scanned.join(', ')} ${at}`;
    return [
      {
        message,
        identity: `${name} scanned`,
        fix: 'Make the index the cheaper way: one that fits the condition and the order, or holds less.',
      },
    ];
  }
  const grown = largest.buffers / Math.max(smallest.buffers, 1);
  if (largest.buffers <= pagesThatMatter || grown <= mostGrowth) return judgeCost(smallest, largest, at);
  const message = `"${name}" reads ${largest.buffers} pages ${at}, and ${smallest.buffers} with ${smallest.rows}: ${grown.toFixed(1)} times as many, and ${mostGrowth} are allowed`;
  return [{ message, identity: `${name} growth` }];
}

/** What the planner expects of it, which is what makes it leave an index one day. */
function judgeCost(smallest: Planned, largest: Planned, at: string): Finding[] {
  const grown = largest.cost / Math.max(smallest.cost, 1);
  const allowed = (largest.rows / smallest.rows) * mostCostGrowthShare;
  if (largest.cost <= costThatMatters || grown <= allowed) return [];
  const message = `"${largest.name}" is expected to cost ${Math.round(largest.cost)} ${at}, ${grown.toFixed(1)} times as much as with ${smallest.rows}: it grows with the table`;
  return [{ message, identity: `${largest.name} cost` }];
}

function chartsOf(plans: readonly Planned[]): Chart[] {
  const largest = [...plans].sort((a, b) => b.rows - a.rows || b.buffers - a.buffers).slice(0, mostCharts);
  return largest.map(({ name }) => ({
    title: name,
    unit: 'pages',
    points: plans
      .filter((plan) => plan.name === name)
      .map(({ rows, buffers }) => ({ label: `${rows} rows`, value: buffers })),
  }));
}

function sample(small: Partial<Planned>, large: Partial<Planned>): Facts {
  const plan = {
    name: 'open orders',
    unservable: [],
    scanned: [],
    indexes: ['orders_idx'],
    buffers: 8,
    rowsRead: 50,
    cost: 40,
  };
  const plans = [
    { ...plan, rows: 10_000, ...small },
    { ...plan, rows: 100_000, ...large },
  ];
  return { table: 'shop.orders', mostGrowth: 3, plans, fills: [], charts: chartsOf(plans) };
}
