import { describe, expect, test } from 'vitest';
import { isLinearizable, type Operation } from './register-history.ts';

const write = (on: boolean, startedAtMs: number, endedAtMs: number): Operation => ({
  kind: 'write',
  on,
  startedAtMs,
  endedAtMs,
});
const read = (on: boolean, startedAtMs: number, endedAtMs: number): Operation => ({
  kind: 'read',
  on,
  startedAtMs,
  endedAtMs,
});

describe('a history of a switch that begins as off', () => {
  test.each<[string, boolean, Operation[]]>([
    ['nothing happened', true, []],
    ['a read sees the beginning', true, [read(false, 0, 1)]],
    ['a read sees what nobody wrote', false, [read(true, 0, 1)]],
    ['a read after a write sees it', true, [write(true, 0, 1), read(true, 2, 3)]],
    ['a read after a write does not see it', false, [write(true, 0, 1), read(false, 2, 3)]],
    ['reads beside a write see either', true, [write(true, 0, 10), read(false, 1, 2), read(true, 3, 4)]],
    ['reads beside a write see it, and then do not', false, [write(true, 0, 10), read(true, 1, 2), read(false, 3, 4)]],
    [
      'a write whose end nobody knows is seen much later',
      true,
      [write(true, 0, Number.POSITIVE_INFINITY), read(false, 5, 6), read(true, 7, 8)],
    ],
    [
      'two writes side by side are seen in the one order',
      true,
      [write(true, 0, 10), write(false, 0, 10), read(true, 11, 12)],
    ],
    [
      'two writes side by side are seen in both orders',
      false,
      [write(true, 0, 10), write(false, 0, 10), read(true, 11, 12), read(false, 13, 14)],
    ],
    ['a cleared switch is read as cleared', true, [write(true, 0, 1), write(false, 2, 3), read(false, 4, 5)]],
    [
      'a cleared switch is read from a cache',
      false,
      [write(true, 0, 1), write(false, 2, 3), read(false, 4, 5), read(true, 6, 7)],
    ],
  ])('%s: %s', (_, wanted, operations) => {
    expect(isLinearizable(operations, false)).toBe(wanted);
    expect(isLinearizable(operations.toReversed(), false)).toBe(wanted);
  });

  test('of hundreds of operations is searched in no time', () => {
    const turns = Array.from({ length: 40 }, (_, turn) => turn * 100).flatMap((at, turn) => [
      write(turn % 2 === 0, at, at + 9),
      ...Array.from({ length: 10 }, (_, index) => read(turn % 2 === 0, at + 10 + index, at + 30 + index)),
    ]);
    expect(isLinearizable(turns, false)).toBe(true);
    expect(isLinearizable([...turns, read(true, 5_000, 5_001)], false)).toBe(false);
  });
});
