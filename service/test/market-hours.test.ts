import { afterAll, beforeAll, expect, test } from 'vitest';
import { findCalendars } from '../src/db/calendars.ts';
import { insertInstruments } from '../src/db/instruments.ts';
import { readPlacementFacts } from '../src/db/place-order.ts';
import { type DatabasePool, transaction, withConnection } from '../src/db/pool.ts';
import { upsertQuotes } from '../src/db/quotes.ts';
import { CALENDARS } from '../src/domain/market-calendar.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { getOrder } from '../src/orders/get-order.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, placed, SYMBOL } from './support/fixtures.ts';

const BOUNDS = { quoteMaxAgeMs: 60_000, batch: 500 };
const EQUITY = { symbol: 'AAPL', assetClass: 'equity', venue: 'paper', tickSize: '0.01', lotSize: '1' } as const;
let database: TestDatabase;
let pool: DatabasePool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
  await addMarket(pool);
  await transaction(pool, async (tx) => {
    await insertInstruments(tx, [{ ...EQUITY, minNotional: '1', calendar: 'XNYS' }]);
    await upsertQuotes(tx, [{ symbol: 'AAPL', bid: '99', ask: '101', asOf: null }]);
  });
});
afterAll(() => database.drop());

test('the calendars of the database are those of the service', async () => {
  const rows = await withConnection(pool, findCalendars);
  expect(rows.map(({ calendar }) => calendar).sort()).toEqual([...CALENDARS].sort());
});

test('an equity has to name its market, and crypto has none', async () => {
  const insert = (assetClass: 'crypto' | 'equity', calendar?: 'XNYS' | '24x7') =>
    transaction(pool, (tx) =>
      insertInstruments(tx, [
        { ...EQUITY, symbol: 'NEW', assetClass, minNotional: '1', ...(calendar === undefined ? {} : { calendar }) },
      ]),
    );
  for (const wrong of [() => insert('equity'), () => insert('equity', '24x7'), () => insert('crypto', 'XNYS')])
    await expect(wrong()).rejects.toMatchObject({ cause: { constraint: 'instruments_calendar_check' } });
});

test('an order is filled only while its market is open; crypto always is', async () => {
  const account = await addAccount(pool, '10000');
  const stock = await placed(pool, account, { symbol: 'AAPL', price: '101' });
  const coin = await placed(pool, account, { symbol: SYMBOL, price: '101' });
  const status = async (id: string) => (await getOrder(pool, account, id)).status;
  expect(await executeLimitOrders(pool, BOUNDS)).toMatchObject({ executed: 1 });
  expect([await status(stock.id), await status(coin.id)]).toEqual(['OPEN', 'FILLED']);
  expect(await executeLimitOrders(pool, { ...BOUNDS, openCalendars: [] })).toMatchObject({ examined: 0 });
  expect(await executeLimitOrders(pool, { ...BOUNDS, openCalendars: ['24x7', 'XNYS'] })).toMatchObject({ executed: 1 });
  expect(await status(stock.id)).toBe('FILLED');
});

test('a resting order waits for the turn of its market, an immediate one only for its opening', async () => {
  const account = await addAccount(pool, '10000');
  const resting = await placed(pool, account, { symbol: 'AAPL', price: '101' });
  const immediate = await placed(pool, account, { symbol: 'AAPL', price: '101', timeInForce: 'IOC' });
  const bounds = { ...BOUNDS, openCalendars: ['24x7', 'XNYS'], dueCalendars: ['24x7'] };
  expect(await executeLimitOrders(pool, bounds)).toMatchObject({ executed: 1 });
  const status = async (id: string) => (await getOrder(pool, account, id)).status;
  expect([await status(resting.id), await status(immediate.id)]).toEqual(['OPEN', 'FILLED']);
  expect(await executeLimitOrders(pool, { ...bounds, dueCalendars: ['24x7', 'XNYS'] })).toMatchObject({ executed: 1 });
  expect(await status(resting.id)).toBe('FILLED');
});

test('a symbol misses its price only while its market is open', async () => {
  const account = await addAccount(pool, '10000');
  await placed(pool, account, { symbol: 'AAPL', price: '50' });
  const unpriced = async (openCalendars: string[]) =>
    (await executeLimitOrders(pool, { quoteMaxAgeMs: 0, batch: 1, openCalendars })).unpriced.map(
      ({ symbol }) => symbol,
    );
  expect(await unpriced(['24x7'])).not.toContain('AAPL');
  expect(await unpriced(['24x7', 'XNYS'])).toContain('AAPL');
});

test('closures at short notice are read with the placement: those from yesterday to two weeks ahead', async () => {
  await database.query(`INSERT INTO market.calendar_closures (calendar, day, closes_at, reason)
    VALUES ('XNYS', current_date - 2, NULL, 'past'), ('XNYS', current_date - 1, NULL, 'a storm'),
      ('XNYS', current_date + 3, '11:15', 'a funeral'), ('XNYS', current_date + 30, NULL, 'far away')`);
  const [{ yesterday, soon } = { yesterday: '', soon: '' }] = await database.query<
    Record<'yesterday' | 'soon', string>
  >('SELECT (current_date - 1)::text AS yesterday, (current_date + 3)::text AS soon');
  const facts = (symbol: string) =>
    withConnection(pool, (tx) =>
      readPlacementFacts(tx, { accountId: '00000000-0000-7000-8000-000000000000', key: 'k', symbol, quoteMaxAgeMs: 1 }),
    );
  const closures = [
    { day: yesterday, closesAt: null },
    { day: soon, closesAt: '11:15' },
  ];
  expect(await facts('AAPL')).toMatchObject({ calendar: 'XNYS', closures });
  expect(await facts(SYMBOL)).toMatchObject({ calendar: '24x7', closures: [] });
  expect(await facts('NONE')).toMatchObject({ calendar: null, closures: [] });
  expect(await withConnection(pool, findCalendars)).toContainEqual({ calendar: 'XNYS', closures });
});

test('a closure is of a market that closes, to the minute, with a reason', async () => {
  const insert = (calendar: string, closesAt: string, reason: string) =>
    database.query('INSERT INTO market.calendar_closures (calendar, day, closes_at, reason) VALUES ($1, $2, $3, $4)', [
      calendar,
      '2027-01-04',
      closesAt,
      reason,
    ]);
  await expect(insert('24x7', '11:00', 'x')).rejects.toMatchObject({ constraint: 'calendar_closures_calendar_check' });
  await expect(insert('XLON', '11:00', 'x')).rejects.toMatchObject({ code: '23503' });
  await expect(insert('XNYS', '11:00:30', 'x')).rejects.toMatchObject({
    constraint: 'calendar_closures_closes_at_check',
  });
  await expect(insert('XNYS', '24:00', 'x')).rejects.toMatchObject({ constraint: 'calendar_closures_closes_at_check' });
  await expect(insert('XNYS', '11:00', ' ')).rejects.toMatchObject({ constraint: 'calendar_closures_reason_check' });
});
