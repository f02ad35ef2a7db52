import { describe, expect, test } from 'vitest';
import { secondsOf } from './durations.ts';

describe('secondsOf', () => {
  test.each([
    ['0', 0],
    ['10s', 10],
    ['1h30m', 5_400],
    ['500ms', 0.5],
    ['3d', 259_200],
  ])('%s', (length, seconds) => expect(secondsOf(length)).toBe(seconds));
  test.each(['', '5', 'm', '5 m', '5x'])('%j is none', (length) =>
    expect(() => secondsOf(length)).toThrow('no length'),
  );
});
