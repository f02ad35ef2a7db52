import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DatabasePool, transaction } from '../src/db/pool.ts';
import { type Quote, upsertQuotes, upsertReferenceQuotes } from '../src/db/quotes.ts';
import type { NewOrder, Order } from '../src/domain/order.ts';
import { setKillSwitch } from '../src/kill-switch/kill-switch.ts';
import { cancelOrder } from '../src/orders/cancel-order.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { getOrder, getOrderEvents } from '../src/orders/get-order.ts';
import { getPortfolio } from '../src/orders/get-portfolio.ts';
import { expectAllFolded, expectBooksHold, restTogether } from './support/books.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket, place, placed, SYMBOL } from './support/fixtures.ts';

const BOUNDS = { quoteMaxAgeMs: 15_000, batch: 500 };
let database: TestDatabase;
let pool: DatabasePool;
let account: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool({ max: 16 });
  await addMarket(pool);
});
beforeEach(async () => {
  // What an earlier test left resting is filled first, so that each test counts its own.
  await quoted({ bid: '100', ask: '100' });
  await executeLimitOrders(pool, BOUNDS);
  await quoted({});
  account = await addAccount(pool, '10000', '100');
});
afterAll(async () => {
  expect(await expectAllFolded(database)).toBeGreaterThan(2000);
  await expectBooksHold(pool);
  await database.drop();
});

const quoted = (change: Partial<Quote>): Promise<void> =>
  transaction(pool, (tx) => upsertQuotes(tx, [{ symbol: SYMBOL, bid: '99', ask: '101', asOf: null, ...change }]));
const cycle = () => executeLimitOrders(pool, BOUNDS);
const buy = (quantity: string, price: string, change: Partial<NewOrder> = {}): Promise<Order> =>
  placed(pool, account, { quantity, price, ...change });
const sell = (quantity: string, price: string, change: Partial<NewOrder> = {}): Promise<Order> =>
  placed(pool, account, { side: 'SELL', quantity, price, ...change });
const now = ({ id }: Order): Promise<Order> => getOrder(pool, account, id);
const eventTypes = async ({ id }: Order): Promise<string[]> =>
  (await getOrderEvents(pool, account, id)).map(({ type }) => type);
const sizes = () => database.query('SELECT bid_size, ask_size FROM market.quotes WHERE symbol = $1', [SYMBOL]);

describe('a quote with a size', () => {
  test('fills no more than it is good for, the best price first and then the oldest, until the next quote', async () => {
    const low = await buy('2', '101');
    const early = await buy('3', '102');
    const late = await buy('3', '102');
    await quoted({ askSize: '4' });
    expect(await cycle()).toMatchObject({ examined: 3, executed: 2, expired: 0 });
    expect([await now(early), await now(late), await now(low)]).toMatchObject([
      { status: 'FILLED', filledQuantity: '3' },
      { status: 'PARTIALLY_FILLED', filledQuantity: '1', reservedCash: '204' },
      { status: 'OPEN', filledQuantity: '0' },
    ]);
    expect(await sizes()).toEqual([{ bid_size: null, ask_size: '0.00000000' }]);
    expect(await cycle()).toMatchObject({ examined: 0, executed: 0 });
    await quoted({ ask: '100', askSize: '1' });
    await cycle();
    await quoted({ ask: '99.5', askSize: '50' });
    await cycle();
    expect(await now(late)).toMatchObject({ status: 'FILLED', averageFillPrice: '100.1666666666666667' });
    expect(await eventTypes(late)).toEqual(['PLACED', 'PARTLY_FILLED', 'PARTLY_FILLED', 'FILLED']);
    expect((await now(low)).status).toBe('FILLED');
    expect(await sizes()).toEqual([{ bid_size: null, ask_size: '47.00000000' }]);
    // 3 at 101, then 1 at 101, 1 at 100, 1 at 99.5, and 2 at 99.5.
    expect(await getPortfolio(pool, account)).toMatchObject({ cash: '9197.5', reserved: '0' });
  });

  test('is spent in whole lots, and by MARKET orders before all others', async () => {
    const first = await sell('1', '98');
    const market = await sell('1', '1', { type: 'MARKET', price: null });
    await quoted({ bid: '99', bidSize: '1.5009' });
    expect(await cycle()).toMatchObject({ executed: 2 });
    expect(await now(market)).toMatchObject({ status: 'FILLED' });
    expect(await now(first)).toMatchObject({
      status: 'PARTIALLY_FILLED',
      filledQuantity: '0.5',
      reservedQuantity: '0.5',
    });
    expect(await sizes()).toEqual([{ bid_size: '0.00090000', ask_size: null }]);
    expect(await cycle()).toMatchObject({ examined: 0 });
  });

  test('is not spent twice by four processors at once', async () => {
    await restTogether(database, [account], { side: 'BUY', count: 60, price: 101 });
    await quoted({ askSize: '25' });
    const cycles = await Promise.all(
      Array.from({ length: 4 }, () => executeLimitOrders(pool, { ...BOUNDS, batch: 20 })),
    );
    await cycle();
    expect(cycles.reduce((sum, { executed }) => sum + executed, 0)).toBeLessThanOrEqual(25);
    const [row] = await database.query(
      `SELECT sum(f.quantity)::float AS filled FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id
       WHERE o.account_id = $1`,
      [account],
    );
    expect(row).toEqual({ filled: 25 });
  });
});

