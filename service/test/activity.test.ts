import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { projectEvents } from '../src/db/activity.ts';
import { auditBooks } from '../src/db/audit.ts';
import { type DatabasePool, transaction } from '../src/db/pool.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { listActivity } from '../src/orders/list-activity.ts';
import { startActivityProjector } from '../src/workers/activity-projector.ts';
import type { Loop } from '../src/workers/loop.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket, placed } from './support/fixtures.ts';

/** In its long form: PROJECTION_PROCESSES=8 PROJECTION_EVENTS=10000 */
const PROCESSES = Number(process.env.PROJECTION_PROCESSES ?? 4);
const EVENTS = Number(process.env.PROJECTION_EVENTS ?? 2000);
const BATCH = 5;
const HOLD_MS = 5;
const KILLS_MIN = 8;
/** Longer than the test lasts: what happens before it was woken, not polled. */
const NEVER_MS = 600_000;

let database: TestDatabase;
let pool: DatabasePool;
let projector: Loop | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
  await addMarket(pool);
});
afterEach(async () => {
  await projector?.stop();
  projector = undefined;
});
afterAll(async () => {
  expect((await auditBooks(pool)).filter(({ violations }) => violations > 0)).toEqual([]);
  await database.drop();
});

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

function start(intervalMs: number): Loop {
  projector = startActivityProjector({
    pool,
    connectionString: database.url,
    intervalMs,
    forWebhook: false,
    log: silent,
  });
  return projector;
}

const drain = async (): Promise<void> => {
  for (let round = 0; round < 100 && (await transaction(pool, (tx) => projectEvents(tx, 200, false))).length > 0; ) {
    round += 1;
  }
};

test('an account reads what happened to its orders, newest first, and nothing of others', async () => {
  const account = await addAccount(pool, '1000');
  const { id } = await placed(pool, account, { price: '101' });
  await placed(pool, await addAccount(pool, '1000'));
  await executeLimitOrders(pool, { quoteMaxAgeMs: 15_000, batch: 10 });
  await drain();
  const { activity, nextCursor } = await listActivity(pool, { accountId: account });
  expect(activity).toMatchObject([
    { type: 'ORDER_FILLED', orderId: id, data: { price: '101', quantity: '1', fee: '0' }, webhook: null },
    { type: 'ORDER_PLACED', orderId: id, data: { price: '101', side: 'BUY' }, webhook: null },
  ]);
  expect(nextCursor).toBeNull();
});

test('an event that comes a second time counts once', async () => {
  const account = await addAccount(pool, '1000');
  await placed(pool, account);
  await drain();
  await database.query('UPDATE execution.portfolio_events_outbox SET processed_at = NULL');
  const again = await transaction(pool, (tx) => projectEvents(tx, 200, true));
  expect(again.length).toBeGreaterThan(0);
  expect(again.every(({ first }) => !first)).toBe(true);
  expect((await listActivity(pool, { accountId: account })).activity).toHaveLength(1);
  expect(await database.query('SELECT FROM portfolio.webhook_deliveries')).toEqual([]);
});

test('an event that commits after a later one is not lost', async () => {
  const account = await addAccount(pool, '1000');
  const { id } = await placed(pool, account);
  await drain();
  const slow = await database.connect();
  const event = `INSERT INTO execution.portfolio_events_outbox (order_id, type, payload) VALUES ($1, $2, '{}')`;
  await slow.query('BEGIN');
  await slow.query(event, [id, 'SLOW']);
  await database.query(event, [id, 'FAST']);
  await drain();
  await slow.query('COMMIT');
  await drain();
  const { activity } = await listActivity(pool, { accountId: account });
  expect(activity.map(({ type }) => type)).toEqual(['FAST', 'SLOW', 'ORDER_PLACED']);
});

const activityOf = async (account: string) => (await listActivity(pool, { accountId: account })).activity;

test('a notification wakes it', async () => {
  const account = await addAccount(pool, '1000');
  start(NEVER_MS);
  await eventually('it listens', async () => {
    const rows = await database.query(
      `SELECT FROM pg_stat_activity WHERE application_name = 'order-service events' AND query LIKE 'LISTEN%' AND state = 'idle'`,
    );
    return rows.length === 1;
  });
  await placed(pool, account);
  await eventually('the activity', async () => (await activityOf(account)).length === 1);
});

