import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { idempotencyLock } from '../src/db/place-order.ts';
import { type DatabasePool, transaction, withConnection } from '../src/db/pool.ts';
import { findConservationBreaks } from '../src/db/portfolio.ts';
import type { OrderServiceError } from '../src/domain/errors.ts';
import { getOrder, getOrderEvents } from '../src/orders/get-order.ts';
import { getPortfolio } from '../src/orders/get-portfolio.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, limit, place, placed, quote, SYMBOL } from './support/fixtures.ts';
import { foldOrder } from './support/fold-order.ts';

let database: TestDatabase;
let pool: DatabasePool;
let account: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
  await addMarket(pool);
});
beforeEach(async () => {
  account = await addAccount(pool, '1000', '5');
  await quote(pool, '99', '101');
});
afterAll(async () => {
  expect(await withConnection(pool, findConservationBreaks)).toEqual([]);
  await database.drop();
});

async function count(table: string, column: string, value: string): Promise<number> {
  const [row] = await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table} WHERE ${column} = $1`, [
    value,
  ]);
  return row?.n ?? -1;
}

const refused = (work: Promise<unknown>): Promise<OrderServiceError> =>
  work.then(
    () => Promise.reject(new Error('was not refused')),
    (error: OrderServiceError) => error,
  );

test('an order leaves its row, event, outbox row, reservation and reply', async () => {
  const key = randomUUID();
  const outcome = await place(pool, account, { quantity: '2.50', price: '100.10' }, { idempotencyKey: key });
  if (outcome.kind !== 'placed') throw new Error('not placed');
  const { order } = outcome;
  expect(order).toMatchObject({ status: 'OPEN', version: 1, quantity: '2.5', price: '100.1', reservedCash: '250.25' });
  expect(order.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

  expect(await getOrder(pool, account, order.id)).toEqual(order);
  const events = await getOrderEvents(pool, account, order.id);
  expect(events).toMatchObject([
    { version: 1, type: 'PLACED', fromStatus: null, toStatus: 'OPEN', at: order.createdAt },
  ]);
  expect(foldOrder(events)).toEqual(order);
  expect(
    await database.query('SELECT type, processed_at FROM execution.portfolio_events_outbox WHERE order_id = $1', [
      order.id,
    ]),
  ).toEqual([{ type: 'ORDER_PLACED', processed_at: null }]);
  expect(await getPortfolio(pool, account)).toMatchObject({ cash: '749.75', reserved: '250.25' });
  expect(
    await database.query('SELECT response_status, response_body FROM execution.idempotency_keys WHERE key = $1', [key]),
  ).toEqual([{ response_status: outcome.reply.status, response_body: outcome.reply.body }]);
});

test('a SELL reserves shares', async () => {
  await placed(pool, account, { side: 'SELL', quantity: '2' });
  const portfolio = await getPortfolio(pool, account);
  expect(portfolio.positions).toMatchObject([{ symbol: SYMBOL, quantity: '5', reserved: '2', cost: '0' }]);
  expect(portfolio.cash).toBe('1000');
});

test('a MARKET BUY reserves the ask with padding', async () => {
  const order = await placed(pool, account, { type: 'MARKET', price: null, quantity: '2' });
  expect(order).toMatchObject({ status: 'OPEN', price: null, reservedCash: '212.1' });
});

test('an expiry and a client order id are kept', async () => {
  const expireAt = '2099-01-01T01:00:00+01:00';
  const order = await placed(pool, account, { timeInForce: 'GTD', expireAt, clientOrderId: 'mine-1' });
  expect(order).toMatchObject({ expireAt: '2099-01-01T00:00:00.000000Z', clientOrderId: 'mine-1' });
  expect(await getOrder(pool, account, order.id)).toEqual(order);
  const error = await refused(place(pool, account, { clientOrderId: 'mine-1' }));
  expect(error.code).toBe('duplicate_client_order_id');
  const other = await addAccount(pool, '1000');
  expect((await placed(pool, other, { clientOrderId: 'mine-1' })).clientOrderId).toBe('mine-1');
});

test('the same key replays the same bytes and makes nothing', async () => {
  const command = { idempotencyKey: randomUUID() };
  const first = await place(pool, account, {}, command);
  const second = await place(pool, account, {}, command);
  expect(second).toEqual({ kind: 'replayed', reply: first.reply });
  expect(await count('execution.orders', 'account_id', account)).toBe(1);
});

test('a key is its account’s own', async () => {
  const command = { idempotencyKey: randomUUID() };
  await place(pool, account, {}, command);
  const other = await addAccount(pool, '1000');
  expect((await place(pool, other, {}, command)).kind).toBe('placed');
});

test('the same key with another request is refused', async () => {
  const command = { idempotencyKey: randomUUID() };
  await place(pool, account, {}, command);
  const error = await refused(place(pool, account, {}, { ...command, requestHash: 'another' }));
  expect(error.code).toBe('idempotency_mismatch');
  expect(await count('execution.orders', 'account_id', account)).toBe(1);
});

test('a key in flight is refused at once, also while the account is busy', async () => {
  const key = randomUUID();
  const holder = await database.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT pg_advisory_xact_lock($1::bigint)', [idempotencyLock(account, key)]);
  await holder.query('SELECT FROM portfolio.accounts WHERE id = $1 FOR UPDATE', [account]);
  const error = await refused(place(pool, account, {}, { idempotencyKey: key }));
  expect(error.code).toBe('idempotency_in_flight');
  await holder.query('COMMIT');
  expect((await place(pool, account, {}, { idempotencyKey: key })).kind).toBe('placed');
});

test('fifty placements with one key at once make one order', async () => {
  const many = database.pool({ max: 25 });
  const command = { idempotencyKey: randomUUID() };
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => place(many, account, {}, command)));
  const kinds = results.map((result) =>
    result.status === 'fulfilled' ? result.value.kind : (result.reason as OrderServiceError).code,
  );
  expect(kinds.filter((kind) => kind === 'placed')).toHaveLength(1);
  expect(kinds.filter((kind) => !['placed', 'replayed', 'idempotency_in_flight'].includes(kind))).toEqual([]);
  expect(await count('execution.orders', 'account_id', account)).toBe(1);
  expect(await getPortfolio(pool, account)).toMatchObject({ cash: '900', reserved: '100' });
});

test('two hundred orders at once never spend more cash than there is', async () => {
  const many = database.pool({ max: 25 });
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, () => place(many, account, { quantity: '0.3', price: '100' })),
  );
  expect(outcomes.filter(({ kind }) => kind === 'placed')).toHaveLength(33);
  expect(outcomes.filter(({ kind }) => kind === 'denied')).toHaveLength(167);
  expect(await getPortfolio(pool, account)).toMatchObject({ cash: '10', reserved: '990' });
});

test('a hundred sells at once never sell more than there is', async () => {
  const many = database.pool({ max: 25 });
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, () => place(many, account, { side: 'SELL', quantity: '0.1' })),
  );
  expect(outcomes.filter(({ kind }) => kind === 'placed')).toHaveLength(50);
  const { positions } = await getPortfolio(pool, account);
  expect(positions).toMatchObject([{ quantity: '5', reserved: '5' }]);
});

test.each([
  ['INSUFFICIENT_CASH', { quantity: '10.001' }, '1000', '1000.1'],
  ['INSUFFICIENT_SHARES', { side: 'SELL', quantity: '5.001' }, '5', '5.001'],
  ['MAX_ORDER_NOTIONAL', { quantity: '1000.001' }, '100000', '100000.1'],
] as const)(
  '%s is an order in DENIED with its reason, and its reply is replayed',
  async (reason, changes, limit, attempted) => {
    const command = { idempotencyKey: randomUUID() };
    const outcome = await place(pool, account, changes, command);
    if (outcome.kind !== 'denied') throw new Error('not denied');
    expect(outcome.denial).toEqual({ reason, limit, observed: '0', attempted });
    const order = await getOrder(pool, account, outcome.order.id);
    expect(order).toEqual(outcome.order);
    expect(order).toMatchObject({ status: 'DENIED', denialReason: reason, reservedCash: '0', reservedQuantity: '0' });
    const events = await getOrderEvents(pool, account, order.id);
    expect(events).toMatchObject([
      { type: 'DENIED', toStatus: 'DENIED', data: { denial: { reason, limit, observed: '0', attempted } } },
    ]);
    expect(foldOrder(events)).toEqual(order);
    expect(await getPortfolio(pool, account)).toMatchObject({ cash: '1000', reserved: '0' });
    expect(await place(pool, account, changes, command)).toEqual({ kind: 'replayed', reply: outcome.reply });
  },
);

test.each(['20 seconds ago', 'in 20 seconds'])('a quote from %s prices no MARKET order', async (age) => {
  const shift = age.startsWith('in') ? '20 seconds' : '-20 seconds';
  await database.query('UPDATE market.quotes SET as_of = now() + $1::interval', [shift]);
  const outcome = await place(pool, account, { type: 'MARKET', price: null });
  expect(outcome).toMatchObject({ kind: 'denied', denial: { reason: 'NO_FRESH_QUOTE' } });
  await database.query('UPDATE market.quotes SET as_of = now()');
});

test('the account’s own limit goes before everybody’s', async () => {
  await limit(pool, null, { maxOrderNotional: '50' });
  await limit(pool, account, { maxOrderNotional: '500' });
  expect(await place(pool, account, { quantity: '5.001' })).toMatchObject({ denial: { limit: '500' } });
  const other = await addAccount(pool, '1000');
  expect(await place(pool, other)).toMatchObject({ denial: { reason: 'MAX_ORDER_NOTIONAL', limit: '50' } });
  await limit(pool, null, { maxOrderNotional: null });
});

test.each([
  ['live_mode_unavailable', { mode: 'LIVE' }],
  ['unknown_symbol', { symbol: 'NOPE' }],
  ['invalid_price_increment', { price: '100.001' }],
  ['invalid_quantity_increment', { quantity: '1.0001' }],
  ['notional_too_small', { quantity: '0.001' }],
  ['invalid_expiry', { timeInForce: 'GTD', expireAt: '2001-01-01T00:00:00Z' }],
] as const)('%s stores nothing, so that the key is still free', async (code, changes) => {
  const command = { idempotencyKey: randomUUID() };
  expect((await refused(place(pool, account, changes, command))).code).toBe(code);
  expect(await count('execution.orders', 'account_id', account)).toBe(0);
  expect(await count('execution.idempotency_keys', 'account_id', account)).toBe(0);
  expect((await place(pool, account, {}, command)).kind).toBe('placed');
});

test('an account that does not exist places nothing', async () => {
  expect((await refused(place(pool, randomUUID()))).code).toBe('account_missing');
});

test('what never was a UUID never becomes SQL', async () => {
  const error = await refused(place(pool, `' OR true --`));
  expect(error).toBeInstanceOf(RangeError);
});

test('a status that changes without its event is refused at commit', async () => {
  const order = await placed(pool, account);
  const error = await refused(
    transaction(pool, (tx) =>
      tx.query({
        text: `UPDATE execution.orders SET status = 'CANCELED', version = 2, reserved_cash = 0 WHERE id = $1`,
        values: [order.id],
      }),
    ),
  );
  expect(error.cause).toMatchObject({ code: '23503', constraint: 'orders_state_has_event' });
  expect((await getOrder(pool, account, order.id)).status).toBe('OPEN');
});
