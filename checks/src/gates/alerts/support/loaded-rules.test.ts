import { expect, test } from 'vitest';
import { gist } from './loaded-rules.ts';

test.each([
  ['sum(rate(a{x="1"}[5m])) by (y) > 0.5', 'sum by (y) (rate(a{x="1"}[5m])) > 0.5'],
  ['a > 14.4 * 0.001\nand b offset 90m > 1e3', 'a > 14.4 * 0.001 and b offset 1h30m > 1000'],
])('%j is written otherwise as %j', (one, other) => expect(gist(one)).toBe(gist(other)));

test.each([
  ['a > 100', 'a > 1000'],
  ['a > 100', 'b > 100'],
  ['a > 100', 'a < 100'],
  ['a{x="1"} > 100', 'a > 100'],
])('%j is not %j', (one, other) => expect(gist(one)).not.toBe(gist(other)));
