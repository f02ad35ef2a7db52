import { add, compare, multiply, negate } from './money.ts';
import type { NewOrder } from './order.ts';
import type { AccountLimits } from './risk-limits.ts';

/** Why an order was denied, in the order in which the rules are asked: the first that objects is the reason. */
export const DENIAL_REASONS = [
  'MODE_NOT_ALLOWED',
  'RESTRICTED_SYMBOL',
  'SESSION_CLOSED',
  'NO_FRESH_QUOTE',
  'NO_REFERENCE_PRICE',
  'MAX_ORDER_NOTIONAL',
  'FAT_FINGER',
  'PRICE_COLLAR',
  'MAX_ORDERS_PER_MINUTE',
  'MAX_OPEN_ORDERS',
  'MAX_DAILY_NOTIONAL',
  'MAX_POSITION',
  'MAX_DAILY_LOSS',
  'INSUFFICIENT_CASH',
  'INSUFFICIENT_SHARES',
] as const;
export type DenialReason = (typeof DENIAL_REASONS)[number];

/**
 * Why an order was denied. All three are decimal strings where the reason is an amount; where it is none, they are words,
 * or null where there is nothing to say.
 */
export interface Denial {
  readonly reason: DenialReason;
  /** What is allowed. */
  readonly limit: string | null;
  /** What stood against the limit before this order, or what the limit was made from. */
  readonly observed: string | null;
  /** What it would be with this order. */
  readonly attempted: string | null;
}

export interface Touch {
  readonly bid: string;
  readonly ask: string;
}

/** What the rules look at, of one moment, read under the account's lock. Decimals are plain decimal strings. */
export interface RuleFacts {
  /** RFC 3339: the time at which the order would be created. */
  readonly now: string;
  /** The calendar of the symbol's market, and whether that is open at `now`. */
  readonly calendar: string;
  readonly sessionOpen: boolean;
  readonly restricted: boolean;
  /**
   * The last quote, however old: it bounds prices and values positions, and prices nothing. Null when the symbol never
   * had one.
   */
  readonly lastQuote: Touch | null;
  readonly heldQuantity: string;
  /** What open BUY orders of the symbol may still buy. */
  readonly openBuyQuantity: string;
  /** Of the account, in all symbols. */
  readonly openOrders: number;
  readonly ordersLastMinute: number;
  /** Worth of the orders accepted on this UTC day. */
  readonly orderedToday: string;
  /** Realised profit of this UTC day; negative is a loss. */
  readonly realisedToday: string;
  /** How many of the last accepted orders (at most 20) there are, and what they were worth on average. */
  readonly recentOrders: number;
  readonly recentNotional: string;
}

interface RuleInput {
  readonly order: NewOrder;
  /** The most that the order can be worth. */
  readonly notional: string;
  readonly facts: RuleFacts;
  readonly limits: AccountLimits;
}

type Rule = (input: RuleInput) => Denial | null;

/** Fewer orders than these say nothing about what is usual for an account. */
export const FAT_FINGER_ORDERS_MIN = 10;
const BPS = '0.0001';
const BPS_PER_ONE = 10_000;

/** Rules that need no price, and so are asked before the order's worth is known. */
const PLAIN_RULES: readonly ((input: Omit<RuleInput, 'notional'>) => Denial | null)[] = [
  ({ order, limits }) =>
    limits.allowedModes.includes(order.mode)
      ? null
      : denial('MODE_NOT_ALLOWED', limits.allowedModes.join(' '), null, order.mode),
  ({ order, facts }) => (facts.restricted ? denial('RESTRICTED_SYMBOL', null, null, order.symbol) : null),
  ({ facts }) => (facts.sessionOpen ? null : denial('SESSION_CLOSED', facts.calendar, facts.now, null)),
];

