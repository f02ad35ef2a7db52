/** Orders, their states, and which event leads from which state to which. Pure: it neither reads nor writes. */

export const ORDER_STATUSES = [
  'PENDING',
  'SUBMITTING',
  'UNKNOWN',
  'OPEN',
  'PARTIALLY_FILLED',
  'PENDING_CANCEL',
  'FILLED',
  'CANCELED',
  'REJECTED',
  'DENIED',
  'EXPIRED',
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** An order begins in one of these: LIVE as PENDING, PAPER as OPEN, refused by our own risk check as DENIED. */
export const INITIAL_STATUSES = ['PENDING', 'OPEN', 'DENIED'] as const satisfies readonly OrderStatus[];

/** Nothing but a late fill happens to an order in one of these. */
export const TERMINAL_STATUSES = [
  'FILLED',
  'CANCELED',
  'REJECTED',
  'DENIED',
  'EXPIRED',
] as const satisfies readonly OrderStatus[];

/** The first event of an order. */
export const INITIAL_EVENTS = ['PLACED', 'DENIED'] as const;

/**
 * What can happen to an order. PARTLY_FILLED and FILLED come from a fill, by whether it completes the quantity.
 * CANCEL_REFUSED gives an order back to the state that it had before the request, by whether it has fills.
 */
export const ORDER_EVENTS = [
  'SUBMISSION_STARTED',
  'ACCEPTED',
  'REJECTED',
  'OUTCOME_UNKNOWN',
  'PARTLY_FILLED',
  'FILLED',
  'CANCEL_REQUESTED',
  'CANCEL_REFUSED',
  'CANCELED',
  'EXPIRED',
] as const;
export type OrderEvent = (typeof ORDER_EVENTS)[number];

export type Side = 'BUY' | 'SELL';
export type OrderType = 'LIMIT' | 'MARKET';
export type OrderMode = 'PAPER' | 'LIVE';
export type TimeInForce = 'GTC' | 'GTD';

/** An order as it is asked for. Decimals are plain decimal strings, times RFC 3339. */
export interface NewOrder {
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly quantity: string;
  /** Null for MARKET, and only then. */
  readonly price: string | null;
  readonly mode: OrderMode;
  readonly timeInForce: TimeInForce;
  /** Null for GTC, and only then. */
  readonly expireAt: string | null;
  /** 1–64 visible ASCII characters. Null: the order's id serves. */
  readonly clientOrderId: string | null;
}

/** An order as it stands. Decimals are plain decimal strings, times RFC 3339 in UTC with microseconds. */
export interface Order {
  readonly id: string;
  readonly accountId: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly quantity: string;
  readonly price: string | null;
  readonly mode: OrderMode;
  readonly timeInForce: TimeInForce;
  readonly expireAt: string | null;
  readonly status: OrderStatus;
  readonly version: number;
  readonly filledQuantity: string;
  readonly averageFillPrice: string | null;
  readonly reservedCash: string;
  readonly reservedQuantity: string;
  readonly denialReason: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** One row of an order's history. */
export interface OrderEventRecord {
  readonly orderId: string;
  readonly version: number;
  readonly type: string;
  readonly fromStatus: OrderStatus | null;
  readonly toStatus: OrderStatus;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: string;
}

/** Where an event leads; null where it is refused. CANCEL_REFUSED leads to one of two, by whether there are fills. */
type Target = OrderStatus | null | { readonly unfilled: OrderStatus; readonly partlyFilled: OrderStatus };
type Row = Readonly<Record<OrderEvent, Target>>;

const REFUSED: Row = {
  SUBMISSION_STARTED: null,
  ACCEPTED: null,
  REJECTED: null,
  OUTCOME_UNKNOWN: null,
  PARTLY_FILLED: null,
  FILLED: null,
  CANCEL_REQUESTED: null,
  CANCEL_REFUSED: null,
  CANCELED: null,
  EXPIRED: null,
};

/** Every pair of a state and an event is decided here. A late fill of an ended order is real and is booked. */
const TRANSITIONS: Readonly<Record<OrderStatus, Row>> = {
  PENDING: { ...REFUSED, SUBMISSION_STARTED: 'SUBMITTING', CANCELED: 'CANCELED', EXPIRED: 'EXPIRED' },
  SUBMITTING: {
    ...REFUSED,
    ACCEPTED: 'OPEN',
    REJECTED: 'REJECTED',
    OUTCOME_UNKNOWN: 'UNKNOWN',
    PARTLY_FILLED: 'PARTIALLY_FILLED',
    FILLED: 'FILLED',
  },
  UNKNOWN: {
    ...REFUSED,
    ACCEPTED: 'OPEN',
    REJECTED: 'REJECTED',
    PARTLY_FILLED: 'PARTIALLY_FILLED',
    FILLED: 'FILLED',
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  OPEN: {
    ...REFUSED,
    PARTLY_FILLED: 'PARTIALLY_FILLED',
    FILLED: 'FILLED',
    CANCEL_REQUESTED: 'PENDING_CANCEL',
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  PARTIALLY_FILLED: {
    ...REFUSED,
    PARTLY_FILLED: 'PARTIALLY_FILLED',
    FILLED: 'FILLED',
    CANCEL_REQUESTED: 'PENDING_CANCEL',
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  PENDING_CANCEL: {
    ...REFUSED,
    PARTLY_FILLED: 'PENDING_CANCEL',
    FILLED: 'FILLED',
    CANCEL_REFUSED: { unfilled: 'OPEN', partlyFilled: 'PARTIALLY_FILLED' },
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  FILLED: REFUSED,
  CANCELED: { ...REFUSED, PARTLY_FILLED: 'CANCELED', FILLED: 'FILLED' },
  REJECTED: { ...REFUSED, PARTLY_FILLED: 'REJECTED', FILLED: 'FILLED' },
  DENIED: REFUSED,
  EXPIRED: { ...REFUSED, PARTLY_FILLED: 'EXPIRED', FILLED: 'FILLED' },
};

/**
 * The state after `event`, or null when the event is refused in this state.
 * `hasFills` says whether anything of the order was filled before; only CANCEL_REFUSED asks.
 */
export function transition(status: OrderStatus, event: OrderEvent, hasFills: boolean): OrderStatus | null {
  const target = TRANSITIONS[status][event];
  if (target === null || typeof target === 'string') {
    return target;
  }
  return hasFills ? target.partlyFilled : target.unfilled;
}

/** Every move that some event makes, as `FROM>TO`, sorted: what execution.order_transitions must hold. */
export function allTransitions(): readonly string[] {
  const moves = ORDER_STATUSES.flatMap((from) =>
    ORDER_EVENTS.flatMap((event) => [transition(from, event, false), transition(from, event, true)])
      .filter((to) => to !== null)
      .map((to) => `${from}>${to}`),
  );
  return [...new Set(moves)].sort();
}
