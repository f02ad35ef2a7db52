import fc from 'fast-check';
import { expect, test } from 'vitest';
import { slopeOf } from './slope.ts';

const line = (perX: number, count: number) => Array.from({ length: count }, (_, x) => ({ x, y: 7 + perX * x }));

test('the slope of a line is its own, whatever the line', () => {
  fc.assert(
    fc.property(fc.integer({ min: -5_000, max: 5_000 }), fc.integer({ min: 3, max: 20 }), (perX, count) => {
      const { perX: found, lower, upper } = slopeOf(line(perX, count));
      expect([found, lower, upper]).toEqual([perX, perX, perX]);
    }),
  );
});

test('one wild point does not move it', () => {
  const points = line(10, 9);
  points[4] = { x: 4, y: 1_000_000 };
  expect(slopeOf(points).perX).toBeCloseTo(10);
});

test('two points are no slope', () => {
  expect(() => slopeOf(line(1, 2))).toThrow('three points');
});
