import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabasePool, transaction } from '../src/db/pool.ts';
import { upsertQuotes } from '../src/db/quotes.ts';
import type { OrderServiceError } from '../src/domain/errors.ts';
import type { NewOrder } from '../src/domain/order.ts';
import type { LimitsChange } from '../src/domain/risk-limits.ts';
import { checkOrder } from '../src/orders/check-order.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, LIMITS, limit, newOrder, place, placed, SYMBOL } from './support/fixtures.ts';

const RUNS = 150;
const OPEN = { limits: LIMITS, isOpen: () => true };
const SHUT = { limits: LIMITS, isOpen: () => false };
let database: TestDatabase;
let pool: DatabasePool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
  await addMarket(pool);
});
afterAll(() => database.drop());

/** What was decided, without what only a placement has: ids and times. */
async function placement(account: string, order: NewOrder, deps: typeof OPEN): Promise<object> {
  try {
    const outcome = await place(pool, account, order, {}, deps);
    if (outcome.kind === 'replayed') throw new Error('a key of its own is never replayed');
    if (outcome.kind === 'denied') return { denial: comparable(outcome.denial) };
    const { reservedCash, reservedQuantity } = outcome.order;
    return { reservedCash, reservedQuantity };
  } catch (error) {
    return { code: (error as OrderServiceError).code, details: (error as OrderServiceError).details };
  }
}

async function dryRun(account: string, order: NewOrder, deps: typeof OPEN): Promise<object> {
  try {
    const { decision } = await checkOrder({ pool, ...deps }, account, order);
    if (decision.kind === 'denied') return { denial: comparable(decision.denial) };
    const { reservedCash, reservedQuantity } = decision;
    return { reservedCash, reservedQuantity };
  } catch (error) {
    return { code: (error as OrderServiceError).code, details: (error as OrderServiceError).details };
  }
}

/** A closed session says at what time it was closed, which differs by microseconds. */
function comparable<D extends { reason: string; observed: string | null }>(denial: D): D {
  return denial.reason === 'SESSION_CLOSED' ? { ...denial, observed: denial.observed?.slice(0, 10) ?? null } : denial;
}

const digits = (max: number, scale: number) =>
  fc.integer({ min: 1, max }).map((n) => (n / 10 ** scale).toFixed(scale).replace(/\.?0+$/, ''));
const orders: fc.Arbitrary<Partial<NewOrder>> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      quantity: digits(12_000, 3),
      price: digits(20_000, 2),
      side: fc.constantFrom('BUY', 'SELL'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('MARKET'),
      price: fc.constant(null),
      quantity: digits(12_000, 3),
      side: fc.constantFrom('BUY', 'SELL'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Partial<NewOrder>>(
      { price: '100.001' },
      { quantity: '0.0001' },
      { quantity: '0.001', price: '0.01' },
      { symbol: 'NOPE' },
      { mode: 'LIVE' },
      { timeInForce: 'DAY' },
      { timeInForce: 'GTD', expireAt: '2001-01-01T00:00:00Z' },
      { clientOrderId: 'taken' },
    ),
  },
);
/** Mostly unset, so that orders get as far as the last rules. */
const rarely = <T>(limit: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: limit });
const limits: fc.Arbitrary<LimitsChange> = fc.record({
  maxOrderNotional: rarely(digits(200_000, 2)),
  maxDailyNotional: rarely(digits(400_000, 2)),
  maxPositionNotional: rarely(digits(400_000, 2)),
  maxDailyLoss: rarely(digits(5_000, 2)),
  maxOpenOrders: rarely(fc.integer({ min: 1, max: 6 })),
  maxOrdersPerMinute: rarely(fc.integer({ min: 1, max: 8 })),
  priceCollarBps: rarely(fc.integer({ min: 0, max: 5_000 })),
  fatFingerMultiple: rarely(fc.integer({ min: 1, max: 20 })),
  allowedModes: rarely(fc.constantFrom<('PAPER' | 'LIVE')[]>(['PAPER'], ['PAPER', 'PAPER'], ['LIVE'])),
  restrictedSymbols: rarely(fc.constantFrom(['GME'], [SYMBOL])),
});
const states = fc.record({
  cash: fc.integer({ min: 2, max: 5_000 }).map(String),
  units: fc.integer({ min: 1, max: 10 }).map(String),
  earlier: fc.array(orders, { maxLength: 6 }),
  limits,
  quoteAgeS: fc.constantFrom(0, 0, 0, 100),
  open: fc.constantFrom(true, true, true, true, false),
});

async function setQuote(ageS: number): Promise<void> {
  await database.query("UPDATE market.quotes SET as_of = now() - $1::integer * interval '1 second'", [ageS]);
}

test('a dry run decides as the placement after it does, over random accounts, limits, markets and orders', async () => {
  const seen: Record<string, number> = {};
  await fc.assert(
    fc.asyncProperty(states, orders, async (state, wanted) => {
      const account = await addAccount(pool, state.cash, state.units);
      await setQuote(0);
      await placed(pool, account, { clientOrderId: 'taken', quantity: '0.01' });
      for (const earlier of state.earlier) await placement(account, newOrder(earlier), OPEN);
      await executeLimitOrders(pool, { quoteMaxAgeMs: 60_000, batch: 100 });
      await limit(pool, account, state.limits);
      await setQuote(state.quoteAgeS);
      const deps = state.open ? OPEN : SHUT;
      const order = newOrder(wanted);
      const dry = await dryRun(account, order, deps);
      expect(await placement(account, order, deps)).toEqual(dry);
      const name =
        'denial' in dry
          ? String(Reflect.get(dry.denial as object, 'reason'))
          : 'code' in dry
            ? String(dry.code)
            : 'accepted';
      seen[name] = (seen[name] ?? 0) + 1;
    }),
    { numRuns: RUNS },
  );
  // Random states that all led to the same decision would compare nothing.
  expect(seen.accepted ?? 0).toBeGreaterThan(5);
  expect(Object.keys(seen).length).toBeGreaterThan(6);
}, 60_000);

test('a dry run changes nothing and waits for nobody', async () => {
  const account = await addAccount(pool, '1000');
  const holder = await database.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM portfolio.accounts WHERE id = $1 FOR UPDATE', [account]);
  const counts =
    'SELECT (SELECT count(*) FROM execution.orders) AS orders, (SELECT sum(reserved) FROM portfolio.accounts) AS held';
  const before = await database.query(counts);
  await setQuote(0);
  const { decision } = await checkOrder({ pool, ...OPEN }, account, newOrder());
  expect(decision).toEqual({ kind: 'accepted', notional: '100', reservedCash: '100', reservedQuantity: '0' });
  expect(await database.query(counts)).toEqual(before);
  await holder.query('ROLLBACK');
});

test('a symbol without any quote has no reference price', async () => {
  const account = await addAccount(pool, '1000');
  await database.query("INSERT INTO market.instruments VALUES ('DARK', 'crypto', 'paper', 0.01, 0.001, 1)");
  const order = newOrder({ symbol: 'DARK' });
  expect((await checkOrder({ pool, ...OPEN }, account, order)).decision).toMatchObject({
    denial: { reason: 'NO_REFERENCE_PRICE', attempted: '100' },
  });
  expect(await place(pool, account, order, { idempotencyKey: randomUUID() })).toMatchObject({
    denial: { reason: 'NO_REFERENCE_PRICE' },
  });
  await transaction(pool, (tx) => upsertQuotes(tx, [{ symbol: 'DARK', bid: '99', ask: '101', asOf: null }]));
  expect((await place(pool, account, order)).kind).toBe('placed');
});
