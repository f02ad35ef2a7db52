import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabasePool } from '../src/db/pool.ts';
import { applyReport } from '../src/orders/apply-report.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { submitted } from './support/books.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, placed } from './support/fixtures.ts';
import { addKey, type RunningApp, startApp } from './support/running-app.ts';

const BOUNDS = { batch: 100, quoteMaxAgeMs: 600_000 };
let db: TestDatabase;
let pool: DatabasePool;
let app: RunningApp;
let account: string;
let operator: string;
let trader: string;

beforeAll(async () => {
  db = await createTestDatabase();
  pool = db.pool();
  await addMarket(pool);
  account = await addAccount(pool, '100000');
  operator = await addKey(pool, 'operator', null);
  trader = await addKey(pool, 'trader', account);
  app = await startApp(db.url);
});
afterAll(async () => {
  await app?.close();
  await db?.drop();
});

const resolve = (id: string, body: object, key = operator) =>
  app.ask('POST', `/api/v1/operations/orders/${id}/resolve`, { key, body });
const processing = (body: object, key = operator) => app.ask('PUT', '/api/v1/processing', { key, body });

/** An order that was sent, and whose outcome nobody knows. */
async function unknownOrder(): Promise<string> {
  const id = await submitted(pool, account);

  await applyReport(pool, { kind: 'unknown', orderId: id });
  return id;
}

test('an operator ends the doubt about an order, and the history says who and on what evidence', async () => {
  const id = await unknownOrder();
  const answer = await resolve(id, { outcome: 'canceled', reason: 'INC-42: the venue shows it canceled' });
  expect([answer.status, answer.json.status]).toEqual([200, 'CANCELED']);
  const [event] = await db.query<{ data: { reason: string } }>(
    'SELECT data FROM execution.order_events WHERE order_id = $1 ORDER BY version DESC LIMIT 1',
    [id],
  );
  expect(event?.data.reason).toMatch(/^operator:\S+: INC-42: the venue shows it canceled$/);
  expect(app.log.some((line) => line.includes('Unknown order resolved') && line.includes(id))).toBe(true);
});

test('what is known is not resolved: neither an order that rests nor one that has ended', async () => {
  const id = await unknownOrder();
  expect((await resolve(id, { outcome: 'accepted', reason: 'seen' })).json.status).toBe('OPEN');
  for (const outcome of ['canceled', 'rejected', 'expired', 'accepted']) {
    const again = await resolve(id, { outcome, reason: 'seen' });
    expect([again.status, again.json.code, again.json.details]).toEqual([409, 'order_not_unknown', { status: 'OPEN' }]);
  }
  expect((await db.query('SELECT 1 FROM execution.quarantined_reports')).length).toBe(0);
});

test('two operators at once: one of them has resolved it', async () => {
  const id = await unknownOrder();
  const answers = await Promise.all(
    ['canceled', 'expired'].map((outcome) => resolve(id, { outcome, reason: 'at the same time' })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
});

test('a trader resolves nothing, pauses nothing and reconciles nothing', async () => {
  const id = await unknownOrder();
  const answers = [
    await resolve(id, { outcome: 'canceled', reason: 'mine' }, trader),
    await processing({ paused: true, reason: 'mine' }, trader),
    await app.ask('POST', '/api/v1/reconciliation', { key: trader }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
});

test('while it is paused nothing is executed or expired, on record; after that all is', async () => {
  const order = await placed(pool, account, { price: '101' });
  const paused = await processing({ paused: true, reason: 'quotes are wrong' });
  expect(paused.json).toMatchObject({
    paused: true,
    reason: 'quotes are wrong',
    changedBy: expect.stringMatching(/^operator:/),
  });
  expect(await executeLimitOrders(pool, BOUNDS)).toMatchObject({ examined: 0, executed: 0 });
  expect((await app.ask('GET', '/api/v1/processing', { key: trader })).json).toMatchObject({ paused: true });
  expect((await processing({ paused: false, reason: 'they are right again' })).json).toMatchObject({ paused: false });
  expect((await executeLimitOrders(pool, BOUNDS)).executed).toBeGreaterThan(0);
  const events = await app.ask('GET', `/api/v1/orders/${order.id}`, { key: trader });
  expect(events.json.status).toBe('FILLED');
  await expect(db.query('DELETE FROM execution.processing_pauses')).rejects.toThrow(/append-only|may not/i);
});

test('reconciling at request finds what is wrong, puts right what follows, and is on record', async () => {
  await placed(pool, account, { price: '50' });
  const clean = await app.ask('POST', '/api/v1/reconciliation', { key: operator });
  expect(clean.json).toMatchObject({ unresolved: 0 });
  expect(clean.json.lookedAt).toBeGreaterThan(0);
  await db.query('UPDATE portfolio.accounts SET reserved = reserved + 1, cash = cash - 1 WHERE id = $1', [account]);
  const found = await app.ask('POST', '/api/v1/reconciliation', { key: operator });
  expect(found.json).toMatchObject({
    actions: 1,
    unresolved: 0,
    findings: [{ kind: 'ACCOUNT_RESERVED', repaired: true }],
  });
  const [run] = await db.query('SELECT cause, actions FROM execution.reconciliation_runs ORDER BY id DESC LIMIT 1');
  expect(run).toEqual({ cause: 'request', actions: 1 });
});
