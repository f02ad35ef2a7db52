import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { marketable } from '../src/db/limit-orders.ts';
import { type DatabasePool, transaction, withConnection } from '../src/db/pool.ts';
import { findConservationBreaks } from '../src/db/portfolio.ts';
import type { Order } from '../src/domain/order.ts';
import { type ExecutionCycle, executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { getOrder, getOrderEvents } from '../src/orders/get-order.ts';
import { getPortfolio } from '../src/orders/get-portfolio.ts';
import { createCycleReport, startLimitProcessor } from '../src/workers/limit-processor.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket, place, placed, quote, SYMBOL, soon } from './support/fixtures.ts';
import { foldOrder } from './support/fold-order.ts';

const BOUNDS = { quoteMaxAgeMs: 15_000, batch: 500 };
let database: TestDatabase;
let pool: DatabasePool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool({ max: 20 });
  await addMarket(pool);
});
beforeEach(async () => {
  // What an earlier test left resting is filled first, so that each test counts its own.
  await quote(pool, '100', '100');
  await executeLimitOrders(pool, BOUNDS);
  await quote(pool, '99', '101');
});
afterAll(async () => {
  expect(await withConnection(pool, findConservationBreaks)).toEqual([]);
  await database.drop();
});

const cycle = (bounds = BOUNDS): Promise<ExecutionCycle> => executeLimitOrders(pool, bounds);

async function expectFolded(account: string, id: string): Promise<Order> {
  const order = await getOrder(pool, account, id);
  expect(foldOrder(await getOrderEvents(pool, account, id))).toEqual(order);
  return order;
}

test('a BUY is filled at the ask once that is at its limit, and what is left of the reservation comes back', async () => {
  const account = await addAccount(pool, '1000');
  const { id } = await placed(pool, account, { quantity: '2', price: '100' });
  expect(await cycle()).toMatchObject({ examined: 0, executed: 0, failed: 0 });
  await quote(pool, '98', '99.5');
  expect(await cycle()).toMatchObject({ examined: 1, executed: 1, expired: 0, failed: 0, unpriced: [] });
  const order = await expectFolded(account, id);
  expect(order).toMatchObject({
    status: 'FILLED',
    version: 2,
    filledQuantity: '2',
    averageFillPrice: '99.5',
    reservedCash: '0',
  });
  expect(await getPortfolio(pool, account)).toMatchObject({
    cash: '801',
    reserved: '0',
    positions: [{ symbol: SYMBOL, quantity: '2', reserved: '0', cost: '199' }],
  });
  const outbox = await database.query(
    'SELECT type FROM execution.portfolio_events_outbox WHERE order_id = $1 ORDER BY id',
    [id],
  );
  expect(outbox).toEqual([{ type: 'ORDER_PLACED' }, { type: 'ORDER_FILLED' }]);
  const fills = await database.query(
    'SELECT exchange_fill_id, quantity, price FROM execution.fills WHERE order_id = $1',
    [id],
  );
  expect(fills).toEqual([{ exchange_fill_id: `paper-${id}-2`, quantity: '2.00000000', price: '99.50000000' }]);
  expect(await cycle()).toMatchObject({ examined: 0, executed: 0 });
});

test('a SELL is filled at the bid, and takes its share of the cost with it', async () => {
  const account = await addAccount(pool, '1000');
  await placed(pool, account, { quantity: '4', price: '101' });
  await cycle();
  const { id } = await placed(pool, account, { side: 'SELL', quantity: '1', price: '100' });
  await cycle();
  expect((await getOrder(pool, account, id)).status).toBe('OPEN');
  await quote(pool, '102', '103');
  expect(await cycle()).toMatchObject({ executed: 1 });
  expect(await expectFolded(account, id)).toMatchObject({
    status: 'FILLED',
    averageFillPrice: '102',
    reservedQuantity: '0',
  });
  expect(await getPortfolio(pool, account)).toMatchObject({
    cash: '698',
    reserved: '0',
    positions: [{ symbol: SYMBOL, quantity: '3', reserved: '0', cost: '303' }],
  });
});