const RULES: readonly Rule[] = [
  ({ order, facts }) => (facts.lastQuote === null ? denial('NO_REFERENCE_PRICE', null, null, order.price) : null),
  ({ notional, limits }) => atMost('MAX_ORDER_NOTIONAL', limits.maxOrderNotional, '0', notional),
  fatFinger,
  priceCollar,
  ({ facts, limits }) => counted('MAX_ORDERS_PER_MINUTE', limits.maxOrdersPerMinute, facts.ordersLastMinute),
  ({ facts, limits }) => counted('MAX_OPEN_ORDERS', limits.maxOpenOrders, facts.openOrders),
  ({ notional, facts, limits }) =>
    atMost('MAX_DAILY_NOTIONAL', limits.maxDailyNotional, facts.orderedToday, add(facts.orderedToday, notional)),
  position,
  dailyLoss,
];

/** The first plain rule that objects, or null. */
export function plainDenial(input: Omit<RuleInput, 'notional'>): Denial | null {
  return first(PLAIN_RULES, input);
}

/** The first rule about the order's worth that objects, or null. Cash and shares are asked after these. */
export function limitDenial(input: RuleInput): Denial | null {
  return first(RULES, input);
}

export function denial(
  reason: DenialReason,
  limit: string | null,
  observed: string | null,
  attempted: string | null,
): Denial {
  return { reason, limit, observed, attempted };
}

function first<I>(rules: readonly ((input: I) => Denial | null)[], input: I): Denial | null {
  for (const rule of rules) {
    const objection = rule(input);
    if (objection !== null) {
      return objection;
    }
  }
  return null;
}

/** An order that is worth many times what the account usually orders was probably typed wrong. */
function fatFinger({ notional, facts, limits }: RuleInput): Denial | null {
  if (facts.recentOrders < FAT_FINGER_ORDERS_MIN) {
    return null;
  }
  const limit = multiply(facts.recentNotional, String(limits.fatFingerMultiple));
  return atMost('FAT_FINGER', limit, facts.recentNotional, notional);
}

/** Only the side that gives money away is bounded. A MARKET order has its own collar: the padding of its reservation. */
function priceCollar({ order, facts, limits }: RuleInput): Denial | null {
  if (facts.lastQuote === null || order.price === null) {
    return null;
  }
  const { bid, ask } = facts.lastQuote;
  if (order.side === 'BUY') {
    const highest = multiply(ask, multiply(String(BPS_PER_ONE + limits.priceCollarBps), BPS));
    return atMost('PRICE_COLLAR', highest, ask, order.price);
  }
  const lowest = multiply(bid, multiply(String(BPS_PER_ONE - limits.priceCollarBps), BPS));
  return compare(order.price, lowest) < 0 ? denial('PRICE_COLLAR', lowest, bid, order.price) : null;
}

/** What is held and what open orders may still buy, at the ask or at the order's own price, whichever is higher. */
function position({ order, facts, limits }: RuleInput): Denial | null {
  if (order.side === 'SELL' || facts.lastQuote === null) {
    return null;
  }
  const { ask } = facts.lastQuote;
  const price = order.price !== null && compare(order.price, ask) > 0 ? order.price : ask;
  const exposed = add(facts.heldQuantity, facts.openBuyQuantity);
  const worth = (quantity: string): string => multiply(quantity, price);
  return atMost('MAX_POSITION', limits.maxPositionNotional, worth(exposed), worth(add(exposed, order.quantity)));
}

/** A loss stops buying. Selling what is held stays possible: it ends the risk. */
function dailyLoss({ order, notional, facts, limits }: RuleInput): Denial | null {
  const loss = negate(facts.realisedToday);
  return order.side === 'BUY' && compare(loss, limits.maxDailyLoss) >= 0
    ? denial('MAX_DAILY_LOSS', limits.maxDailyLoss, loss, notional)
    : null;
}

function atMost(reason: DenialReason, limit: string, observed: string, attempted: string): Denial | null {
  return compare(attempted, limit) > 0 ? denial(reason, limit, observed, attempted) : null;
}

function counted(reason: DenialReason, limit: number, observed: number): Denial | null {
  return observed >= limit ? denial(reason, String(limit), String(observed), String(observed + 1)) : null;
}
