import { expect, test } from 'vitest';
import { readPromql } from '../src/io/promql.ts';

test.each([
  ['up', [['up']]],
  ['sum by (le, route) (rate(t_bucket{job="x", le!=""}[$__rate_interval]))', [['t_bucket', 'job', 'le']]],
  ['a + on (b) group_left (c) d offset 1d', [['a'], ['d']]],
  ['{__name__="up", job="x"} == 1', [['up', 'job']]],
  ['job:errors:ratio_rate5m > 1e3 and hour() == 6', [['job:errors:ratio_rate5m']]],
])('%s reads %j', (expression, wanted) => {
  const { selectors, faultAt } = readPromql(expression);
  expect(faultAt).toBeNull();
  expect(selectors.map(({ metric, labels }) => [metric, ...labels])).toEqual(wanted);
});

test.each([
  ['sum(rate(', 10],
  ['foo bar', 5],
  ['', 1],
  ['rate(up[5m)', 11],
])('%j is no PromQL from character %i on', (expression, at) => {
  expect(readPromql(expression).faultAt).toBe(at);
});
