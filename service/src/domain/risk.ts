import { OrderServiceError } from './errors.ts';
import { compare, isBookable, isMultipleOf, multiply, roundUpToCash, subtract } from './money.ts';
import type { NewOrder } from './order.ts';

/** The service's own limits, from its configuration. */
export interface RiskLimits {
  /** No order may be worth more, whatever a row of risk.limits says. A decimal string. */
  readonly maxOrderNotional: string;
  /** How much more than the ask a MARKET BUY reserves, in basis points (1/100 of a percent). */
  readonly marketOrderPaddingBps: number;
  /** The oldest quote that may price an order. */
  readonly quoteMaxAgeMs: number;
}

export const DENIAL_REASONS = [
  'MAX_ORDER_NOTIONAL',
  'INSUFFICIENT_CASH',
  'INSUFFICIENT_SHARES',
  'NO_FRESH_QUOTE',
] as const;
export type DenialReason = (typeof DENIAL_REASONS)[number];

/** Why an order was denied: what was allowed, and what was attempted. Decimal strings, or null where neither applies. */
export interface Denial {
  readonly reason: DenialReason;
  readonly limit: string | null;
  readonly attempted: string | null;
}

/** Increments and minimum of a symbol, as decimal strings. */
export interface Instrument {
  readonly tickSize: string;
  readonly lotSize: string;
  readonly minNotional: string;
}

/** What the decision looks at, read under the account's lock. */
export interface RiskFacts {
  readonly instrument: Instrument;
  /** Free cash and free shares: what no resting order holds. */
  readonly freeCash: string;
  readonly freeQuantity: string;
  /** Null when there is none, or none that is fresh enough. */
  readonly freshQuote: { readonly bid: string; readonly ask: string } | null;
  /** The limit of the account's row, else of the default row, else null. */
  readonly storedMaxOrderNotional: string | null;
}

export type RiskDecision =
  | { readonly kind: 'accepted'; readonly reservedCash: string; readonly reservedQuantity: string }
  | { readonly kind: 'denied'; readonly denial: Denial };

const BPS_PER_ONE = 10_000;

/**
 * Refuses what can never be an order, before any database: nothing is rounded to fit.
 *
 * @throws OrderServiceError `live_mode_unavailable`, `invalid_quantity`, `invalid_price`, `invalid_expiry`.
 */
export function checkShape(order: NewOrder, nowMs: number): void {
  if (order.mode === 'LIVE') {
    throw new OrderServiceError('live_mode_unavailable');
  }
  if (!isBookable(order.quantity)) {
    throw new OrderServiceError('invalid_quantity');
  }
  if ((order.type === 'LIMIT') !== (order.price !== null) || (order.price !== null && !isBookable(order.price))) {
    throw new OrderServiceError('invalid_price');
  }
  if (order.type === 'MARKET' && order.expireAt !== null) {
    throw new OrderServiceError('invalid_expiry');
  }
  const expiresAtMs = order.expireAt === null ? null : epochMs(order.expireAt);
  if ((order.timeInForce === 'GTD') !== (expiresAtMs !== null) || (expiresAtMs !== null && !(expiresAtMs > nowMs))) {
    throw new OrderServiceError('invalid_expiry');
  }
}

/** NaN for a text that is no RFC 3339 time, so that it compares as not in the future. */
function epochMs(rfc3339: string): number {
  try {
    return Temporal.Instant.from(rfc3339).epochMilliseconds;
  } catch {
    return Number.NaN;
  }
}

/**
 * Refuses an order that does not fit its symbol's increments.
 *
 * @throws OrderServiceError `invalid_price_increment`, `invalid_quantity_increment`, `notional_too_small`.
 */
export function checkIncrements(order: NewOrder, instrument: Instrument): void {
  if (!isMultipleOf(order.quantity, instrument.lotSize)) {
    throw new OrderServiceError('invalid_quantity_increment', {
      details: { quantity: order.quantity, lotSize: instrument.lotSize },
    });
  }
  if (order.price === null) {
    return;
  }
  if (!isMultipleOf(order.price, instrument.tickSize)) {
    throw new OrderServiceError('invalid_price_increment', {
      details: { price: order.price, tickSize: instrument.tickSize },
    });
  }
  checkMinNotional(multiply(order.price, order.quantity), instrument);
}

function checkMinNotional(notional: string, instrument: Instrument): void {
  if (compare(notional, instrument.minNotional) < 0) {
    throw new OrderServiceError('notional_too_small', { details: { notional, minNotional: instrument.minNotional } });
  }
}

/**
 * Decides whether the account may place the order, and what it must set aside.
 *
 * @throws OrderServiceError those of `checkIncrements`.
 */
export function decide(order: NewOrder, facts: RiskFacts, limits: RiskLimits): RiskDecision {
  checkIncrements(order, facts.instrument);
  const notional = worstNotional(order, facts, limits);
  if (notional === null) {
    return denied('NO_FRESH_QUOTE', null, null);
  }
  if (order.price === null) {
    checkMinNotional(notional, facts.instrument);
  }
  const limit = lowerOf(limits.maxOrderNotional, facts.storedMaxOrderNotional);
  if (compare(notional, limit) > 0) {
    return denied('MAX_ORDER_NOTIONAL', limit, notional);
  }
  return order.side === 'BUY' ? decideBuy(notional, facts) : decideSell(order, facts);
}

/** The most that the order can be worth: at its limit, or at the touch with padding for a MARKET BUY. */
function worstNotional(order: NewOrder, facts: RiskFacts, limits: RiskLimits): string | null {
  if (order.price !== null) {
    return multiply(order.price, order.quantity);
  }
  if (facts.freshQuote === null) {
    return null;
  }
  if (order.side === 'SELL') {
    return multiply(facts.freshQuote.bid, order.quantity);
  }
  const factor = multiply(String(BPS_PER_ONE + limits.marketOrderPaddingBps), '0.0001');
  return roundUpToCash(multiply(multiply(facts.freshQuote.ask, order.quantity), factor));
}

function decideBuy(notional: string, facts: RiskFacts): RiskDecision {
  return compare(notional, facts.freeCash) > 0
    ? denied('INSUFFICIENT_CASH', facts.freeCash, notional)
    : { kind: 'accepted', reservedCash: notional, reservedQuantity: '0' };
}

function decideSell(order: NewOrder, facts: RiskFacts): RiskDecision {
  return compare(subtract(facts.freeQuantity, order.quantity), '0') < 0
    ? denied('INSUFFICIENT_SHARES', facts.freeQuantity, order.quantity)
    : { kind: 'accepted', reservedCash: '0', reservedQuantity: order.quantity };
}

function denied(reason: DenialReason, limit: string | null, attempted: string | null): RiskDecision {
  return { kind: 'denied', denial: { reason, limit, attempted } };
}

function lowerOf(ceiling: string, stored: string | null): string {
  return stored !== null && compare(stored, ceiling) < 0 ? stored : ceiling;
}
