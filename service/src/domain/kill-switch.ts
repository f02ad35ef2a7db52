import { compare, isBookable } from './money.ts';
import type { NewOrder } from './order.ts';

/**
 * ACTIVE: trading is on. REDUCING: only orders that reduce a position are taken. HALTED: none is. Cancels, and fills of
 * resting orders, go on in every state.
 */
export const KILL_SWITCH_STATES = ['ACTIVE', 'REDUCING', 'HALTED'] as const;
export type KillSwitchState = (typeof KILL_SWITCH_STATES)[number];

/** The switch as it stands. */
export interface KillSwitch {
  readonly state: KillSwitchState;
  readonly reason: string;
  readonly changedBy: string;
  /** RFC 3339, UTC, microseconds. */
  readonly changedAt: string;
  /** Grows by one with every change. */
  readonly version: number;
}

/** What one place that holds the switch says: a state, and why. */
export interface SwitchPosition {
  readonly state: KillSwitchState;
  readonly reason: string;
  readonly changedBy: string;
}

/** Longest reason and author that the table takes, in characters. */
export const KILL_SWITCH_REASON_MAX = 500;
export const KILL_SWITCH_AUTHOR_MAX = 200;

/** Whether `left` forbids more than `right`. */
export function isStricter(left: KillSwitchState, right: KillSwitchState): boolean {
  return KILL_SWITCH_STATES.indexOf(left) > KILL_SWITCH_STATES.indexOf(right);
}

/** The stricter of two positions; the first when they forbid the same. */
export function strictest<A extends SwitchPosition, B extends SwitchPosition>(first: A, second: B): A | B {
  return isStricter(second.state, first.state) ? second : first;
}

/** What is still taken while REDUCING: a sale of no more than the account holds and has not promised to another order. */
export function reducesPosition(order: Pick<NewOrder, 'side' | 'quantity'>, freeQuantity: string): boolean {
  return order.side === 'SELL' && isBookable(order.quantity) && compare(order.quantity, freeQuantity) <= 0;
}
