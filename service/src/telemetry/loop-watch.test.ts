import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type LoopWatch, watchLoop } from './loop-watch.ts';

let clockMs: number;
let watch: LoopWatch;
beforeEach(() => {
  vi.useFakeTimers();
  clockMs = 0;
  watch = watchLoop({ delayMaxMs: 100, now: () => clockMs });
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

/** The timer comes round once, this long after the last time. */
function comeRoundAfter(ms: number): void {
  clockMs += ms;
  vi.advanceTimersToNextTimer();
}

it('counts a loop that comes round in time as in time, also when it is a little late', () => {
  for (const ms of [20, 21, 119, 20]) {
    comeRoundAfter(ms);
    expect(watch.isLate()).toBe(false);
  }
});

it('counts it as late from the stall until it has been calm for a while', () => {
  comeRoundAfter(170);
  expect(watch.isLate()).toBe(true);
  clockMs += 99;
  expect(watch.isLate()).toBe(true);
  clockMs += 1;
  expect(watch.isLate()).toBe(false);
});

it('counts it as late before the timer has come round', () => {
  clockMs += 119;
  expect(watch.isLate()).toBe(false);
  clockMs += 1;
  expect(watch.isLate()).toBe(true);
});

it('looks no more once it is stopped', () => {
  watch.stop();
  expect(vi.getTimerCount()).toBe(0);
});