test('MARKET orders are filled at the touch by the next cycle, and a BUY that its reservation does not pay for ends', async () => {
  const account = await addAccount(pool, '1000', '5');
  const dear = await placed(pool, account, { type: 'MARKET', price: null, quantity: '2' });
  const sell = await placed(pool, account, { type: 'MARKET', side: 'SELL', price: null, quantity: '1' });
  expect([dear.timeInForce, sell.timeInForce]).toEqual(['IOC', 'IOC']);
  await quote(pool, '99', '106.06');
  expect(await cycle()).toMatchObject({ examined: 2, executed: 1, expired: 1 });
  expect(await getOrder(pool, account, sell.id)).toMatchObject({ status: 'FILLED', averageFillPrice: '99' });
  expect(await expectFolded(account, dear.id)).toMatchObject({ status: 'EXPIRED', filledQuantity: '0' });
  expect(await getPortfolio(pool, account)).toMatchObject({ cash: '1099', reserved: '0' });
  await quote(pool, '99', '101');
  const buy = await placed(pool, account, { type: 'MARKET', price: null, quantity: '2' });
  await quote(pool, '99', '106.05');
  expect(await cycle()).toMatchObject({ executed: 1 });
  expect(await expectFolded(account, buy.id)).toMatchObject({ status: 'FILLED', averageFillPrice: '106.05' });
  expect(await getPortfolio(pool, account)).toMatchObject({ cash: '886.9', reserved: '0' });
});

test('a buy and a sell of one account and symbol are booked in the same cycle', async () => {
  const account = await addAccount(pool, '1000', '3');
  await placed(pool, account, { quantity: '2', price: '101' });
  await placed(pool, account, { side: 'SELL', quantity: '3', price: '99' });
  expect(await cycle()).toMatchObject({ executed: 2 });
  expect(await getPortfolio(pool, account)).toMatchObject({
    cash: '1095',
    positions: [{ quantity: '2', reserved: '0' }],
  });
});

test('a stale quote fills nothing, and its symbol is reported', async () => {
  const account = await addAccount(pool, '1000');
  const { id } = await placed(pool, account, { price: '101' });
  await database.query(`UPDATE market.quotes SET as_of = now() - interval '20 seconds'`);
  expect(await cycle()).toMatchObject({ examined: 0, executed: 0, unpriced: [{ symbol: SYMBOL, reason: 'stale' }] });
  await quote(pool, '99', '101');
  expect(await cycle()).toMatchObject({ executed: 1, unpriced: [] });
  expect((await getOrder(pool, account, id)).status).toBe('FILLED');
});

test('an order whose time is over is not filled but ended, and gives back what it held', async () => {
  const account = await addAccount(pool, '1000', '2');
  const expireAt = soon();
  const buy = await placed(pool, account, { timeInForce: 'GTD', expireAt });
  const sell = await placed(pool, account, { side: 'SELL', quantity: '2', timeInForce: 'GTD', expireAt });
  const kept = await placed(pool, account, { timeInForce: 'GTD', expireAt: '2099-01-01T00:00:00Z', price: '50' });
  await eventually('the time is over', async () => {
    const [row] = await database.query<{ over: boolean }>('SELECT now() > $1::timestamptz AS over', [expireAt]);
    return row?.over;
  });
  await quote(pool, '100', '100');
  expect(await cycle()).toMatchObject({ examined: 0, executed: 0, expired: 2 });
  for (const { id } of [buy, sell]) {
    expect(await expectFolded(account, id)).toMatchObject({
      status: 'EXPIRED',
      reservedCash: '0',
      reservedQuantity: '0',
    });
  }
  expect((await getOrder(pool, account, kept.id)).status).toBe('OPEN');
  expect(await getPortfolio(pool, account)).toMatchObject({
    cash: '950',
    reserved: '50',
    positions: [{ reserved: '0' }],
  });
});

test('a cycle is bounded by its batch', async () => {
  const account = await addAccount(pool, '10000');
  for (let n = 0; n < 5; n += 1) {
    await placed(pool, account, { price: '101' });
  }
  expect(await cycle({ ...BOUNDS, batch: 2 })).toMatchObject({ examined: 2, executed: 2 });
  expect(await cycle({ ...BOUNDS, batch: 2 })).toMatchObject({ examined: 2, executed: 2 });
  expect(await cycle({ ...BOUNDS, batch: 2 })).toMatchObject({ examined: 1, executed: 1 });
});

test('an order that somebody else holds is left alone, and its neighbours are filled', async () => {
  const account = await addAccount(pool, '10000');
  const held = await placed(pool, account, { price: '101' });
  await placed(pool, account, { price: '101' });
  const holder = await database.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM execution.orders WHERE id = $1 FOR UPDATE', [held.id]);
  expect(await cycle()).toMatchObject({ examined: 1, executed: 1 });
  await holder.query('COMMIT');
  expect(await cycle()).toMatchObject({ examined: 1, executed: 1 });
});

