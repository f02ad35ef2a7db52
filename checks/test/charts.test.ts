import { expect, test } from 'vitest';
import { chartsOf, mostPoints } from '../src/engine/chart.ts';
import { latencyCharts } from '../src/gates/load/support/k6.ts';

test('charts are read out of whatever facts there are, and what is none is left alone', () => {
  const chart = { title: 'heap', unit: 'MB', form: 'line', points: [{ label: '0 min', value: 1 }] };
  expect(chartsOf({ charts: [chart, { title: 'no points' }, 'text'], other: 1 })).toEqual([chart]);
  for (const facts of [null, undefined, [], 'text', { charts: 'many' }]) expect(chartsOf(facts)).toEqual([]);
});

test('what is drawn has a bound', () => {
  const points = Array.from({ length: 2_000 }, (_, value) => ({ label: String(value), value }));
  const charts = chartsOf({ charts: Array.from({ length: 40 }, () => ({ title: 't', unit: 'ms', points })) });
  expect(charts).toHaveLength(12);
  expect(charts[0]?.points).toHaveLength(mostPoints);
});

test('a latency of k6 is a chart whose percentiles have the bounds of their thresholds; a count is none', () => {
  const observed = { max: 51, min: 1.5, 'p(95)': 24, med: 4.5 };
  const of = (metric: string, expression: string, values: Record<string, number>) => ({
    ...{ metric, expression, crossed: false, observed: values },
  });
  const charts = latencyCharts([
    of('http_req_duration', 'p(95)<20', observed),
    of('http_req_duration', 'med <= 5.5', observed),
    of('http_reqs', 'count>100', { count: 1_002 }),
  ]);
  expect(charts).toEqual([
    {
      ...{ title: 'http_req_duration', unit: 'ms' },
      points: [
        { label: 'min', value: 1.5 },
        { label: 'med', value: 4.5, bound: 5.5 },
        { label: 'p(95)', value: 24, bound: 20 },
        { label: 'max', value: 51 },
      ],
    },
  ]);
});
