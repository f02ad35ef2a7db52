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
 * What can happen to an order. PARTLY_FILLED, FILLED and OVERFILLED come from a fill, by whether it leaves something of
 * the quantity, completes it or goes beyond it. CANCEL_REFUSED gives an order back to the state that it had before the
 * request, by whether it has fills. EXECUTION_FAILED: the quote would fill it, and the books could not take the fill.
 */
export const ORDER_EVENTS = [
  'SUBMISSION_STARTED',
  'ACCEPTED',
  'REJECTED',
  'OUTCOME_UNKNOWN',
  'PARTLY_FILLED',
  'FILLED',
  'OVERFILLED',
  'EXECUTION_FAILED',
  'CANCEL_REQUESTED',
  'CANCEL_REFUSED',
  'CANCELED',
  'EXPIRED',
] as const;
export type OrderEvent = (typeof ORDER_EVENTS)[number];

/** As what a fill of an ended order is recorded: it moved cash and holdings after everybody thought that it was over. */
export const LATE_FILL = 'LATE_FILL';

export type Side = 'BUY' | 'SELL';
export type OrderType = 'LIMIT' | 'MARKET';
export type OrderMode = 'PAPER' | 'LIVE';
/**
 * GTC rests until it is filled or canceled, DAY until the end of its session, GTD until `expireAt`. IOC is looked at once,
 * by the next cycle of the limit processor: what that cannot fill expires.
 */
export const TIMES_IN_FORCE = ['GTC', 'DAY', 'GTD', 'IOC'] as const;
export type TimeInForce = (typeof TIMES_IN_FORCE)[number];