test('a lost connection is made again, and what was missed meanwhile is found', async () => {
  const account = await addAccount(pool, '1000');
  start(NEVER_MS);
  const listeners = () =>
    database.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'order-service events' AND query LIKE 'LISTEN%' AND datname = current_database()`,
    );
  const [first] = await eventually('it listens', async () => {
    const found = await listeners();
    return found.length === 1 ? found : undefined;
  });
  await database.query('SELECT pg_terminate_backend($1)', [first?.pid]);
  await placed(pool, account);
  await eventually('the activity', async () => (await activityOf(account)).length === 1);
  const [second] = await listeners();
  expect(second?.pid).not.toBe(first?.pid);
});

test('without notifications it polls', async () => {
  const account = await addAccount(pool, '1000');
  await database.query('ALTER TABLE execution.portfolio_events_outbox DISABLE TRIGGER outbox_announce');
  start(20);
  await placed(pool, account);
  await eventually('the activity', async () => (await activityOf(account)).length === 1);
  await database.query('ALTER TABLE execution.portfolio_events_outbox ENABLE TRIGGER outbox_announce');
});

interface Projector {
  readonly child: ChildProcess;
  /** Claims that were not committed when it ended, 0 or 1. */
  readonly ended: Promise<{ readonly killed: boolean; readonly open: number; readonly committed: number }>;
}

function spawnProjector(): Projector {
  const path = fileURLToPath(new URL('support/projector-process.ts', import.meta.url));
  const child = spawn(process.execPath, [path, database.url, String(BATCH), String(HOLD_MS)], {
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise<{ killed: boolean; open: number; committed: number }>((resolve) => {
    child.once('close', (_code, signal) => {
      const committed = [...output.matchAll(/^committed (\d+)$/gm)].map(([, count]) => Number(count));
      const claimed = [...output.matchAll(/^claimed$/gm)].length;
      resolve({
        killed: signal === 'SIGKILL',
        open: claimed - committed.length,
        committed: committed.reduce((sum, n) => sum + n, 0),
      });
    });
  });
  return { child, ended };
}

test(`${PROCESSES} processes over ${EVENTS} events, killed again and again: none lost, none doubled`, async () => {
  const account = await addAccount(pool, '1000');
  const { id } = await placed(pool, account);
  await drain();
  const event = `INSERT INTO execution.portfolio_events_outbox (order_id, type, payload)
    SELECT $1, 'TEST', jsonb_build_object('n', n) FROM generate_series(1, $2::integer) n`;
  await database.query(event, [id, EVENTS]);
  const running = Array.from({ length: PROCESSES }, spawnProjector);
  const left = async (): Promise<number> => {
    const [row] = await database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM execution.portfolio_events_outbox WHERE processed_at IS NULL',
    );
    return row?.n ?? 0;
  };
  const deaths: Awaited<Projector['ended']>[] = [];
  let remaining = EVENTS;
  for (let kill = 0; remaining > 0; kill += 1) {
    // A kill each time when another part is done, so that all of them strike while there is work.
    const threshold = remaining - EVENTS / (2 * KILLS_MIN);
    remaining = await eventually('progress', async () => {
      const now = await left();
      return now <= Math.max(0, threshold) ? { now } : undefined;
    }).then(({ now }) => now);
    const place = kill % PROCESSES;
    const victim = running[place];
    if (victim !== undefined && remaining > 0) {
      victim.child.kill('SIGKILL');
      deaths.push(await victim.ended);
      running[place] = spawnProjector();
    }
  }
  await Promise.all(running.map(({ ended }) => ended));
  expect(deaths.filter(({ killed }) => killed).length).toBeGreaterThanOrEqual(KILLS_MIN);
  // The kills proved something: some of them struck between a claim and its commit.
  expect(deaths.filter(({ open }) => open > 0).length).toBeGreaterThan(0);
  const [seen] = await database.query(
    `SELECT count(*)::int AS rows, count(DISTINCT (data->>'n')::int)::int AS distinct, min((data->>'n')::int) AS low,
       max((data->>'n')::int) AS high,
       (SELECT count(*)::int FROM portfolio.webhook_deliveries d JOIN portfolio.activity USING (event_id) WHERE type = 'TEST') AS queued
     FROM portfolio.activity WHERE type = 'TEST'`,
  );
  expect(seen).toEqual({ rows: EVENTS, distinct: EVENTS, low: 1, high: EVENTS, queued: EVENTS });
  await database.query('DELETE FROM portfolio.webhook_deliveries');
});