test('two processors side by side, with traders placing, fill every order once and lose no cash', async () => {
  const accounts = await Promise.all(Array.from({ length: 6 }, () => addAccount(pool, '100000', '1000')));
  let trading = true;
  const processor = async (): Promise<number> => {
    const own = database.pool({ max: 2 });
    let executed = 0;
    for (let idle = 0, n = 0; idle < 2 && n < 10_000; n += 1) {
      const done = (await executeLimitOrders(own, { ...BOUNDS, batch: 7 })).executed;
      executed += done;
      idle = done === 0 && !trading ? idle + 1 : 0;
    }
    return executed;
  };
  const trader = async (account: string, index: number): Promise<void> => {
    for (let n = 0; n < 40; n += 1) {
      const buy = (n + index) % 2 === 0;
      await placed(pool, account, { side: buy ? 'BUY' : 'SELL', quantity: '0.5', price: buy ? '101' : '99' });
    }
  };
  const processors = [processor(), processor()];
  await Promise.all(accounts.map(trader));
  trading = false;
  const executed = (await Promise.all(processors)).reduce((sum, n) => sum + n, 0);
  expect(executed).toBe(240);
  const [counts] = await database.query(
    `SELECT count(*)::int AS fills, count(DISTINCT f.order_id)::int AS orders, bool_and(o.status = 'FILLED') AS filled
     FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id WHERE o.account_id = ANY ($1)`,
    [accounts],
  );
  expect(counts).toEqual({ fills: 240, orders: 240, filled: true });
  expect(await withConnection(pool, findConservationBreaks)).toEqual([]);
});

test('conservation is noticed when it is broken', async () => {
  const account = await addAccount(pool, '1000', '3');
  const broken = await transaction(pool, async (tx) => {
    await tx.query({ text: 'UPDATE portfolio.accounts SET cash = cash + 0.01 WHERE id = $1', values: [account] });
    await tx.query({ text: 'UPDATE portfolio.positions SET quantity = 2 WHERE account_id = $1', values: [account] });
    const breaks = await findConservationBreaks(tx);
    await tx.query({ text: 'UPDATE portfolio.accounts SET cash = cash - 0.01 WHERE id = $1', values: [account] });
    await tx.query({ text: 'UPDATE portfolio.positions SET quantity = 3 WHERE account_id = $1', values: [account] });
    return breaks;
  });
  expect(broken).toEqual([
    { accountId: account, symbol: SYMBOL, difference: '-1' },
    { accountId: account, symbol: null, difference: '0.01' },
  ]);
});

test('an order that cannot be booked fails alone, says so in an event, and is tried again later', async () => {
  const good = await addAccount(pool, '1000');
  const bad = await addAccount(pool, '1000');
  await placed(pool, good, { price: '101' });
  const poison = await placed(pool, bad, { price: '101' });
  // The reservation of the account is less than what its order holds, as after a correction that went wrong.
  await database.query('UPDATE portfolio.accounts SET cash = cash + reserved, reserved = 0 WHERE id = $1', [bad]);
  const first = await cycle();
  expect(first).toMatchObject({ examined: 2, executed: 1, failed: 1 });
  expect(first.failures).toMatchObject([
    { orderId: poison.id, reason: 'INSUFFICIENT_CASH', error: { code: 'internal' } },
  ]);
  expect((await getOrderEvents(pool, bad, poison.id)).at(-1)).toMatchObject({
    type: 'EXECUTION_FAILED',
    fromStatus: 'OPEN',
    toStatus: 'OPEN',
    data: { reason: 'INSUFFICIENT_CASH' },
  });
  expect(await cycle()).toMatchObject({ examined: 0, executed: 0, failed: 0 });
  await database.query('UPDATE portfolio.accounts SET cash = cash - 101, reserved = 101 WHERE id = $1', [bad]);
  await letRetry(poison.id);
  expect(await cycle()).toMatchObject({ executed: 1, failed: 0 });
  expect((await expectFolded(bad, poison.id)).status).toBe('FILLED');
});

