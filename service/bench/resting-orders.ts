/**
 * What a cycle of the limit processor costs while a hundred orders trigger and far more rest: ten thousand of them, then a
 * million, in one run. The cost has to follow the orders that trigger. What a plan does says so more reliably than a clock:
 * rows visited, buffers touched, and whether any table that grows was read from end to end.
 */
import { parseArgs } from 'node:util';
import pg from 'pg';
import { runCommand, UsageError } from '../src/command.ts';
import { EXECUTE_SQL } from '../src/db/limit-orders.ts';
import { createPool } from '../src/db/pool.ts';
import { MIGRATIONS_DIR, migrate } from '../src/migrate.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { startCluster } from '../test/support/postgres.ts';
import { type PlanFigures, readPlan } from './read-plan.ts';

const USAGE = `Usage: node service/bench/resting-orders.ts [--quick] [--json]

Starts a PostgreSQL server of its own, fills one database with 10,000 resting orders and one with 1,000,000, lets 100 of
each trigger, and prints what the processor's statement visited, side by side and as a ratio.

  --quick   1,000 and 10,000 orders, in a few seconds
  --json    the result as one line of JSON

Exit codes: 0 the cost follows what triggers, 1 it does not, or failed, 2 usage.`;

const SIZES = { full: [10_000, 1_000_000], quick: [1_000, 10_000] } as const;
const TRIGGERED = 100;
const SYMBOLS = 20;
const ACCOUNTS = 10;
const BATCH = 500;
const QUOTE_MAX_AGE_MS = 3_600_000;
const REPEATS = 5;
/** A hundred times the orders make an index one level deeper, not a plan a hundred times dearer. */
export const RATIO_MAX = 2;
/** Filling a million rows takes a while on a small machine. */
const STATEMENT_TIMEOUT_MS = 600_000;

/** What the statement did at one number of resting orders, by its dearer plan, and what a cycle took as a whole. */
export interface RestingFigures {
  readonly resting: number;
  readonly triggered: number;
  readonly custom: PlanFigures;
  /** The plan that a prepared statement may settle on, made without knowing the parameters. */
  readonly generic: PlanFigures;
  /** A cycle that fills all that trigger, and one that finds nothing. Milliseconds. */
  readonly cycleMs: number;
  readonly idleCycleMs: number;
}

/** Fills a database of its own on that server and measures it. */
export async function measureResting(adminUrl: string, resting: number): Promise<RestingFigures> {
  const name = `bench_resting_${resting}`;
  await administer(adminUrl, `CREATE DATABASE ${name}`);
  try {
    return await measureIn(databaseOf(adminUrl, name), resting);
  } finally {
    await administer(adminUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  }
}

async function measureIn(url: string, resting: number): Promise<RestingFigures> {
  const warn = (message: string): void => void process.stderr.write(`${message}\n`);
  await migrate({ databaseUrl: url, migrationsDir: MIGRATIONS_DIR, direction: 'up', warn });
  const client = new pg.Client({ connectionString: url, statement_timeout: STATEMENT_TIMEOUT_MS });
  await client.connect();
  try {
    await fill(client, resting);
    const custom = await explain(client, 'force_custom_plan');
    const generic = await explain(client, 'force_generic_plan');
    return { resting, triggered: TRIGGERED, custom, generic, ...(await runCycles(url)) };
  } finally {
    await client.end();
  }
}

async function administer(adminUrl: string, statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(statement);
  } finally {
    await admin.end();
  }
}

