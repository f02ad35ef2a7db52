import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NewOrder } from './order.ts';
import { type AccountLimits, BUILT_IN_LIMITS, limitsInForce, overlaid } from './risk-limits.ts';
import { type DenialReason, limitDenial, plainDenial, type RuleFacts } from './risk-rules.ts';

const LIMITS: AccountLimits = {
  maxOrderNotional: '1000',
  maxDailyNotional: '5000',
  maxPositionNotional: '3000',
  maxDailyLoss: '200',
  maxOpenOrders: 3,
  maxOrdersPerMinute: 5,
  priceCollarBps: 1000,
  fatFingerMultiple: 4,
  allowedModes: ['PAPER'],
};
const FACTS: RuleFacts = {
  now: '2026-01-05T12:00:00.000000Z',
  calendar: '24x7',
  sessionOpen: true,
  restricted: false,
  lastQuote: { bid: '99', ask: '100' },
  heldQuantity: '10',
  openBuyQuantity: '5',
  openOrders: 2,
  ordersLastMinute: 4,
  orderedToday: '4000',
  realisedToday: '-199.99',
  recentOrders: 10,
  recentNotional: '250',
};
const BUY: NewOrder = {
  symbol: 'X',
  side: 'BUY',
  type: 'LIMIT',
  quantity: '10',
  price: '100',
  mode: 'PAPER',
  timeInForce: 'GTC',
  expireAt: null,
  clientOrderId: null,
};

const judged = (notional: string, facts: Partial<RuleFacts> = {}, order: Partial<NewOrder> = {}, limits = LIMITS) =>
  limitDenial({ order: { ...BUY, ...order }, notional, facts: { ...FACTS, ...facts }, limits });

test('everything just within its limit is no reason to deny', () => {
  expect(judged('1000')).toBeNull();
});

test.each<[DenialReason, string, Partial<RuleFacts>, Partial<NewOrder>, [string | null, string | null, string | null]]>(
  [
    ['NO_REFERENCE_PRICE', '1000', { lastQuote: null }, {}, [null, null, '100']],
    ['MAX_ORDER_NOTIONAL', '1000.01', {}, {}, ['1000', '0', '1000.01']],
    ['FAT_FINGER', '1000', { recentNotional: '249' }, {}, ['996', '249', '1000']],
    ['PRICE_COLLAR', '1000', {}, { price: '110.01' }, ['110', '100', '110.01']],
    ['PRICE_COLLAR', '1000', {}, { side: 'SELL', price: '89.09' }, ['89.1', '99', '89.09']],
    ['MAX_ORDERS_PER_MINUTE', '1000', { ordersLastMinute: 5 }, {}, ['5', '5', '6']],
    ['MAX_OPEN_ORDERS', '1000', { openOrders: 3 }, {}, ['3', '3', '4']],
    ['MAX_DAILY_NOTIONAL', '1000', { orderedToday: '4000.01' }, {}, ['5000', '4000.01', '5000.01']],
    ['MAX_POSITION', '1000', { heldQuantity: '15' }, { quantity: '10.1' }, ['3000', '2000', '3010']],
    ['MAX_POSITION', '1000', {}, { price: '110', quantity: '12.5' }, ['3000', '1650', '3025']],
    ['MAX_DAILY_LOSS', '1000', { realisedToday: '-200' }, {}, ['200', '200', '1000']],
  ],
)('%s, with what was allowed, what stood against it and what was attempted', (reason, notional, facts, order, said) => {
  const [limit, observed, attempted] = said;
  expect(judged(notional, facts, order)).toEqual({ reason, limit, observed, attempted });
});

describe('what no limit holds back', () => {
  test('a passive price, however far from the market', () => {
    expect(judged('1000', {}, { price: '0.01' })).toBeNull();
    expect(judged('1000', {}, { side: 'SELL', price: '100000' })).toBeNull();
    expect(judged('1000', {}, { price: '110' })).toBeNull();
    expect(judged('1000', {}, { side: 'SELL', price: '89.1' })).toBeNull();
  });
  test('a SELL after a loss, and a SELL of a position that is too large', () => {
    expect(judged('1000', { realisedToday: '-5000', heldQuantity: '1000' }, { side: 'SELL' })).toBeNull();
  });
  test('the first orders of an account, which have nothing to be compared with', () => {
    expect(judged('1000', { recentOrders: 9, recentNotional: '1' })).toBeNull();
  });
});

