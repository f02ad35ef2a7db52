import { expect, test } from 'vitest';
import { sightsOf } from './sights.ts';

const page = `# Lost

## Meaning

\`nothing\` here is seen.

## What you see

- Alert: \`Lost\`, or \`Gone\` when it is late
- Metric: \`up{job="a b"}\` is 0, and
  \`waiting_total\` grows
- Log: \`It was lost, or "so"\` by the service
- More about \`this\`

Then \`that\`.

## Diagnosis

- Metric: \`not_this_one\`
`;

test('names stand in items of what somebody sees, with the lines below each, and nowhere else', () => {
  expect(sightsOf(page)).toEqual([
    { kind: 'alert', name: 'Lost', line: 9 },
    { kind: 'alert', name: 'Gone', line: 9 },
    { kind: 'metric', name: 'up', line: 10 },
    { kind: 'metric', name: 'waiting_total', line: 11 },
    { kind: 'log', name: 'It was lost, or "so"', line: 12 },
  ]);
});

test('a page without that section names nothing', () => {
  expect(sightsOf('# Lost\n\n- Alert: `Lost`\n')).toEqual([]);
});
