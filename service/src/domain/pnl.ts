import { add, compare, multiply, shareOf, subtract } from './money.ts';

/**
 * Realised and unrealised profit of a holding, exact, with fees: what was paid for a fill is its cost, what came back for
 * one is less its fee.
 *
 * Everything follows from two numbers. `invested` is all that was ever paid for the symbol less all that came back. The
 * cost of what is still held is what the method says: its share of the average, or that of the newest lots, because FIFO
 * sold the oldest. What was realised is the difference. So both methods agree once nothing is held, whatever was rounded.
 */

export const PNL_METHODS = ['average', 'fifo'] as const;
export type PnlMethod = (typeof PNL_METHODS)[number];

/** Something that was bought in one go; decimal strings. */
export interface Lot {
  readonly quantity: string;
  /** What all of it cost, fees included. */
  readonly cost: string;
}

/**
 * What the newest `quantity` units of these lots cost. The lot that is only partly left counts with its share, rounded
 * once to 16 decimals.
 *
 * @param newestFirst As many lots as it takes, and no matter if more.
 * @returns null when the lots do not hold as much.
 */
export function costOfNewest(newestFirst: readonly Lot[], quantity: string): string | null {
  let left = quantity;
  let cost = '0';
  for (const lot of newestFirst) {
    if (compare(lot.quantity, left) >= 0) {
      return add(cost, shareOf(lot.cost, left, lot.quantity));
    }
    left = subtract(left, lot.quantity);
    cost = add(cost, lot.cost);
  }
  return compare(left, '0') === 0 ? cost : null;
}

/** What is held of one symbol; decimal strings. */
export interface Holding {
  readonly quantity: string;
  /** What the quantity cost, by the method in use; null when that is not known. */
  readonly cost: string | null;
  /** All that was paid less all that came back; negative for what was sold at a profit. */
  readonly invested: string;
}

/** What could be got for a unit. */
export interface MarkPrice {
  readonly bid: string;
  readonly ageMs: number;
  /** No other source contradicts it. */
  readonly agreed: boolean;
}

/** Why a figure is unknown. Unknown is null, never zero. */
export const UNKNOWN_REASONS = ['price_missing', 'price_stale', 'price_disputed', 'too_many_lots'] as const;
export type UnknownReason = (typeof UNKNOWN_REASONS)[number];

export interface Valuation {
  readonly cost: string | null;
  readonly realised: string | null;
  readonly unrealised: string | null;
  /** The price that `unrealised` used: the bid, for which the holding could be sold. */
  readonly price: string | null;
  /** How old the last known price is, used or not. */
  readonly priceAgeMs: number | null;
  /** Null when everything is known. */
  readonly reason: UnknownReason | null;
}

/** How far ahead of our clock a quote's time may be: clocks differ, and the fills' own rule allows as much. */
const CLOCK_SKEW_MAX_MS = 5000;

/** Values a holding at a price that is at most `maxAgeMs` old. */
export function valueHolding(holding: Holding, mark: MarkPrice | null, maxAgeMs: number): Valuation {
  const { cost, invested, quantity } = holding;
  const realised = cost === null ? null : subtract(cost, invested);
  const priceAgeMs = mark === null ? null : Math.max(0, mark.ageMs);
  if (mark === null) {
    return { cost, realised, unrealised: null, price: null, priceAgeMs, reason: 'price_missing' };
  }
  const doubt = doubtOf(mark, maxAgeMs);
  if (doubt !== null) {
    return { cost, realised, unrealised: null, price: null, priceAgeMs, reason: doubt };
  }
  const price = mark.bid;
  if (cost === null) {
    return { cost, realised, unrealised: null, price, priceAgeMs, reason: 'too_many_lots' };
  }
  const unrealised = subtract(multiply(quantity, price), cost);
  return { cost, realised, unrealised, price, priceAgeMs, reason: null };
}

/** Why a price must not value anything, or null. */
function doubtOf(mark: MarkPrice, maxAgeMs: number): UnknownReason | null {
  if (mark.ageMs >= maxAgeMs || mark.ageMs < -CLOCK_SKEW_MAX_MS) {
    return 'price_stale';
  }
  return mark.agreed ? null : 'price_disputed';
}

/** The sum, or null as soon as one part is unknown. */
export function totalOf(parts: readonly (string | null)[]): string | null {
  return parts.reduce((sum, part) => (sum === null || part === null ? null : add(sum, part)), '0');
}
