import { compare } from './money.ts';
import type { OrderMode } from './order.ts';

/** The limits of an account. Amounts are decimal strings in the currency of its cash. */
export interface AccountLimits {
  /** Most that one order may be worth. */
  readonly maxOrderNotional: string;
  /** Most that the accepted orders of one UTC day may be worth together, buys and sells; a cancel gives nothing back. */
  readonly maxDailyNotional: string;
  /** Most that the holding of one symbol and its open BUY orders may be worth together. */
  readonly maxPositionNotional: string;
  /** Realised loss of one UTC day from which on nothing more may be bought. What is held may still be sold. */
  readonly maxDailyLoss: string;
  /** Most orders that have not ended. */
  readonly maxOpenOrders: number;
  /** Most orders accepted in any 60 seconds. */
  readonly maxOrdersPerMinute: number;
  /** How far through the market a LIMIT price may be: above the ask for a BUY, below the bid for a SELL. In 1/100 of a percent. */
  readonly priceCollarBps: number;
  /** How many times the average of the account's recent orders one order may be worth. */
  readonly fatFingerMultiple: number;
  readonly allowedModes: readonly OrderMode[];
}

/** A row of risk.limits: null where it leaves the decision to the next one. */
export type StoredLimits = { readonly [K in keyof AccountLimits]: AccountLimits[K] | null };

/**
 * What holds where neither the account's row nor everybody's says anything. The most that an order may be worth is the
 * service's own ceiling (MAX_ORDER_NOTIONAL).
 *
 * Twenty orders a minute is what the readiness checklist alerts on ("Order placement rate > 20/min per user").
 * LIVE has to be allowed by name.
 */
export const BUILT_IN_LIMITS: Omit<AccountLimits, 'maxOrderNotional'> = {
  maxDailyNotional: '1000000',
  maxPositionNotional: '500000',
  maxDailyLoss: '25000',
  maxOpenOrders: 200,
  maxOrdersPerMinute: 20,
  priceCollarBps: 1000,
  fatFingerMultiple: 20,
  allowedModes: ['PAPER'],
};

/** Bounds of what may be stored, as the CHECKs of risk.limits have them. */
export const LIMIT_BOUNDS = {
  maxOpenOrders: { min: 1, max: 100_000_000 },
  maxOrdersPerMinute: { min: 1, max: 1_000_000 },
  priceCollarBps: { min: 0, max: 1_000_000 },
  fatFingerMultiple: { min: 1, max: 1_000_000_000 },
  restrictedSymbols: { max: 1000 },
} as const;

/** The limits in force. A stored limit of an order's worth lowers the service's `ceiling` and never raises it. */
export function limitsInForce(stored: StoredLimits, ceiling: string): AccountLimits {
  const { maxOrderNotional: most } = stored;
  const or = BUILT_IN_LIMITS;
  return {
    maxOrderNotional: most !== null && compare(most, ceiling) < 0 ? most : ceiling,
    maxDailyNotional: stored.maxDailyNotional ?? or.maxDailyNotional,
    maxPositionNotional: stored.maxPositionNotional ?? or.maxPositionNotional,
    maxDailyLoss: stored.maxDailyLoss ?? or.maxDailyLoss,
    maxOpenOrders: stored.maxOpenOrders ?? or.maxOpenOrders,
    maxOrdersPerMinute: stored.maxOrdersPerMinute ?? or.maxOrdersPerMinute,
    priceCollarBps: stored.priceCollarBps ?? or.priceCollarBps,
    fatFingerMultiple: stored.fatFingerMultiple ?? or.fatFingerMultiple,
    allowedModes: stored.allowedModes ?? or.allowedModes,
  };
}

/** What one row of risk.limits says; null where it says nothing. */
export interface LimitsRow extends StoredLimits {
  /** What may not be traded. An account's list is added to everybody's and takes nothing from it. */
  readonly restrictedSymbols: readonly string[] | null;
}

/** A change of some limits: null gives the decision back to the next row, absent leaves it as it is. */
export type LimitsChange = { readonly [K in keyof LimitsRow]?: LimitsRow[K] | undefined };

const SILENT: LimitsRow = {
  maxOrderNotional: null,
  maxDailyNotional: null,
  maxPositionNotional: null,
  maxDailyLoss: null,
  maxOpenOrders: null,
  maxOrdersPerMinute: null,
  priceCollarBps: null,
  fatFingerMultiple: null,
  allowedModes: null,
  restrictedSymbols: null,
};

/** The rows in their order, the account's before everybody's: of each limit the first that says something. */
export function overlaid(rows: readonly LimitsRow[]): LimitsRow {
  const said = rows
    .toReversed()
    .flatMap((row) => Object.entries(row))
    .filter(([, value]) => value !== null);
  const merged: LimitsRow = { ...SILENT, ...Object.fromEntries(said) };
  const restricted = new Set(rows.flatMap((row) => row.restrictedSymbols ?? []));
  return { ...merged, restrictedSymbols: restricted.size === 0 ? null : [...restricted].sort() };
}