describe('a limited quote and a slow processor', () => {
  /** How many connections wait for a lock. */
  const waiting = async (): Promise<number> => {
    const [row] = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return row?.n ?? 0;
  };

  test('a second processor cannot give worse orders what better ones wait for', async () => {
    const rival = await addAccount(pool, '10000');
    await restTogether(database, [account], { side: 'BUY', count: 20, price: 102 });
    await restTogether(database, [rival], { side: 'BUY', count: 20, price: 101 });
    await quoted({ askSize: '25' });
    const holder = await database.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM portfolio.accounts WHERE id = $1 FOR UPDATE', [account]);
    const first = executeLimitOrders(pool, { ...BOUNDS, batch: 20 });
    await eventually('the first waits for the account', async () => (await waiting()) === 1);
    let over = false;
    const second = executeLimitOrders(pool, { ...BOUNDS, batch: 20 }).then(() => {
      over = true;
    });
    await eventually('the second waits for the quote', async () => over || (await waiting()) === 2);
    await holder.query('COMMIT');
    await Promise.all([first, second]);
    await cycle();
    const filled = await database.query(
      `SELECT trim_scale(o.price)::text AS price, sum(o.filled_quantity)::int AS filled FROM execution.orders o
       WHERE o.account_id = ANY ($1) GROUP BY o.price ORDER BY o.price DESC`,
      [[account, rival]],
    );
    expect(filled).toEqual([
      { price: '102', filled: 20 },
      { price: '101', filled: 5 },
    ]);
  });
});

describe('time in force', () => {
  test('IOC takes what is there, and what is left expires in the same cycle', async () => {
    const part = await buy('5', '101', { timeInForce: 'IOC' });
    await quoted({ askSize: '2' });
    expect(await cycle()).toMatchObject({ examined: 1, executed: 1, expired: 1 });
    expect(await now(part)).toMatchObject({ status: 'EXPIRED', filledQuantity: '2', reservedCash: '0' });
    expect(await eventTypes(part)).toEqual(['PLACED', 'PARTLY_FILLED', 'EXPIRED']);
    expect(await getPortfolio(pool, account)).toMatchObject({ cash: '9798', reserved: '0' });
  });

  test.each([
    ['out of reach', { ask: '101.01' }],
    ['stale', { asOf: '2020-01-01T00:00:00Z' }],
  ])('IOC expires unfilled at a quote that is %s', async (_, change) => {
    const order = await buy('5', '101', { timeInForce: 'IOC' });
    await database.query('DELETE FROM market.quotes');
    await quoted(change);
    expect(await cycle()).toMatchObject({ executed: 0, expired: 1 });
    expect(await now(order)).toMatchObject({ status: 'EXPIRED', filledQuantity: '0' });
    expect((await getOrderEvents(pool, account, order.id)).at(-1)?.data).toMatchObject({
      reason: 'IMMEDIATE_OR_CANCEL',
    });
  });

  test('DAY ends with the session: for crypto with the UTC day', async () => {
    const order = await buy('1', '50', { timeInForce: 'DAY' });
    const midnight = new Date(new Date(order.createdAt).setUTCHours(24, 0, 0, 0)).toISOString();
    expect(order).toMatchObject({ timeInForce: 'DAY', expireAt: midnight.replace('.000Z', '.000000Z') });
    expect(await cycle()).toMatchObject({ expired: 0 });
    expect((await now(order)).status).toBe('OPEN');
  });

  test.each([
    ['GTC', { timeInForce: 'GTC', expireAt: '2099-01-01T00:00:00Z' }],
    ['DAY', { timeInForce: 'DAY', expireAt: '2099-01-01T00:00:00Z' }],
    ['IOC', { timeInForce: 'IOC', expireAt: '2099-01-01T00:00:00Z' }],
    ['MARKET', { type: 'MARKET', price: null, timeInForce: 'GTD', expireAt: '2099-01-01T00:00:00Z' }],
  ] as const)('%s with expireAt is refused', async (_, order) => {
    await expect(place(pool, account, order)).rejects.toMatchObject({ code: 'invalid_expiry' });
  });
});

