import { afterAll, beforeAll, expect, test } from 'vitest';
import { readOperations, readPortfolioTotals } from '../src/db/operations.ts';
import { type DatabasePool, withConnection } from '../src/db/pool.ts';
import { findWorkerAges, recordHeartbeats } from '../src/db/workers.ts';
import { cancelOrder } from '../src/orders/cancel-order.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { getOrder, getOrderEvents } from '../src/orders/get-order.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, placed, quote } from './support/fixtures.ts';
import { foldOrder } from './support/fold-order.ts';

let database: TestDatabase;
let pool: DatabasePool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
  await addMarket(pool);
});
afterAll(() => database.drop());

const query = (text: string, values: unknown[] = []) => withConnection(pool, (tx) => tx.query({ text, values }));

/** As if the clock had been set back by an hour since: what is on record is ahead of it. */
async function setBackSince(id: string): Promise<string> {
  // Past the trigger, which lets an order change only with its version.
  await query(`SET session_replication_role = replica;
    UPDATE execution.orders SET updated_at = updated_at + interval '1 hour' WHERE id = '${id}';
    SET session_replication_role = DEFAULT`);
  const { rows } = await query('SELECT updated_at AS at FROM execution.orders WHERE id = $1', [id]);
  return String(rows[0]?.at);
}

async function expectNeverBefore(account: string, id: string, status: string, at: string): Promise<void> {
  const order = await getOrder(pool, account, id);
  expect(order).toMatchObject({ status, updatedAt: at });
  expect(foldOrder(await getOrderEvents(pool, account, id))).toEqual(order);
}

test('an order is not filled before it was placed, though the clock says so', async () => {
  const account = await addAccount(pool, '1000');
  const { id } = await placed(pool, account, { price: '101' });
  const at = await setBackSince(id);
  await quote(pool, '99', '101');
  await executeLimitOrders(pool, { quoteMaxAgeMs: 15_000, batch: 10 });
  await expectNeverBefore(account, id, 'FILLED', at);
  const { rows } = await query('SELECT at FROM execution.fills WHERE order_id = $1', [id]);
  expect(rows).toEqual([{ at }]);
});

test('nor does it expire, or end by its owner’s hand, before that', async () => {
  const account = await addAccount(pool, '1000');
  await quote(pool, '199', '201');
  const [leftover, canceled] = [
    await placed(pool, account, { price: '101', timeInForce: 'IOC' }),
    await placed(pool, account, { price: '101' }),
  ];
  const times = [await setBackSince(leftover.id), await setBackSince(canceled.id)];
  await executeLimitOrders(pool, { quoteMaxAgeMs: 15_000, batch: 10 });
  await cancelOrder(pool, { accountId: account, orderId: canceled.id });
  await expectNeverBefore(account, leftover.id, 'EXPIRED', times[0] ?? '');
  await expectNeverBefore(account, canceled.id, 'CANCELED', times[1] ?? '');
});

test('no age falls below zero: not of heartbeats, quotes or events', async () => {
  const account = await addAccount(pool, '1000');
  await placed(pool, account, { price: '50' });
  const instance = { id: '00000000-0000-7000-8000-000000000001', host: 'here', processId: 1 };
  const status = {
    name: 'reaper',
    stepForMs: null,
    lastStepAgoMs: null,
    steps: 0,
    failuresInRow: 0,
    pausedForMs: null,
    lastError: null,
  };
  await withConnection(pool, (tx) => recordHeartbeats(tx, instance, [status]));
  await query("UPDATE workers.workers SET heartbeat_at = heartbeat_at + interval '1 hour'");
  await query("UPDATE market.quotes SET as_of = as_of + interval '1 hour'");
  await query("UPDATE execution.portfolio_events_outbox SET created_at = created_at + interval '1 hour'");
  expect(await withConnection(pool, findWorkerAges)).toMatchObject([{ name: 'reaper', heartbeatAgeS: 0 }]);
  expect(await withConnection(pool, readOperations)).toMatchObject({
    portfolioStalenessS: 0,
    reconciliationAgeS: null,
  });
  expect(await withConnection(pool, readPortfolioTotals)).toMatchObject({ quoteAgeS: 0 });
});
