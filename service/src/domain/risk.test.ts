import { expect, test } from 'vitest';
import type { OrderServiceError } from './errors.ts';
import type { NewOrder } from './order.ts';
import { checkShape, decide, type RiskFacts, type RiskLimits } from './risk.ts';
import { overlaid } from './risk-limits.ts';

const LIMITS: RiskLimits = { maxOrderNotional: '1000', marketOrderPaddingBps: 500, quoteMaxAgeMs: 1000 };
const FACTS: RiskFacts = {
  instrument: { tickSize: '0.01', lotSize: '0.001', minNotional: '10', takerFeeBps: '0' },
  freeCash: '500',
  freeQuantity: '3',
  freshQuote: { bid: '99', ask: '100' },
  storedLimits: overlaid([]),
  now: '2026-01-01T00:00:00.000000Z',
  calendar: '24x7',
  sessionOpen: true,
  restricted: false,
  lastQuote: { bid: '99', ask: '100' },
  heldQuantity: '3',
  openBuyQuantity: '0',
  openOrders: 0,
  ordersLastMinute: 0,
  orderedToday: '0',
  realisedToday: '0',
  recentOrders: 0,
  recentNotional: '0',
};
const BUY: NewOrder = {
  symbol: 'X',
  side: 'BUY',
  type: 'LIMIT',
  quantity: '2',
  price: '100',
  mode: 'PAPER',
  timeInForce: 'GTC',
  expireAt: null,
  clientOrderId: null,
};
const NOW_MS = Date.parse('2026-01-01T00:00:00Z');

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as OrderServiceError).code;
  }
}

test('a LIMIT BUY reserves its price times its quantity, a SELL its quantity', () => {
  expect(decide(BUY, FACTS, LIMITS)).toEqual({
    kind: 'accepted',
    notional: '200',
    reservedCash: '200',
    reservedQuantity: '0',
  });
  const sell = decide({ ...BUY, side: 'SELL' }, FACTS, LIMITS);
  expect(sell).toEqual({ kind: 'accepted', notional: '200', reservedCash: '0', reservedQuantity: '2' });
});

test('a MARKET BUY reserves the ask and its padding; a MARKET SELL is measured at the bid', () => {
  const market = { ...BUY, type: 'MARKET', price: null } as const;
  expect(decide(market, FACTS, LIMITS)).toMatchObject({ kind: 'accepted', reservedCash: '210' });
  const small = { ...LIMITS, maxOrderNotional: '197' };
  expect(decide({ ...market, side: 'SELL' }, FACTS, small)).toMatchObject({
    denial: { reason: 'MAX_ORDER_NOTIONAL', limit: '197', attempted: '198' },
  });
});

test('without a fresh quote a MARKET order is denied, and a LIMIT order is not', () => {
  const blind = { ...FACTS, freshQuote: null };
  expect(decide({ ...BUY, type: 'MARKET', price: null }, blind, LIMITS)).toEqual({
    kind: 'denied',
    denial: { reason: 'NO_FRESH_QUOTE', limit: null, observed: null, attempted: null },
  });
  expect(decide(BUY, blind, LIMITS).kind).toBe('accepted');
});

test('a limit is met exactly, and passed by the smallest step', () => {
  const at = { ...FACTS, freeCash: '5000' };
  expect(decide({ ...BUY, quantity: '10' }, at, LIMITS).kind).toBe('accepted');
  expect(decide({ ...BUY, quantity: '10.001' }, at, LIMITS)).toMatchObject({
    denial: { reason: 'MAX_ORDER_NOTIONAL', limit: '1000', attempted: '1000.1' },
  });
});

test('a stored limit lowers the ceiling and never raises it', () => {
  expect(decide(BUY, { ...FACTS, storedLimits: { ...overlaid([]), maxOrderNotional: '199' } }, LIMITS)).toMatchObject({
    denial: { limit: '199' },
  });
  const rich = { ...FACTS, freeCash: '5000', storedLimits: { ...overlaid([]), maxOrderNotional: '9999' } };
  expect(decide({ ...BUY, quantity: '11' }, rich, LIMITS)).toMatchObject({ denial: { limit: '1000' } });
});

test('cash and shares are enough when they are just enough', () => {
  expect(decide({ ...BUY, quantity: '5' }, FACTS, LIMITS).kind).toBe('accepted');
  expect(decide({ ...BUY, quantity: '5.001' }, FACTS, LIMITS)).toMatchObject({
    denial: { reason: 'INSUFFICIENT_CASH', limit: '500', attempted: '500.1' },
  });
  expect(decide({ ...BUY, side: 'SELL', quantity: '3' }, FACTS, LIMITS).kind).toBe('accepted');
  expect(decide({ ...BUY, side: 'SELL', quantity: '3.001' }, FACTS, LIMITS)).toMatchObject({
    denial: { reason: 'INSUFFICIENT_SHARES', limit: '3', attempted: '3.001' },
  });
});

test('increments and the minimum are refused, never rounded', () => {
  expect(codeOf(() => decide({ ...BUY, price: '100.001' }, FACTS, LIMITS))).toBe('invalid_price_increment');
  expect(codeOf(() => decide({ ...BUY, quantity: '2.0001' }, FACTS, LIMITS))).toBe('invalid_quantity_increment');
  expect(codeOf(() => decide({ ...BUY, quantity: '0.099' }, FACTS, LIMITS))).toBe('notional_too_small');
  const tiny = { ...BUY, type: 'MARKET', price: null, quantity: '0.001' } as const;
  expect(codeOf(() => decide(tiny, FACTS, LIMITS))).toBe('notional_too_small');
});

test.each([
  [{ mode: 'LIVE' }, 'live_mode_unavailable'],
  [{ quantity: '0' }, 'invalid_quantity'],
  [{ quantity: '0.000000001' }, 'invalid_quantity'],
  [{ price: null }, 'invalid_price'],
  [{ type: 'MARKET' }, 'invalid_price'],
  [{ price: '-1' }, 'invalid_price'],
  [{ timeInForce: 'GTD' }, 'invalid_expiry'],
  [{ expireAt: '2026-01-02T00:00:00Z' }, 'invalid_expiry'],
  [{ timeInForce: 'GTD', expireAt: '2026-01-01T00:00:00Z' }, 'invalid_expiry'],
  [{ timeInForce: 'GTD', expireAt: 'tomorrow' }, 'invalid_expiry'],
  [{ timeInForce: 'GTD', expireAt: '2026-01-01T00:00:00.001Z' }, undefined],
  [{}, undefined],
] satisfies [Partial<NewOrder>, string | undefined][])('%j → %s', (changes, code) => {
  expect(codeOf(() => checkShape({ ...BUY, ...changes }, NOW_MS))).toBe(code);
});
