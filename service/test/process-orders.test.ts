import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import type { DatabasePool } from '../src/db/pool.ts';
import { getProcessing } from '../src/orders/get-processing.ts';
import { createCycleRecord } from '../src/workers/cycle-record.ts';
import { createMarketTurns } from '../src/workers/market-turns.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket, placed } from './support/fixtures.ts';
import { type RunningApp, startApp } from './support/running-app.ts';

const PATH = '/api/trade/process-orders';
const KEYS = { ORDER_PROCESSING_API_KEY: randomBytes(32).toString('hex'), LOCK_TIMEOUT_MS: '60000' };
let db: TestDatabase;
let pool: DatabasePool;
let account: string;
const running: RunningApp[] = [];

beforeAll(async () => {
  db = await createTestDatabase();
  pool = db.pool();
  await addMarket(pool);
  account = await addAccount(pool, '100000');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});
afterAll(() => db.drop());

async function start(changes: Readonly<Record<string, string>> = {}, role: 'api' | 'all' = 'api'): Promise<RunningApp> {
  const app = await startApp(db.url, { ...KEYS, ...changes }, role);
  running.push(app);
  return app;
}

/** Asks for a cycle with the first key. */
const post = (app: RunningApp) => app.ask('POST', PATH, { key: KEYS.ORDER_PROCESSING_API_KEY });
const health = (app: RunningApp) => app.ask('GET', PATH, { key: KEYS.ORDER_PROCESSING_API_KEY });

/** Fills per order, of the orders of this test. */
async function fillsOf(ids: readonly string[]): Promise<readonly number[]> {
  const rows = await db.query<{ n: number }>(
    'SELECT count(f.id)::integer AS n FROM unnest($1::uuid[]) AS o (id) LEFT JOIN execution.fills f ON f.order_id = o.id GROUP BY o.id',
    [ids],
  );
  return rows.map(({ n }) => n);
}

/** Marketable orders: the ask is 101. */
async function placeSome(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await placed(pool, account, { price: '101' })).id);
  return ids;
}

