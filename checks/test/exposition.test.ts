import { describe, expect, test } from 'vitest';
import { parseExposition } from '../src/io/exposition.ts';

describe('a scrape in the text format', () => {
  test('is read with types, help, labels and special values', () => {
    const text = [
      '# HELP orders_total Placements by what became of them.',
      '# TYPE orders_total counter',
      'orders_total{outcome="placed"} 3',
      'orders_total{outcome="a \\"quoted\\" one, with }\\n"} 1 1712345678901',
      '# a remark',
      'free 1e-3',
      'odd{} +Inf',
      '',
    ].join('\n');
    expect(parseExposition(text)).toEqual([
      {
        ...{ name: 'orders_total', type: 'counter', help: 'Placements by what became of them.' },
        samples: [
          { name: 'orders_total', labels: { outcome: 'placed' }, value: 3 },
          { name: 'orders_total', labels: { outcome: 'a "quoted" one, with }\n' }, value: 1 },
        ],
      },
      { name: 'free', type: 'untyped', help: '', samples: [{ name: 'free', labels: {}, value: 0.001 }] },
      { name: 'odd', type: 'untyped', help: '', samples: [{ name: 'odd', labels: {}, value: Infinity }] },
    ]);
  });

  test('gathers the parts of a histogram, and leaves a counter alone that is called like one', () => {
    const text = '# TYPE t histogram\nt_bucket{le="+Inf"} 2\nt_sum 3\nt_count 2\nrow_count 7\n';
    expect(parseExposition(text).map(({ name, samples }) => [name, samples.length])).toEqual([
      ['t', 3],
      ['row_count', 1],
    ]);
  });

  test.each(['no value', 'a{b=c} 1', 'a{b="c"', '{b="c"} 1', 'a one', 'a{b="c" d="e"} 1'])('refuses %j', (line) => {
    expect(() => parseExposition(`fine 1\n${line}\n`)).toThrow('line 2 of the scrape');
  });
});