function databaseOf(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/**
 * Half of the orders bid below the market and half ask above it; those that trigger bid at the ask. Triggers are off while
 * they are written, so that they need no history; all that the statement itself needs is there.
 */
async function fill(client: pg.Client, resting: number): Promise<void> {
  await client.query(
    `INSERT INTO market.instruments (symbol, asset_class, venue, tick_size, lot_size, min_notional)
     SELECT 'S' || s, 'crypto', 'paper', 0.01, 0.001, 1 FROM generate_series(0, $1::integer - 1) s`,
    [SYMBOLS],
  );
  await client.query(
    'INSERT INTO market.quotes (symbol, bid, ask, as_of) SELECT symbol, 99, 101, now() FROM market.instruments',
  );
  await client.query(
    `WITH accounts AS (
       INSERT INTO portfolio.accounts (id, name, cash, reserved)
       SELECT gen_random_uuid(), 'bench ' || a, 0, 1e15 FROM generate_series(1, $1::integer) a RETURNING id, reserved
     )
     INSERT INTO portfolio.deposits (id, account_id, amount, note) SELECT id, id, reserved, 'bench' FROM accounts`,
    [ACCOUNTS],
  );
  await client.query('SET session_replication_role = replica');
  await client.query(
    `WITH accounts AS (SELECT array_agg(id) AS ids FROM portfolio.accounts)
     INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode,
       time_in_force, status, reserved_cash, reserved_quantity, created_at)
     SELECT gen_random_uuid(), a.ids[1 + n % $2::integer], n, 'S' || n % $3::integer, side, 'LIMIT', 1, price, 'PAPER', 'GTC', 'OPEN',
       CASE side WHEN 'BUY' THEN price ELSE 0 END, CASE side WHEN 'SELL' THEN 1 ELSE 0 END,
       now() - n * interval '1 millisecond'
     FROM accounts a, generate_series(1, $1::integer) n, LATERAL (
       SELECT CASE WHEN n <= $4::integer OR n / $3::integer % 2 = 0 THEN 'BUY' ELSE 'SELL' END AS side) s, LATERAL (
       SELECT CASE WHEN n <= $4::integer THEN 101 WHEN side = 'BUY' THEN 50 + n % 4900 * 0.01 ELSE 102 + n % 4900 * 0.01 END AS price) p`,
    [resting, ACCOUNTS, SYMBOLS, TRIGGERED],
  );
  await client.query('SET session_replication_role = origin');
  await client.query('VACUUM (ANALYZE) execution.orders, portfolio.accounts, market.quotes, market.instruments');
}

/** The middle of several runs, each rolled back. */
async function explain(client: pg.Client, mode: 'force_custom_plan' | 'force_generic_plan'): Promise<PlanFigures> {
  await client.query(`SET plan_cache_mode = ${mode}`);
  await client.query(`PREPARE fill AS ${EXECUTE_SQL}`);
  const runs: PlanFigures[] = [];
  for (let run = 0; run < REPEATS; run += 1) {
    await client.query('BEGIN');
    const { rows } = await client.query<{ 'QUERY PLAN': unknown }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE fill(${QUOTE_MAX_AGE_MS}, ${BATCH}, NULL, '{24x7}', '{24x7}')`,
    );
    await client.query('ROLLBACK');
    runs.push(readPlan(rows[0]?.['QUERY PLAN']));
  }
  await client.query('DEALLOCATE fill');
  const middle = runs.sort((a, b) => a.timeMs - b.timeMs)[Math.floor(REPEATS / 2)];
  if (middle === undefined) {
    throw new Error('nothing was measured');
  }
  return middle;
}

async function runCycles(databaseUrl: string): Promise<{ cycleMs: number; idleCycleMs: number }> {
  const pool = createPool({
    connectionString: databaseUrl,
    applicationName: 'bench resting orders',
    max: 1,
    queueMax: 1,
    connectionTimeoutMs: 5_000,
    statementTimeoutMs: 60_000,
    lockTimeoutMs: 5_000,
    idleInTransactionTimeoutMs: 5_000,
    queryTimeoutMs: 65_000,
    onError: (error) => process.stderr.write(`database connection: ${error.message}\n`),
  });
  const bounds = { quoteMaxAgeMs: QUOTE_MAX_AGE_MS, batch: BATCH };
  try {
    const cycle = await executeLimitOrders(pool, bounds);
    if (cycle.executed !== TRIGGERED || cycle.failed > 0) {
      const told = `${cycle.executed} orders were filled and ${cycle.failed} failed, of ${TRIGGERED} that trigger`;
      throw new Error(told, { cause: cycle.failures[0]?.error });
    }
    const idle = await executeLimitOrders(pool, bounds);
    return { cycleMs: cycle.durationMs, idleCycleMs: idle.durationMs };
  } finally {
    await pool.end();
  }
}

/** What is wrong with the larger figures beside the smaller ones; empty when the cost follows what triggers. */
export function findings(small: RestingFigures, large: RestingFigures): string[] {
  const found: string[] = [];
  for (const plan of ['custom', 'generic'] as const) {
    const [before, after] = [small[plan], large[plan]];
    // A table of a few pages is rightly read as a whole: what counts is the larger one.
    for (const table of new Set(after.scanned)) {
      found.push(`the ${plan} plan reads ${table} from end to end`);
    }
    for (const figure of ['rows', 'buffers'] as const) {
      if (after[figure] > before[figure] * RATIO_MAX) {
        found.push(`the ${plan} plan's ${figure} grow from ${before[figure]} to ${after[figure]} with what rests`);
      }
    }
  }
  return found;
}

function table(small: RestingFigures, large: RestingFigures): string {
  const line = (name: string, unit: string, of: (figures: RestingFigures) => number, digits = 0): string => {
    const ratio = of(large) / of(small);
    const [a, b] = [of(small), of(large)].map((value) => value.toFixed(digits).padStart(12));
    return `${name.padEnd(34)}${a}${b}${ratio.toFixed(2).padStart(9)}   ${unit}`;
  };
  return [
    line('resting orders', '', ({ resting }) => resting),
    line('that trigger', '', ({ triggered }) => triggered),
    line('rows of orders visited', 'custom plan', ({ custom }) => custom.rows),
    line('', 'generic plan', ({ generic }) => generic.rows),
    line('buffers touched', 'custom plan', ({ custom }) => custom.buffers),
    line('', 'generic plan', ({ generic }) => generic.buffers),
    line('the statement', 'ms, custom plan', ({ custom }) => custom.timeMs, 2),
    line('', 'ms, generic plan', ({ generic }) => generic.timeMs, 2),
    line('a cycle that fills them', 'ms', ({ cycleMs }) => cycleMs, 2),
    line('a cycle that finds nothing', 'ms', ({ idleCycleMs }) => idleCycleMs, 2),
    `read from end to end at ${large.resting}: ${[...new Set([...large.custom.scanned, ...large.generic.scanned])].join(', ') || 'no table that grows'}`,
    '',
  ].join('\n');
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (positionals.length > 0) {
    throw new UsageError(`what is ${positionals[0]}?`);
  }
  const [fewer, more] = values.quick ? SIZES.quick : SIZES.full;
  const cluster = await startCluster();
  try {
    process.stderr.write(`${fewer} resting orders\n`);
    const small = await measureResting(cluster.url, fewer);
    process.stderr.write(`${more} resting orders\n`);
    const large = await measureResting(cluster.url, more);
    process.stdout.write(values.json ? `${JSON.stringify({ small, large })}\n` : table(small, large));
    const wrong = findings(small, large);
    if (wrong.length > 0) {
      throw new Error(wrong.join('\n'));
    }
  } finally {
    await cluster.stop();
  }
}

if (import.meta.main) {
  await runCommand(USAGE, main);
}