describe('a requested cycle', () => {
  it('says what it did, and which markets were open', async () => {
    const app = await start();
    const ids = await placeSome(3);
    const answer = await post(app);
    expect([answer.status, answer.json]).toEqual([
      200,
      {
        status: 'ran',
        examined: 3,
        executed: 3,
        expired: 0,
        failed: 0,
        durationMs: expect.any(Number),
        sessionOpen: expect.any(Boolean),
        markets: [
          { calendar: '24x7', open: true, closedBecause: null },
          expect.objectContaining({ calendar: 'XNYS', open: answer.json.sessionOpen }),
        ],
      },
    ]);
    expect(await fillsOf(ids)).toEqual([1, 1, 1]);
  });

  it('is not doubled by a second call, on this replica or another', async () => {
    const [first, second] = [await start(), await start()];
    const ids = await placeSome(5);
    const blocker = await db.connect();
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE execution.fills IN ACCESS EXCLUSIVE MODE');
    const cycle = post(first);
    await eventually('the cycle is at work', async () => {
      const [row] = await db.query<{ n: number }>(
        `SELECT count(*)::integer AS n FROM pg_locks WHERE NOT granted AND relation = 'execution.fills'::regclass`,
      );
      return row?.n === 1;
    });
    for (const app of [first, second]) {
      const refused = await post(app);
      expect([refused.status, refused.json]).toEqual([202, { status: 'running', startedAt: expect.any(String) }]);
      expect((await health(app)).json).toMatchObject({
        lastCycle: { source: 'scheduler', finishedAt: null, durationMs: null },
      });
    }
    await blocker.query('ROLLBACK');
    expect((await cycle).json).toMatchObject({ status: 'ran', executed: 5 });
    expect(await fillsOf(ids)).toEqual([1, 1, 1, 1, 1]);
    expect((await post(second)).json).toMatchObject({ status: 'ran', executed: 0 });
  });

  it('of many at once does the work of one', async () => {
    const apps = [await start(), await start()] as const;
    const ids = await placeSome(20);
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => post(n % 2 === 0 ? apps[0] : apps[1])));
    expect(answers.every(({ status }) => status === 200 || status === 202)).toBe(true);
    const executed = answers.map(({ json }) => Number(json.executed ?? 0));
    expect(executed.reduce((a, b) => a + b)).toBe(20);
    expect(await fillsOf(ids)).toEqual(ids.map(() => 1));
  });

  it('whose connection died does not keep the next one out', async () => {
    const app = await start();
    const dead = await db.connect();
    await dead.query('SELECT pg_advisory_lock(1802071148, 2)');
    expect((await post(app)).status).toBe(202);
    await db.query('SELECT pg_terminate_backend($1)', [Reflect.get(dead, 'processID')]);
    await eventually('the next cycle runs', async () => (await post(app)).status === 200);
  });

  it('that fails is recorded, logged and counted, and the next one runs', async () => {
    const app = await start({ LOCK_TIMEOUT_MS: '100' });
    await placeSome(1);
    const blocker = await db.connect();
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE execution.fills IN ACCESS EXCLUSIVE MODE');
    const failed = await post(app);
    expect([failed.status, failed.json.code]).toEqual([503, 'database_timeout']);
    expect((await health(app)).json).toMatchObject({
      lastCycle: { source: 'scheduler', errorCode: 'database_timeout', finishedAt: expect.any(String), executed: 0 },
    });
    expect(app.log.filter((line) => line.includes('Critical error in order processing'))).toHaveLength(1);
    await blocker.query('ROLLBACK');
    expect((await post(app)).json).toMatchObject({ status: 'ran', executed: 1 });
    expect((await health(app)).json).toMatchObject({ lastCycle: { errorCode: null, executed: 1 } });
  });
});

describe('the key of the processing', () => {
  const next = randomBytes(16).toString('hex');
  const asks = async (app: RunningApp, key: string) => (await app.ask('GET', PATH, { key })).status;

  it('is rotated without one refusal: both are accepted while both are set', async () => {
    const before = await start();
    expect([await asks(before, KEYS.ORDER_PROCESSING_API_KEY), await asks(before, next)]).toEqual([200, 401]);
    const during = await start({ ORDER_PROCESSING_API_KEY_NEXT: next });
    expect([await asks(during, KEYS.ORDER_PROCESSING_API_KEY), await asks(during, next)]).toEqual([200, 200]);
    expect((await during.ask('POST', PATH, { key: next })).status).toBe(200);
    const after = await start({ ORDER_PROCESSING_API_KEY: next });
    expect([await asks(after, KEYS.ORDER_PROCESSING_API_KEY), await asks(after, next)]).toEqual([401, 200]);
  });

  it('never reaches the log, neither the present nor the next', async () => {
    const app = await start({ ORDER_PROCESSING_API_KEY_NEXT: next });
    await app.ask('POST', PATH, { key: next, headers: { 'x-request-id': next } });
    expect(app.log.length).toBeGreaterThan(0);
    expect(app.log.join('\n')).not.toContain(next);
  });
});