describe('cancel', () => {
  test('ends an order of our own book at once, gives back what it held, and is harmless twice', async () => {
    const bought = await buy('3', '100');
    const sold = await sell('4', '150');
    for (const { id } of [bought, sold]) {
      const { order } = await cancelOrder(pool, { accountId: account, orderId: id });
      expect(order).toMatchObject({ status: 'CANCELED', version: 2, reservedCash: '0', reservedQuantity: '0' });
      expect((await cancelOrder(pool, { accountId: account, orderId: id })).order).toEqual(order);
    }
    expect(await eventTypes(bought)).toEqual(['PLACED', 'CANCELED']);
    expect(await getPortfolio(pool, account)).toMatchObject({
      cash: '10000',
      reserved: '0',
      positions: [{ quantity: '100', reserved: '0' }],
    });
  });

  test('of a partly filled order keeps what was filled', async () => {
    const order = await buy('3', '101');
    await quoted({ askSize: '1' });
    await cycle();
    const { order: canceled } = await cancelOrder(pool, { accountId: account, orderId: order.id });
    expect(canceled).toMatchObject({ status: 'CANCELED', filledQuantity: '1', averageFillPrice: '101' });
    expect(await getPortfolio(pool, account)).toMatchObject({ cash: '9899', reserved: '0' });
  });

  test('of a filled or denied order is refused, of another account’s there is no such order', async () => {
    const order = await buy('1', '101');
    await cycle();
    const cancel = (accountId: string, orderId: string) => cancelOrder(pool, { accountId, orderId });
    await expect(cancel(account, order.id)).rejects.toMatchObject({
      code: 'order_not_cancelable',
      details: { status: 'FILLED' },
    });
    const denied = await place(pool, account, { quantity: '900' });
    await expect(cancel(account, denied.kind === 'denied' ? denied.order.id : '')).rejects.toMatchObject({
      details: { status: 'DENIED' },
    });
    await expect(cancel(await addAccount(pool, '1'), order.id)).rejects.toMatchObject({ code: 'order_not_found' });
    await expect(cancel(account, `x'; DROP TABLE execution.orders`)).rejects.toMatchObject({ code: 'order_not_found' });
  });

  test('works while the kill switch is engaged', async () => {
    const order = await buy('1', '100');
    await setKillSwitch(pool, 'HALTED', 'a test', 'test');
    try {
      expect((await cancelOrder(pool, { accountId: account, orderId: order.id })).order.status).toBe('CANCELED');
    } finally {
      await setKillSwitch(pool, 'ACTIVE', 'the test is over', 'test');
    }
  });

  test('races with fills: each order ends once, canceled or filled, and the books hold', async () => {
    const orders = await Promise.all(Array.from({ length: 40 }, () => buy('1', '101')));
    const cancels = orders.map(({ id }) =>
      cancelOrder(pool, { accountId: account, orderId: id }).then(
        () => 'CANCELED',
        (error: { code: string }) => error.code,
      ),
    );
    const outcomes = (await Promise.all([...cancels, ...Array.from({ length: 8 }, cycle)])).slice(0, 40);
    const statuses = (await Promise.all(orders.map(now))).map(({ status }) => status);
    expect(outcomes).toEqual(statuses.map((status) => (status === 'FILLED' ? 'order_not_cancelable' : 'CANCELED')));
    await expectBooksHold(pool);
  });
});

describe('two sources', () => {
  const second = (bid: string, ask: string, asOf: string | null = null): Promise<void> =>
    transaction(pool, (tx) => upsertReferenceQuotes(tx, [{ symbol: SYMBOL, source: 'second', bid, ask, asOf }]));

  test('that lie further apart than the bound fill nothing, price no order, and are reported', async () => {
    const order = await buy('1', '101');
    await second('97.9', '100');
    expect(await cycle()).toMatchObject({ executed: 0, unpriced: [{ symbol: SYMBOL, reason: 'disagreeing' }] });
    const market = await place(pool, account, { type: 'MARKET', price: null });
    expect(market).toMatchObject({ kind: 'denied', denial: { reason: 'NO_FRESH_QUOTE' } });
    await second('98', '100');
    expect(await cycle()).toMatchObject({ executed: 1, unpriced: [] });
    expect((await now(order)).status).toBe('FILLED');
  });

  test('are compared only when they speak of the same minute', async () => {
    await database.query('DELETE FROM market.reference_quotes');
    await second('1', '2', new Date(Date.now() - 70_000).toISOString());
    await buy('1', '101');
    expect(await cycle()).toMatchObject({ executed: 1 });
  });
});

