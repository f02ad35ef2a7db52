import { expect, test } from 'vitest';
import { checklistDocument } from '../checks/src/checklist/document.ts';
import { gate, type Item, notApplicable, planned, signOff } from '../checks/src/checklist/item.ts';
import type { Read } from '../checks/src/checklist/read.ts';
import type { Threshold } from '../checks/src/checklist/thresholds.ts';

const read: Read = {
  boxes: [
    { source: 'S0', line: 8, text: 'Set **a key** | of 32' },
    { source: 'S1', line: 3, text: 'the key again' },
    { source: 'S1', line: 4, text: 'sign' },
    { source: 'S1', line: 5, text: 'paint' },
    { source: 'S1', line: 6, text: 'later' },
  ],
  thresholds: [{ source: 'S1', line: 9, text: 'Keep <20ms' }],
  titles: [{ source: 'S0', line: 7, text: 'Keys' }],
};
const items: Item[] = [
  {
    ...{ id: 'b.key', severity: 'blocker', answer: gate('b/key', 'b/other') },
    asks: ['S0:8 Set **a key** | of 32', 'S1:3 the key again'],
  },
  { id: 'b.later', severity: 'warning', answer: planned('b/later'), partly: ['b/key'], asks: ['S1:6 later'] },
  { id: 'b.fast', severity: 'warning', answer: planned('b/fast'), asks: ['S1:9 Keep <20ms'] },
  { id: 'a.sign', severity: 'blocker', answer: signOff('risk', 1, 'The minutes.'), asks: ['S1:4 sign'] },
  { id: 'a.paint', severity: 'advisory', answer: notApplicable('There are no walls.'), asks: ['S1:5 paint'] },
  { id: 'a.own', severity: 'blocker', answer: gate('a/own'), asks: [] },
];
const latency: Threshold = {
  ...{ item: 'b.fast', what: 'latency', unit: 'ms', stricter: 'lower' },
  said: [
    { value: 150, at: ['S0:8 32'] },
    { value: 20, at: ['S1:9 <20ms'] },
  ],
};
const fast = { id: 'b/fast', kind: 'drill', covers: ['b.fast'] } as const;

test('the figures, the disagreements, and each line with its answer', () => {
  const text = checklistDocument(read, items, [fast], [latency]);
  expect(text).toContain('have 5 boxes to tick. Today 2 of them\n(40 %)');
  expect(text).toContain('| S0 | 1 | 1 | 100 % | 0 | 0 | 0 |\n| S1 | 4 | 1 | 25 % | 1 | 1 | 1 |\n| **all** | 5 | 2 |');
  expect(text).toContain('| latency | at most 20 ms | S1:9 | 150 (S0:8) | `b.fast` |');
  expect(text.match(/^### .*$/gm)).toEqual(['### a', '### b']);
  const rows = text
    .slice(text.indexOf('### a'))
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  expect(rows).toEqual([
    '| `a.sign` | blocker | S1:4 sign | sign-off: risk signs, for 1 day: The minutes. |',
    '| `a.paint` | advisory | S1:5 paint | not applicable: There are no walls. |',
    '| `a.own` | blocker | – | gate `a/own` |',
    '| `b.key` | blocker | S0:8 Set \\*\\*a key\\*\\* \\| of 32<br>S1:3 the key again | gate `b/key`, `b/other` |',
    '| `b.later` | warning | S1:6 later | planned: `b/later`; in part: `b/key` |',
    '| `b.fast` | warning | S1:9 Keep \\<20ms | drill `b/fast` |',
  ]);
});
