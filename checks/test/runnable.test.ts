import { expect, test } from 'vitest';
import { anchorOf, readPage, wantsOf } from '../src/gates/documentation/support/page.ts';
import { filledIn, readRunnables } from '../src/gates/runbooks/support/runnable.ts';

const page = `# Orders

## Process \`by hand\`, now!

\`\`\`bash run
bin/one --list
\`\`\`

\`\`\`bash
bin/never
# ## no heading
\`\`\`

1. In a list:

   \`\`\`bash run exit=5
   bin/two <<'SQL'
     SELECT 1;
   SQL
   \`\`\`
`;

test('only blocks that are marked are run, each as it stands, with its end and its section', () => {
  const { sections, blocks } = readRunnables(page);
  expect(sections).toEqual(['orders', 'process-by-hand-now']);
  expect(blocks).toEqual([
    { section: 'process-by-hand-now', line: 5, text: 'bin/one --list\n', exit: 0 },
    { section: 'process-by-hand-now', line: 16, text: "bin/two <<'SQL'\n  SELECT 1;\nSQL\n", exit: 5 },
  ]);
});

test('whole words are filled in, and nothing of a longer one', () => {
  expect(filledIn('show ORDER_ID of $MY_ORDER_ID, ORDER_IDS', { ORDER_ID: '7' })).toBe(
    'show 7 of $MY_ORDER_ID, ORDER_IDS',
  );
  expect(filledIn('ORDER_ID', {})).toBe('ORDER_ID');
});

test('a page is read as its reader sees it: no heading and no link in code', () => {
  const read = readPage(
    '# A\n\n```sh\nnpm run x # [no](link.md)\n```\nSee [b](c.md#d) and `[e](f.md)`.\n\n```mermaid\n```\n',
  );
  expect(read.headings).toEqual(['A']);
  expect(read.links).toEqual([{ target: 'c.md#d', line: 6 }]);
  expect(read.diagrams).toBe(1);
  expect(read.commands.map(({ text }) => text)).toContain('npm run x # [no](link.md)');
});

test.each([
  ['make preflight ARGS=x', { kind: 'target', name: 'preflight' }],
  ['npm run keys -- create', { kind: 'script', name: 'keys' }],
  ['npm start   # port 3000', { kind: 'script', name: 'start' }],
  ['node tools/a.ts --write', { kind: 'file', name: 'tools/a.ts' }],
  ['./deploy/roll-out.sh x', { kind: 'file', name: 'deploy/roll-out.sh' }],
  ['npm ci', undefined],
  ['make ARGS=x', undefined],
  ['curl http://localhost', undefined],
])('%s wants %j', (command, wanted) => {
  expect(wantsOf(command)).toEqual(wanted);
});

test('anchors are as GitHub makes them', () => {
  expect(anchorOf('The `order` service: [v2](x.md)')).toBe('the-order-service-v2');
});
