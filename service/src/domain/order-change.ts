import { add, compare, multiply, plain, quotient, subtract } from './money.ts';
import {
  type Decision,
  decisionFor,
  type Order,
  type OrderEvent,
  type OrderStatus,
  TERMINAL_STATUSES,
} from './order.ts';

/** What was filled, as the venue or our own book says. Decimals are plain decimal strings. */
export interface Fill {
  /** Our own id of it, a UUID. */
  readonly id: string;
  /** Unique over all venues, accounts and symbols: whoever reads a venue puts those before the venue's own number. */
  readonly exchangeFillId: string;
  readonly quantity: string;
  readonly price: string;
  readonly fee: string;
}

/** Something that happened to an order: a fill, or any event that is none. */
export type Happening =
  | { readonly kind: 'fill'; readonly fill: Fill }
  | { readonly kind: 'event'; readonly event: Exclude<OrderEvent, 'PARTLY_FILLED' | 'FILLED' | 'OVERFILLED'> };

/** The part of an order that a happening can move. */
export type OrderState = Pick<
  Order,
  'side' | 'quantity' | 'status' | 'version' | 'filledQuantity' | 'reservedCash' | 'reservedQuantity'
> & {
  /** Σ quantity × price of its fills, exact: the average is rounded once, from this. */
  readonly filledValue: string;
};

/** What a transition makes of an order and of what it holds. */
export interface OrderChange {
  /** What the event is recorded as. */
  readonly type: string;
  readonly toStatus: OrderStatus;
  readonly fill: Fill | null;
  readonly after: OrderState;
  readonly averageFillPrice: string | null;
  /** What its account gets back of the reservations, before the fill is paid. */
  readonly releasedCash: string;
  readonly releasedQuantity: string;
}

export type Outcome =
  | { readonly kind: 'change'; readonly change: OrderChange }
  | { readonly kind: Exclude<Decision['kind'], 'transition'> };

/** By which event a fill reaches an order: it leaves something, completes the quantity, or goes beyond it. */
export function fillEvent(order: OrderState, fill: Fill): 'PARTLY_FILLED' | 'FILLED' | 'OVERFILLED' {
  const beyond = compare(add(order.filledQuantity, fill.quantity), order.quantity);
  return beyond < 0 ? 'PARTLY_FILLED' : beyond === 0 ? 'FILLED' : 'OVERFILLED';
}

/** What a happening makes of an order, by the table in order.ts. Pure: the caller has dealt with what it saw before. */
export function outcomeOf(order: OrderState, happening: Happening): Outcome {
  const event = happening.kind === 'fill' ? fillEvent(order, happening.fill) : happening.event;
  const decision = decisionFor(order.status, event, compare(order.filledQuantity, '0') > 0);
  if (decision.kind !== 'transition') {
    return { kind: decision.kind };
  }
  const fill = happening.kind === 'fill' ? happening.fill : null;
  return { kind: 'change', change: change(order, decision, fill) };
}

function change(
  order: OrderState,
  decision: Extract<Decision, { kind: 'transition' }>,
  fill: Fill | null,
): OrderChange {
  const filledQuantity = fill === null ? order.filledQuantity : add(order.filledQuantity, fill.quantity);
  const filledValue = fill === null ? order.filledValue : add(order.filledValue, multiply(fill.quantity, fill.price));
  const ended = (TERMINAL_STATUSES as readonly OrderStatus[]).includes(decision.to);
  const reservedCash = ended ? '0' : stillReserved(order, order.reservedCash, filledQuantity);
  const reservedQuantity = ended ? '0' : stillReserved(order, order.reservedQuantity, filledQuantity);
  return {
    type: decision.recordAs,
    toStatus: decision.to,
    fill,
    after: {
      side: order.side,
      quantity: order.quantity,
      status: decision.to,
      version: order.version + 1,
      filledQuantity,
      filledValue,
      reservedCash,
      reservedQuantity,
    },
    averageFillPrice: compare(filledQuantity, '0') === 0 ? null : quotient(filledValue, filledQuantity),
    releasedCash: subtract(order.reservedCash, reservedCash),
    releasedQuantity: subtract(order.reservedQuantity, reservedQuantity),
  };
}

/** A reservation shrinks with what is left to fill. */
function stillReserved(order: OrderState, reserved: string, filledQuantity: string): string {
  if (filledQuantity === order.filledQuantity) {
    return plain(reserved);
  }
  const open = subtract(order.quantity, order.filledQuantity);
  return quotient(multiply(reserved, subtract(order.quantity, filledQuantity)), open);
}