test('a symbol without any quote is reported as missing one', async () => {
  const order = await buy('1', '100');
  await database.query('DELETE FROM market.quotes');
  expect(await cycle()).toMatchObject({ executed: 0, unpriced: [{ symbol: SYMBOL, reason: 'missing' }] });
  await cancelOrder(pool, { accountId: account, orderId: order.id });
});

test('four processors over two thousand orders fill each once, and the books hold', async () => {
  const traders = await Promise.all(Array.from({ length: 8 }, () => addAccount(pool, '100000', '1000')));
  await restTogether(database, traders, { side: 'BUY', count: 1000, price: 101 });
  await restTogether(database, traders, { side: 'SELL', count: 1000, price: 99 });
  const processor = async (): Promise<number> => {
    const own = database.pool({ max: 1 });
    let executed = 0;
    for (let idle = 0, n = 0; idle < 2 && n < 10_000; n += 1) {
      const done = (await executeLimitOrders(own, { ...BOUNDS, batch: 50 })).executed;
      executed += done;
      idle = done === 0 ? idle + 1 : 0;
    }
    return executed;
  };
  const executed = await Promise.all(Array.from({ length: 4 }, processor));
  expect(executed.reduce((sum, n) => sum + n, 0)).toBe(2000);
  expect(executed.filter((n) => n > 0).length).toBeGreaterThan(1);
  const [counts] = await database.query(
    `SELECT count(*)::int AS fills, count(DISTINCT f.order_id)::int AS orders, bool_and(o.status = 'FILLED') AS filled
     FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id WHERE o.account_id = ANY ($1)`,
    [traders],
  );
  expect(counts).toEqual({ fills: 2000, orders: 2000, filled: true });
  await expectBooksHold(pool);
});

test('after a random workload every order is what its events say', async () => {
  const traders = await Promise.all(Array.from({ length: 4 }, () => addAccount(pool, '20000', '200')));
  const random = mulberry32(20_261_101);
  const pick = <T>(choices: readonly [T, ...T[]]): T => choices[Math.floor(random() * choices.length)] ?? choices[0];
  const resting: { accountId: string; id: string }[] = [];
  for (let step = 0; step < 60; step += 1) {
    const accountId = traders[step % traders.length] ?? account;
    const orders = Array.from({ length: 4 }, (): Partial<NewOrder> => {
      const type = pick(['LIMIT', 'LIMIT', 'MARKET'] as const);
      return {
        type,
        side: pick(['BUY', 'SELL'] as const),
        quantity: (0.5 + Math.floor(random() * 60) / 10).toFixed(1),
        price: type === 'MARKET' ? null : (97 + Math.floor(random() * 600) / 100).toFixed(2),
        timeInForce: pick(['GTC', 'DAY', 'IOC'] as const),
      };
    });
    for (const outcome of await Promise.all(orders.map((order) => place(pool, accountId, order)))) {
      if (outcome.kind === 'placed') resting.push({ accountId, id: outcome.order.id });
    }
    const middle = 98 + random() * 4;
    const size = (): string | null => pick([null, (random() * 9).toFixed(3)]);
    await quoted({
      bid: (middle - 0.5).toFixed(2),
      ask: (middle + 0.5).toFixed(2),
      bidSize: size(),
      askSize: size(),
    });
    const unlucky = resting[Math.floor(random() * resting.length)];
    await Promise.all([
      cycle(),
      cycle(),
      unlucky && cancelOrder(pool, { accountId: unlucky.accountId, orderId: unlucky.id }).catch(expectNotCancelable),
    ]);
  }
  const statuses = await database.query<{ status: string }>(
    'SELECT DISTINCT status FROM execution.orders WHERE account_id = ANY ($1) ORDER BY status',
    [traders],
  );
  // The workload has shown something only if orders ended in every way that they can.
  expect(statuses.map(({ status }) => status)).toEqual(
    expect.arrayContaining(['CANCELED', 'EXPIRED', 'FILLED', 'OPEN', 'PARTIALLY_FILLED']),
  );
  await expectAllFolded(database);
  await expectBooksHold(pool);
});

function expectNotCancelable(error: { code: string }): void {
  expect(error.code).toBe('order_not_cancelable');
}

/** A small generator with a seed, so that a red run can be run again. https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
