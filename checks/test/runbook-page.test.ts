import { expect, test } from 'vitest';
import { followPage, recoveryOf } from '../src/io/runbook-page.ts';
import type { Tree } from '../src/io/tree.ts';

const page = (recovery: string) => `# Lost

## Diagnosis

\`\`\`bash
false
\`\`\`

## Recovery

It is over when nothing fails.

${recovery}

## See also

\`\`\`bash
false
\`\`\`
`;
const block = (commands: string) => `\`\`\`bash\n${commands}\n\`\`\``;
const treeOf = (text: string): Tree => ({ root: '/', files: async () => [], read: async () => text });
const signal = new AbortController().signal;

test('the commands of a page are those under Recovery, all of them, and no others', () => {
  expect(recoveryOf(page(`${block('one')}\n\nthen\n\n${block('two')}`))).toBe('one\n\ntwo\n');
});

test.each([page(''), '# Lost\n', page(block('')).replace('## Recovery', '## Repair')])(
  'a page without any is refused: %#',
  (text) => {
    expect(() => recoveryOf(text)).toThrow('no commands under the heading "Recovery"');
  },
);

test('the first that fails ends them, and is told with what it printed', async () => {
  const environment = { PATH: process.env.PATH ?? '', WORD: 'seen' };
  await followPage(treeOf(page(block('test "$WORD" = seen'))), 'LICENSE', environment, signal);
  const failing = treeOf(page(block('echo not ready >&2\nfalse\necho never')));
  await expect(followPage(failing, 'LICENSE', environment, signal)).rejects.toThrow(
    /^the commands of LICENSE do not recover it: .*not ready/s,
  );
  const unset = treeOf(page(block('echo "$MISSING"')));
  await expect(followPage(unset, 'LICENSE', environment, signal)).rejects.toThrow('MISSING: unbound variable');
});