test.each<[Partial<RuleFacts>, Partial<NewOrder>, object]>([
  [{}, { mode: 'LIVE' }, { reason: 'MODE_NOT_ALLOWED', limit: 'PAPER', attempted: 'LIVE' }],
  [{ restricted: true }, {}, { reason: 'RESTRICTED_SYMBOL', attempted: 'X' }],
  [{ sessionOpen: false, calendar: 'XNYS' }, {}, { reason: 'SESSION_CLOSED', limit: 'XNYS', observed: FACTS.now }],
])('%j %j is denied before any price is asked for', (facts, order, denial) => {
  expect(plainDenial({ order: { ...BUY, ...order }, facts: { ...FACTS, ...facts }, limits: LIMITS })).toMatchObject(
    denial,
  );
});

test('of each limit the first row that says something holds; restrictions add up', () => {
  const own = { ...overlaid([]), maxOpenOrders: 7, restrictedSymbols: ['B'] };
  const everybody = { ...overlaid([]), maxOpenOrders: 9, priceCollarBps: 0, restrictedSymbols: ['A', 'B'] };
  const stored = overlaid([own, everybody]);
  expect(stored.restrictedSymbols).toEqual(['A', 'B']);
  const inForce = limitsInForce(stored, '77');
  expect(inForce).toEqual({ ...BUILT_IN_LIMITS, maxOrderNotional: '77', maxOpenOrders: 7, priceCollarBps: 0 });
  expect(limitsInForce({ ...stored, maxOrderNotional: '78' }, '77').maxOrderNotional).toBe('77');
  expect(limitsInForce({ ...stored, maxOrderNotional: '76' }, '77').maxOrderNotional).toBe('76');
});

test('a tighter limit never lets through what a wider one denies', () => {
  const cents = fc.integer({ min: 1, max: 10_000_000 }).map((n) => (n / 100).toFixed(2));
  const count = fc.integer({ min: 1, max: 50 });
  const limits = fc.record({
    maxOrderNotional: cents,
    maxDailyNotional: cents,
    maxPositionNotional: cents,
    maxDailyLoss: cents,
    maxOpenOrders: count,
    maxOrdersPerMinute: count,
    priceCollarBps: count,
    fatFingerMultiple: count,
    allowedModes: fc.constant(['PAPER'] as const),
  });
  const facts = fc.record({
    ...Object.fromEntries(Object.entries(FACTS).map(([name, value]) => [name, fc.constant(value)])),
    openOrders: fc.nat(50),
    ordersLastMinute: fc.nat(50),
    orderedToday: cents,
    realisedToday: cents.map((text) => `-${text}`),
    recentOrders: fc.nat(20),
    recentNotional: cents,
  }) as fc.Arbitrary<RuleFacts>;
  const order = fc.record({
    side: fc.constantFrom('BUY', 'SELL'),
    price: fc.integer({ min: 80, max: 130 }).map(String),
    quantity: fc.integer({ min: 1, max: 50 }).map(String),
  });
  const lower = (a: string, b: string) => (Number(a) < Number(b) ? a : b);
  fc.assert(
    fc.property(limits, limits, facts, order, cents, (a, b, seen, changes, notional) => {
      const tighter: AccountLimits = {
        maxOrderNotional: lower(a.maxOrderNotional, b.maxOrderNotional),
        maxDailyNotional: lower(a.maxDailyNotional, b.maxDailyNotional),
        maxPositionNotional: lower(a.maxPositionNotional, b.maxPositionNotional),
        maxDailyLoss: lower(a.maxDailyLoss, b.maxDailyLoss),
        maxOpenOrders: Math.min(a.maxOpenOrders, b.maxOpenOrders),
        maxOrdersPerMinute: Math.min(a.maxOrdersPerMinute, b.maxOrdersPerMinute),
        priceCollarBps: Math.min(a.priceCollarBps, b.priceCollarBps),
        fatFingerMultiple: Math.min(a.fatFingerMultiple, b.fatFingerMultiple),
        allowedModes: ['PAPER'],
      };
      const input = { order: { ...BUY, ...changes } as NewOrder, notional, facts: seen };
      const wider = limitDenial({ ...input, limits: a });
      if (wider !== null) {
        expect(limitDenial({ ...input, limits: tighter })).not.toBeNull();
      }
    }),
    { numRuns: 500 },
  );
});
