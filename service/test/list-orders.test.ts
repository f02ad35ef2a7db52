import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findOrders } from '../src/db/orders.ts';
import type { DatabasePool } from '../src/db/pool.ts';
import type { Order } from '../src/domain/order.ts';
import { getOrder, getOrderEvents } from '../src/orders/get-order.ts';
import { getPortfolio } from '../src/orders/get-portfolio.ts';
import { type ListOrdersQuery, listOrders, type OrderPage } from '../src/orders/list-orders.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, place, placed, SYMBOL } from './support/fixtures.ts';

let database: TestDatabase;
let pool: DatabasePool;
let account: string;
const all: Order[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
  await addMarket(pool);
  account = await addAccount(pool, '10000', '5');
  for (let n = 0; n < 7; n += 1) {
    all.unshift(await placed(pool, account, { quantity: String(n + 1) }));
  }
});
afterAll(() => database.drop());

async function pages(query: Omit<ListOrdersQuery, 'cursor'>): Promise<Order[][]> {
  const seen: Order[][] = [];
  let cursor: string | null | undefined;
  for (let page = 0; page < 20 && cursor !== null; page += 1) {
    const found = await listOrders(pool, { ...query, ...(cursor === undefined ? {} : { cursor }) });
    seen.push([...found.orders]);
    cursor = found.nextCursor;
  }
  return seen;
}

test('pages of every size hold every order once, newest first', async () => {
  for (const limit of [1, 2, 3, 7, 8, 100]) {
    const seen = await pages({ accountId: account, limit });
    expect(seen.flat()).toEqual(all);
    expect(seen).toHaveLength(Math.ceil(all.length / limit));
  }
});

test('orders of the very same microsecond are neither repeated nor skipped', async () => {
  const twin = await addAccount(pool, '10000');
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    ids.push((await placed(pool, twin)).id);
  }
  const client = await database.connect();
  await client.query('BEGIN; SET LOCAL session_replication_role = replica');
  await client.query(`UPDATE execution.orders SET created_at = '2026-01-01 00:00:00.000001+00' WHERE account_id = $1`, [
    twin,
  ]);
  await client.query('COMMIT');
  const seen = (await pages({ accountId: twin, limit: 2 })).flat();
  expect(seen.map(({ id }) => id)).toEqual(ids.sort().reverse());
});

test('an order that comes while pages are read changes none of the later pages', async () => {
  const busy = await addAccount(pool, '10000');
  const older = [await placed(pool, busy), await placed(pool, busy)].reverse();
  const first = await listOrders(pool, { accountId: busy, limit: 1 });
  await placed(pool, busy);
  const second = await listOrders(pool, { accountId: busy, limit: 1, cursor: first.nextCursor ?? '' });
  expect([...first.orders, ...second.orders]).toEqual(older);
  expect(second.nextCursor).toBeNull();
});

test('whatever comes while pages are read: no order is repeated, and none that was there is skipped', async () => {
  const step = fc.record({ limit: fc.integer({ min: 1, max: 4 }), arriveBefore: fc.integer({ min: 0, max: 3 }) });
  const history = fc.record({
    there: fc.integer({ min: 0, max: 8 }),
    steps: fc.array(step, { minLength: 20, maxLength: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(history, async ({ there, steps }) => {
      const reader = await addAccount(pool, '100000');
      const ids: string[] = [];
      for (let n = 0; n < there; n += 1) ids.unshift((await placed(pool, reader)).id);
      const seen: string[] = [];
      let cursor: string | undefined;
      for (const { limit, arriveBefore } of steps) {
        // The first page is read of what is there; from then on new orders come before each.
        for (let n = 0; cursor !== undefined && n < arriveBefore; n += 1) await placed(pool, reader);
        const page: OrderPage = await listOrders(pool, { accountId: reader, limit, cursor });
        seen.push(...page.orders.map(({ id }) => id));
        cursor = page.nextCursor ?? undefined;
        if (cursor === undefined) break;
      }
      expect(cursor).toBeUndefined();
      expect(seen).toEqual(ids);
    }),
    { numRuns: 15 },
  );
});

test('status and symbol filter', async () => {
  const trader = await addAccount(pool, '100');
  const open = await placed(pool, trader);
  await place(pool, trader, { quantity: '50' });
  expect((await listOrders(pool, { accountId: trader, status: 'OPEN' })).orders).toEqual([open]);
  expect((await listOrders(pool, { accountId: trader, status: 'DENIED' })).orders).toMatchObject([
    { status: 'DENIED' },
  ]);
  expect((await listOrders(pool, { accountId: trader, symbol: SYMBOL })).orders).toHaveLength(2);
  expect(await listOrders(pool, { accountId: trader, symbol: 'NOPE' })).toEqual({ orders: [], nextCursor: null });
});

test.each(['', 'x', 'bm90IGEgY3Vyc29y', Buffer.from('2026-13-01T00:00:00.000000Z 0').toString('base64url')])(
  'the cursor %j is refused',
  async (cursor) => {
    await expect(listOrders(pool, { accountId: account, cursor })).rejects.toMatchObject({ code: 'invalid_cursor' });
  },
);

test.each([0, 101, 1.5])('the limit %d is refused', async (limit) => {
  await expect(listOrders(pool, { accountId: account, limit })).rejects.toThrow(RangeError);
});

test('another account’s order does not exist', async () => {
  const [{ id } = { id: '' }] = all;
  const other = await addAccount(pool, '1');
  for (const read of [getOrder, getOrderEvents]) {
    await expect(read(pool, other, id)).rejects.toMatchObject({ code: 'order_not_found' });
    await expect(read(pool, account, randomUUID())).rejects.toMatchObject({ code: 'order_not_found' });
    await expect(read(pool, account, 'not-an-id')).rejects.toMatchObject({ code: 'order_not_found' });
  }
  await expect(getPortfolio(pool, randomUUID())).rejects.toMatchObject({ code: 'account_missing' });
});

test('the list reads its index in order, and sorts nothing', async () => {
  const client = await database.connect();
  const plans: string[] = [];
  await client.query('SET enable_seqscan = off');
  const explain = {
    query: async ({ text, values }: { text: string; values?: unknown[] }) => {
      const result = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
      plans.push(result.rows.map((row) => row['QUERY PLAN']).join('\n'));
      return { ...result, rows: [] };
    },
  };
  const after = { createdAt: '2026-01-01T00:00:00.000000Z', id: randomUUID() };
  await findOrders(explain, { accountId: account, status: null, symbol: null, after, limit: 10 });
  expect(plans).toHaveLength(1);
  expect(plans[0]).toContain('orders_account_created_idx');
  expect(plans[0]).not.toContain('Sort');
});
