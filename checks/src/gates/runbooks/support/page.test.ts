import { expect, test } from 'vitest';
import { readPage } from './page.ts';

test('reads headings that have words below them, and the scripts that code calls', () => {
  const page = readPage(
    [
      '# QueueDeep, QueueFull',
      'See `bin/status --help`, and not bin/prose.',
      '## Meaning',
      'It is deep.',
      '## Empty',
      '',
      '## Mitigation',
      '```bash',
      '## a comment',
      '#!/usr/bin/env bash',
      './runbooks/bin/drain-worker --all && bin/reconcile; /usr/bin/psql',
      '```',
    ].join('\n'),
  );
  expect(page).toEqual({
    title: 'QueueDeep, QueueFull',
    sections: ['Meaning', 'Mitigation'],
    scripts: ['status', 'drain-worker', 'reconcile'],
  });
});
