import { multiply, roundDown, roundUp } from './money.ts';

/**
 * Fees, and the one rule by which they are rounded: a fee has eight decimals, and what is beyond them is dropped. So many
 * partial fills together never cost more than one fill of the whole, and what was set aside for it pays for them all.
 * The database has the same rule as execution.fee(); a test holds the two together.
 */

/** Decimal places of a fee. */
export const FEE_SCALE = 8;

/** One basis point is a hundredth of a percent. */
const ONE_BPS = '0.0001';

/** What a fill of this notional costs. `bps` is the rate in basis points, with up to four decimals. */
export function feeOf(notional: string, bps: string): string {
  return roundDown(multiply(multiply(notional, bps), ONE_BPS), FEE_SCALE);
}

/** What to set aside for the fees of all fills of an order whose notional is at most this. */
export function feeReserveOf(notional: string, bps: string): string {
  return roundUp(multiply(multiply(notional, bps), ONE_BPS), FEE_SCALE);
}