/** An order as it is asked for. Decimals are plain decimal strings, times RFC 3339. */
export interface NewOrder {
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly quantity: string;
  /** Null for MARKET, and only then. */
  readonly price: string | null;
  readonly mode: OrderMode;
  /** A MARKET order is IOC by nature, whatever is asked for. */
  readonly timeInForce: TimeInForce;
  /** Given for GTD, and only then. */
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
  /** Of GTD and DAY orders, else null. */
  readonly expireAt: string | null;
  readonly status: OrderStatus;
  readonly version: number;
  readonly filledQuantity: string;
  readonly averageFillPrice: string | null;
  readonly reservedCash: string;
  readonly reservedQuantity: string;
  readonly denialReason: string | null;
  /** The fee of every fill, in basis points of its notional. */
  readonly feeBps: string;
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

/**
 * What becomes of an event in a state. `ignore`: it tells nothing new. `quarantine`: a report that contradicts what is
 * known is kept for a person to look at, and changes nothing. `refuse`: the service asks for what cannot be done.
 */
export type Decision =
  | { readonly kind: 'transition'; readonly to: OrderStatus; readonly recordAs: string }
  | { readonly kind: 'ignore' | 'quarantine' | 'refuse' };

/** A state to go to, a fill that comes late and is booked all the same, or one of the three words of `Decision`. */
type Cell =
  | OrderStatus
  | 'ignore'
  | 'quarantine'
  | 'refuse'
  | { readonly late: OrderStatus }
  | { readonly unfilled: OrderStatus; readonly partlyFilled: OrderStatus };

/** Every pair of a state and an event is decided here, by name: nothing is left to a default. */
const DECISIONS: Readonly<Record<OrderStatus, Readonly<Record<OrderEvent, Cell>>>> = {
  // Nothing was sent, so that no venue can say anything about it.
  PENDING: {
    SUBMISSION_STARTED: 'SUBMITTING',
    ACCEPTED: 'quarantine',
    REJECTED: 'quarantine',
    OUTCOME_UNKNOWN: 'quarantine',
    PARTLY_FILLED: 'quarantine',
    FILLED: 'quarantine',
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'refuse',
    CANCEL_REQUESTED: 'CANCELED',
    CANCEL_REFUSED: 'quarantine',
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  // A report may overtake the answer to the submission. What may or may not be there cannot be canceled yet.
  SUBMITTING: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'OPEN',
    REJECTED: 'REJECTED',
    OUTCOME_UNKNOWN: 'UNKNOWN',
    PARTLY_FILLED: 'PARTIALLY_FILLED',
    FILLED: 'FILLED',
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'refuse',
    CANCEL_REQUESTED: 'refuse',
    CANCEL_REFUSED: 'quarantine',
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  UNKNOWN: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'OPEN',
    REJECTED: 'REJECTED',
    OUTCOME_UNKNOWN: 'ignore',
    PARTLY_FILLED: 'PARTIALLY_FILLED',
    FILLED: 'FILLED',
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'refuse',
    CANCEL_REQUESTED: 'refuse',
    CANCEL_REFUSED: 'quarantine',
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  // CANCEL_REFUSED comes a second time: the order is already as it was.
  OPEN: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'ignore',
    REJECTED: 'quarantine',
    OUTCOME_UNKNOWN: 'ignore',
    PARTLY_FILLED: 'PARTIALLY_FILLED',
    FILLED: 'FILLED',
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'OPEN',
    CANCEL_REQUESTED: 'PENDING_CANCEL',
    CANCEL_REFUSED: 'ignore',
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  PARTIALLY_FILLED: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'ignore',
    REJECTED: 'quarantine',
    OUTCOME_UNKNOWN: 'ignore',
    PARTLY_FILLED: 'PARTIALLY_FILLED',
    FILLED: 'FILLED',
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'PARTIALLY_FILLED',
    CANCEL_REQUESTED: 'PENDING_CANCEL',
    CANCEL_REFUSED: 'ignore',
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  // A fill may land while the cancel is on its way.
  PENDING_CANCEL: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'ignore',
    REJECTED: 'quarantine',
    OUTCOME_UNKNOWN: 'ignore',
    PARTLY_FILLED: 'PENDING_CANCEL',
    FILLED: 'FILLED',
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'refuse',
    CANCEL_REQUESTED: 'ignore',
    CANCEL_REFUSED: { unfilled: 'OPEN', partlyFilled: 'PARTIALLY_FILLED' },
    CANCELED: 'CANCELED',
    EXPIRED: 'EXPIRED',
  },
  // The end of an order whose last fill was faster: nothing was left to end.
  FILLED: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'ignore',
    REJECTED: 'quarantine',
    OUTCOME_UNKNOWN: 'ignore',
    PARTLY_FILLED: 'quarantine',
    FILLED: 'quarantine',
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'refuse',
    CANCEL_REQUESTED: 'refuse',
    CANCEL_REFUSED: 'ignore',
    CANCELED: 'ignore',
    EXPIRED: 'ignore',
  },
  CANCELED: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'ignore',
    REJECTED: 'quarantine',
    OUTCOME_UNKNOWN: 'ignore',
    PARTLY_FILLED: { late: 'CANCELED' },
    FILLED: { late: 'FILLED' },
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'refuse',
    CANCEL_REQUESTED: 'ignore',
    CANCEL_REFUSED: 'ignore',
    CANCELED: 'ignore',
    EXPIRED: 'ignore',
  },
  REJECTED: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'quarantine',
    REJECTED: 'ignore',
    OUTCOME_UNKNOWN: 'ignore',
    PARTLY_FILLED: { late: 'REJECTED' },
    FILLED: { late: 'FILLED' },
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'refuse',
    CANCEL_REQUESTED: 'refuse',
    CANCEL_REFUSED: 'ignore',
    CANCELED: 'ignore',
    EXPIRED: 'ignore',
  },
  // It never left the house.
  DENIED: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'quarantine',
    REJECTED: 'quarantine',
    OUTCOME_UNKNOWN: 'quarantine',
    PARTLY_FILLED: 'quarantine',
    FILLED: 'quarantine',
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'refuse',
    CANCEL_REQUESTED: 'refuse',
    CANCEL_REFUSED: 'quarantine',
    CANCELED: 'quarantine',
    EXPIRED: 'quarantine',
  },
  EXPIRED: {
    SUBMISSION_STARTED: 'refuse',
    ACCEPTED: 'ignore',
    REJECTED: 'quarantine',
    OUTCOME_UNKNOWN: 'ignore',
    PARTLY_FILLED: { late: 'EXPIRED' },
    FILLED: { late: 'FILLED' },
    OVERFILLED: 'quarantine',
    EXECUTION_FAILED: 'refuse',
    CANCEL_REQUESTED: 'refuse',
    CANCEL_REFUSED: 'ignore',
    CANCELED: 'ignore',
    EXPIRED: 'ignore',
  },
};

/**
 * What becomes of `event` in this state. `hasFills` says whether anything of the order was filled before; only
 * CANCEL_REFUSED asks.
 */
export function decisionFor(status: OrderStatus, event: OrderEvent, hasFills: boolean): Decision {
  const cell = DECISIONS[status][event];
  if (cell === 'ignore' || cell === 'quarantine' || cell === 'refuse') {
    return { kind: cell };
  }
  if (typeof cell === 'string') {
    return { kind: 'transition', to: cell, recordAs: event };
  }
  if ('late' in cell) {
    return { kind: 'transition', to: cell.late, recordAs: LATE_FILL };
  }
  return { kind: 'transition', to: hasFills ? cell.partlyFilled : cell.unfilled, recordAs: event };
}

/** Every move that some event makes, as `FROM>TO`, sorted: what execution.order_transitions must hold. */
export function allTransitions(): readonly string[] {
  const moves = ORDER_STATUSES.flatMap((from) =>
    ORDER_EVENTS.flatMap((event) => [decisionFor(from, event, false), decisionFor(from, event, true)]).flatMap(
      (decision) => (decision.kind === 'transition' ? [`${from}>${decision.to}`] : []),
    ),
  );
  return [...new Set(moves)].sort();
}
