import { expect, test } from 'vitest';
import { allTransitions, ORDER_EVENTS, ORDER_STATUSES, TERMINAL_STATUSES, transition } from './order.ts';

test('every pair of a state and an event is decided', () => {
  for (const status of ORDER_STATUSES) {
    for (const event of ORDER_EVENTS) {
      for (const hasFills of [false, true]) {
        const next = transition(status, event, hasFills);
        expect(next === null || ORDER_STATUSES.includes(next), `${status} ${event}`).toBe(true);
      }
    }
  }
});

test('nothing but a late fill moves an ended order, and nothing at all a filled or denied one', () => {
  for (const status of TERMINAL_STATUSES) {
    const accepted = ORDER_EVENTS.filter((event) => transition(status, event, true) !== null);
    expect(accepted).toEqual(status === 'FILLED' || status === 'DENIED' ? [] : ['PARTLY_FILLED', 'FILLED']);
  }
});

test('an outcome that nobody knows ends only by what the venue says', () => {
  expect(transition('SUBMITTING', 'OUTCOME_UNKNOWN', false)).toBe('UNKNOWN');
  expect(transition('UNKNOWN', 'SUBMISSION_STARTED', false)).toBeNull();
  expect(transition('UNKNOWN', 'ACCEPTED', false)).toBe('OPEN');
});

test('a refused cancel gives the order back as it was', () => {
  expect(transition('PENDING_CANCEL', 'CANCEL_REFUSED', false)).toBe('OPEN');
  expect(transition('PENDING_CANCEL', 'CANCEL_REFUSED', true)).toBe('PARTIALLY_FILLED');
});

test('a fill may land while a cancel is on its way', () => {
  expect(transition('PENDING_CANCEL', 'PARTLY_FILLED', false)).toBe('PENDING_CANCEL');
  expect(transition('PENDING_CANCEL', 'FILLED', true)).toBe('FILLED');
});

test('no event leads back into the beginning', () => {
  expect(allTransitions().filter((move) => move.endsWith('>PENDING') || move.endsWith('>DENIED'))).toEqual([]);
});