test('an order that cannot be ended holds up no other one either', async () => {
  const good = await addAccount(pool, '1000');
  const bad = await addAccount(pool, '1000', '1');
  const expireAt = soon();
  const ended = await placed(pool, good, { timeInForce: 'GTD', expireAt });
  const poison = await placed(pool, bad, { side: 'SELL', price: '200', timeInForce: 'GTD', expireAt });
  await database.query('UPDATE portfolio.positions SET reserved = 0 WHERE account_id = $1', [bad]);
  await eventually('the time is over', async () => {
    const [row] = await database.query<{ over: boolean }>('SELECT now() > $1::timestamptz AS over', [expireAt]);
    return row?.over;
  });
  const first = await cycle();
  expect(first).toMatchObject({ expired: 1, failed: 1 });
  expect(first.failures).toMatchObject([{ orderId: poison.id, reason: 'INSUFFICIENT_SHARES' }]);
  expect((await getOrder(pool, good, ended.id)).status).toBe('EXPIRED');
  expect(await cycle()).toMatchObject({ expired: 0, failed: 0 });
  await database.query('UPDATE portfolio.positions SET reserved = 1 WHERE account_id = $1', [bad]);
  await letRetry(poison.id);
  expect(await cycle()).toMatchObject({ expired: 1, failed: 0 });
});

/** The time after a failure is over. What the trigger holds is not of interest here. */
async function letRetry(orderId: string): Promise<void> {
  const client = await database.connect();
  await client.query('BEGIN; SET LOCAL session_replication_role = replica');
  await client.query('UPDATE execution.orders SET retry_at = now() WHERE id = $1', [orderId]);
  await client.query('COMMIT');
}

test('among thousands of resting orders, those in reach are found by their indexes', async () => {
  const crowded = await createTestDatabase();
  const account = await addAccount(crowded.pool({ max: 1 }), '1');
  await addMarket(crowded.pool({ max: 1 }));
  await crowded.query(`SET session_replication_role = replica`);
  await crowded.query(
    `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force, status)
     SELECT gen_random_uuid(), $1, n, '${SYMBOL}', 'BUY', 'LIMIT', 1, n / 100.0, 'PAPER', 'GTC', 'OPEN'
     FROM generate_series(1, 10000) n`,
    [account],
  );
  await crowded.query('ANALYZE execution.orders');
  const rows = await crowded.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN ${marketable('1000')}`.replaceAll('$1', '15000').replaceAll('$3', 'NULL').replaceAll('$4', "'{24x7}'"),
  );
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  for (const index of ['orders_resting_idx', 'orders_resting_buys_idx', 'orders_immediate_idx']) {
    expect(plan.split(index), plan).toHaveLength(2);
  }
  // Price-time priority comes with the index: nothing is sorted.
  expect(plan).not.toContain('Sort');
  expect(plan).toMatch(/Index Cond: .*price >= q/);
  expect(plan).toMatch(/Index Cond: .*price <= q/);
  expect(plan).not.toContain('Seq Scan on orders');
  await crowded.drop();
});

type Line = [level: string, fields: object, message: string];

function recorder() {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message]);
  return { lines, log: { info: at('info'), warn: at('warn'), error: at('error') } };
}

test('the worker fills, goes on after a failed cycle, and stops after its step', async () => {
  const account = await addAccount(pool, '1000');
  const own = database.pool({ max: 1, applicationName: 'processor' });
  const { lines, log } = recorder();
  const cycles: ExecutionCycle[] = [];
  const worker = startLimitProcessor({
    pool: own,
    bounds: BOUNDS,
    intervalMs: 10,
    log,
    onCycle: (done) => cycles.push(done),
  });
  await eventually('a cycle', async () => cycles.length > 0);
  await database.query('ALTER TABLE execution.fills RENAME TO fills_away');
  await eventually('a failed cycle', async () =>
    lines.some(([, , message]) => message === 'Critical error in order processing'),
  );
  await database.query('ALTER TABLE execution.fills_away RENAME TO fills');
  await placed(pool, account, { price: '101' });
  await eventually('a fill', async () => cycles.some(({ executed }) => executed === 1));
  await worker.stop();
  await worker.stop();
  const finished = cycles.length;
  expect(lines.filter(([, , message]) => message === 'Limit orders executed')).toHaveLength(1);
  expect((await place(pool, account)).kind).toBe('placed');
  expect(cycles).toHaveLength(finished);
});

test('a symbol without a price is logged when it loses it, not in every cycle', () => {
  const { lines, log } = recorder();
  const report = createCycleReport(log);
  const quiet = { examined: 0, executed: 0, expired: 0, failed: 0, durationMs: 1, failures: [] };
  for (const unpriced of [['A'], ['A'], ['A', 'B'], [], ['A']]) {
    report({ ...quiet, unpriced: unpriced.map((symbol) => ({ symbol, reason: 'missing' })) });
  }
  expect(lines).toEqual(
    ['A', 'B', 'A'].map((symbol) => ['warn', { symbol, reason: 'missing' }, 'Unable to get price for asset']),
  );
});
