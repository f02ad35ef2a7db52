import { expect, test } from 'vitest';
import {
  allTransitions,
  decisionFor,
  INITIAL_STATUSES,
  LATE_FILL,
  ORDER_EVENTS,
  ORDER_STATUSES,
  type OrderEvent,
  type OrderStatus,
  TERMINAL_STATUSES,
} from './order.ts';

const pairs = ORDER_STATUSES.flatMap((status) => ORDER_EVENTS.map((event) => ({ status, event })));
const moveOf = (status: OrderStatus, event: OrderEvent, hasFills = false): OrderStatus | string => {
  const decision = decisionFor(status, event, hasFills);
  return decision.kind === 'transition' ? decision.to : decision.kind;
};

test('every pair of a state and an event is decided', () => {
  const words: readonly string[] = [...ORDER_STATUSES, 'ignore', 'quarantine', 'refuse'];
  for (const { status, event } of pairs) {
    expect(words, `${status} ${event}`).toContain(moveOf(status, event));
    expect(words, `${status} ${event}`).toContain(moveOf(status, event, true));
  }
});

test('what is asked of us is refused or done, what we are told is booked, ignored or kept: never the other way round', () => {
  const asked: readonly OrderEvent[] = ['SUBMISSION_STARTED', 'EXECUTION_FAILED', 'CANCEL_REQUESTED'];
  for (const { status, event } of pairs) {
    expect(moveOf(status, event), `${status} ${event}`).not.toBe(asked.includes(event) ? 'quarantine' : 'refuse');
  }
});

test('nothing but a late fill moves an ended order, and nothing at all a filled or denied one', () => {
  for (const status of TERMINAL_STATUSES) {
    const moving = ORDER_EVENTS.filter((event) => decisionFor(status, event, true).kind === 'transition');
    expect(moving).toEqual(status === 'FILLED' || status === 'DENIED' ? [] : ['PARTLY_FILLED', 'FILLED']);
    for (const event of moving) {
      expect(decisionFor(status, event, true)).toMatchObject({ recordAs: LATE_FILL });
    }
  }
});

test('a fill beyond the quantity is kept in every state', () => {
  for (const status of ORDER_STATUSES) {
    expect(moveOf(status, 'OVERFILLED')).toBe('quarantine');
  }
});

test('an outcome that nobody knows ends only by what the venue says', () => {
  expect(moveOf('SUBMITTING', 'OUTCOME_UNKNOWN')).toBe('UNKNOWN');
  expect(moveOf('UNKNOWN', 'SUBMISSION_STARTED')).toBe('refuse');
  expect(moveOf('UNKNOWN', 'OUTCOME_UNKNOWN')).toBe('ignore');
  expect(moveOf('UNKNOWN', 'ACCEPTED')).toBe('OPEN');
});

test('a refused cancel gives the order back as it was', () => {
  expect(moveOf('PENDING_CANCEL', 'CANCEL_REFUSED', false)).toBe('OPEN');
  expect(moveOf('PENDING_CANCEL', 'CANCEL_REFUSED', true)).toBe('PARTIALLY_FILLED');
});

test('a fill may land while a cancel is on its way', () => {
  expect(moveOf('PENDING_CANCEL', 'PARTLY_FILLED')).toBe('PENDING_CANCEL');
  expect(moveOf('PENDING_CANCEL', 'FILLED', true)).toBe('FILLED');
});

test('no event leads back into the beginning, and every state can be reached', () => {
  expect(allTransitions().filter((move) => move.endsWith('>PENDING') || move.endsWith('>DENIED'))).toEqual([]);
  const reached = new Set<string>([...INITIAL_STATUSES, ...allTransitions().map((move) => move.replace(/.*>/, ''))]);
  expect([...reached].sort()).toEqual([...ORDER_STATUSES].sort());
});