describe('the health of the processing', () => {
  it('comes from the database: cycles of workers and schedulers, and the markets', async () => {
    await db.query('DELETE FROM execution.processing_cycles');
    const [api, worker] = [await start(), await start({ PROCESSOR_INTERVAL_MS: '20' }, 'all')];
    const seen = await eventually('a worker has recorded a cycle', async () => {
      const answer = await health(api);
      return answer.json.lastCycle !== null && answer;
    });
    expect([seen.status, seen.json]).toEqual([
      200,
      {
        status: 'ok',
        lastCycle: expect.objectContaining({ source: 'worker', errorCode: null, ageSeconds: expect.any(Number) }),
        cycles: [seen.json.lastCycle],
        markets: [
          { calendar: '24x7', open: true, closedBecause: null, nextOpenAt: null, knownUntil: null },
          expect.objectContaining({ calendar: 'XNYS', knownUntil: '2028-12-31' }),
        ],
      },
    ]);
    await post(worker);
    expect((await health(api)).json.cycles).toHaveLength(2);
  });

  it('is late when cycles stay away, but not before this process could have seen one', async () => {
    const now = Temporal.Now.instant();
    const ask = (later: Temporal.Instant, since: Temporal.Instant) => getProcessing(pool, later, since);
    expect((await ask(now, now)).status).toBe('ok');
    const [tomorrow, longAgo] = [now.add({ hours: 24 }), now.subtract({ hours: 24 })];
    expect((await ask(tomorrow, tomorrow)).status).toBe('ok');
    expect((await ask(tomorrow, now)).status).toBe('late');
    await db.query('DELETE FROM execution.processing_cycles');
    expect(await ask(now, longAgo)).toMatchObject({ status: 'late', cycles: [] });
    // A cycle that only failed is none.
    await db.query(`INSERT INTO execution.processing_cycles (source, started_at, finished_at, duration_ms, error_code)
      VALUES ('worker', now(), now(), 1, 'internal')`);
    expect(await ask(now, longAgo)).toMatchObject({ status: 'late', cycles: [{ errorCode: 'internal' }] });
    expect((await ask(now, now)).status).toBe('ok');
  });
});

test('a worker fills a market with sessions once in each turn, and again after a step that failed', async () => {
  let now = Temporal.Instant.from('2026-11-20T14:29:59Z');
  let closures: { day: string; closesAt: string | null }[] = [];
  let reads = 0;
  const turns = createMarketTurns({
    now: () => now,
    readCalendars: async () => {
      reads += 1;
      return [
        { calendar: '24x7', closures: [] },
        { calendar: 'XNYS', closures },
      ];
    },
  });
  const due = async (at: string) => {
    now = Temporal.Instant.from(at);
    return (await turns.due()).dueCalendars;
  };
  expect(await due('2026-11-20T14:29:59Z')).toEqual(['24x7']);
  turns.done();
  expect(await due('2026-11-20T14:30:00Z')).toEqual(['24x7', 'XNYS']);
  expect(await due('2026-11-20T14:30:01Z')).toEqual(['24x7', 'XNYS']);
  turns.done();
  expect(await due('2026-11-20T14:32:59Z')).toEqual(['24x7']);
  expect((await turns.due()).openCalendars).toEqual(['24x7', 'XNYS']);
  expect(await due('2026-11-20T14:33:00Z')).toEqual(['24x7', 'XNYS']);
  turns.done();
  expect(reads).toBe(2);
  closures = [{ day: '2026-11-20', closesAt: null }];
  // Closed by hand: believed within ten seconds.
  expect(await due('2026-11-20T14:36:00Z')).toEqual(['24x7']);
  expect((await turns.due()).openCalendars).toEqual(['24x7']);
});

test('a worker records what did something, what failed, and one idle cycle in ten seconds', async () => {
  const recorded: number[] = [];
  let nowMs = 0;
  const record = createCycleRecord(
    async ({ durationMs }) => void recorded.push(durationMs),
    () => nowMs,
  );
  const idle = { examined: 0, executed: 0, expired: 0, failed: 0, errorCode: null };
  for (const [at, change] of [
    [0, {}],
    [500, {}],
    [1_000, { executed: 1 }],
    [1_500, { expired: 1 }],
    [2_000, { failed: 1 }],
    [2_500, { errorCode: 'internal' }],
    [3_000, {}],
    [12_499, {}],
    [12_500, {}],
  ] as const) {
    nowMs = at;
    await record({ ...idle, durationMs: at, ...change });
  }
  expect(recorded).toEqual([0, 1_000, 1_500, 2_000, 2_500, 12_500]);
});
