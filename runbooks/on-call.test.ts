import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readPage } from '../checks/src/gates/documentation/support/page.ts';

const guide = readPage(readFileSync(new URL('on-call.md', import.meta.url), 'utf8'));
const pages = readdirSync(new URL('.', import.meta.url)).filter(
  (name) => name.endsWith('.md') && name !== 'on-call.md',
);

// The gate on-call/escalation-is-complete asks the same before a release, where there are contacts.
test('the guide leads to every page beside it', () => {
  expect(pages.length).toBeGreaterThan(0);
  const linked = guide.links.map(({ target }) => target);
  expect(pages.filter((page) => !linked.includes(page))).toEqual([]);
});
