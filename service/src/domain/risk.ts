import { OrderServiceError } from './errors.ts';
import { feeReserveOf } from './fees.ts';
import { add, compare, isBookable, isMultipleOf, multiply, roundUpToCash } from './money.ts';
import type { NewOrder } from './order.ts';
import { limitsInForce, type StoredLimits } from './risk-limits.ts';
import { type Denial, denial, limitDenial, plainDenial, type RuleFacts, type Touch } from './risk-rules.ts';

/** The service's own limits, from its configuration. */
export interface RiskLimits {
  /** No order may be worth more, whatever a row of risk.limits says. A decimal string. */
  readonly maxOrderNotional: string;
  /** How much more than the ask a MARKET BUY reserves, in basis points (1/100 of a percent). */
  readonly marketOrderPaddingBps: number;
  /** The oldest quote that may price an order. */
  readonly quoteMaxAgeMs: number;
}

/** Increments, minimum and fee of a symbol, as decimal strings. */
export interface Instrument {
  readonly tickSize: string;
  readonly lotSize: string;
  readonly minNotional: string;
  /** In basis points of the notional. */
  readonly takerFeeBps: string;
}

/** What the decision looks at, read under the account's lock. */
export interface RiskFacts extends RuleFacts {
  readonly instrument: Instrument;
  /** Free cash and free shares: what no resting order holds. */
  readonly freeCash: string;
  readonly freeQuantity: string;
  /** Null when there is none, or none that is fresh enough. */
  readonly freshQuote: Touch | null;
  /** The account's row over everybody's. */
  readonly storedLimits: StoredLimits;
}

export type RiskDecision =
  | {
      readonly kind: 'accepted';
      /** The most that the order can be worth: what counts against the limits from now on. */
      readonly notional: string;
      readonly reservedCash: string;
      readonly reservedQuantity: string;
    }
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
export function decide(order: NewOrder, facts: RiskFacts, service: RiskLimits): RiskDecision {
  checkIncrements(order, facts.instrument);
  const limits = limitsInForce(facts.storedLimits, service.maxOrderNotional);
  const early = plainDenial({ order, facts, limits });
  if (early !== null) {
    return { kind: 'denied', denial: early };
  }
  const notional = worstNotional(order, facts, service);
  if (notional === null) {
    return { kind: 'denied', denial: denial('NO_FRESH_QUOTE', null, null, null) };
  }
  if (order.price === null) {
    checkMinNotional(notional, facts.instrument);
  }
  const objection = limitDenial({ order, notional, facts, limits }) ?? fundsDenial(order, notional, facts);
  return objection === null ? accepted(order, notional, facts) : { kind: 'denied', denial: objection };
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

function fundsDenial(order: NewOrder, notional: string, facts: RiskFacts): Denial | null {
  if (order.side === 'BUY') {
    const { freeCash } = facts;
    const needed = cashNeeded(notional, facts);
    return compare(needed, freeCash) > 0 ? denial('INSUFFICIENT_CASH', freeCash, '0', needed) : null;
  }
  const { freeQuantity } = facts;
  return compare(order.quantity, freeQuantity) > 0
    ? denial('INSUFFICIENT_SHARES', freeQuantity, '0', order.quantity)
    : null;
}

/** What a BUY sets aside: its worth and the fees of its fills. */
function cashNeeded(notional: string, { instrument }: RiskFacts): string {
  return add(notional, feeReserveOf(notional, instrument.takerFeeBps));
}

function accepted(order: NewOrder, notional: string, facts: RiskFacts): RiskDecision {
  return order.side === 'BUY'
    ? { kind: 'accepted', notional, reservedCash: cashNeeded(notional, facts), reservedQuantity: '0' }
    : { kind: 'accepted', notional, reservedCash: '0', reservedQuantity: order.quantity };
}
