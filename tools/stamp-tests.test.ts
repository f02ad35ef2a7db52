import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { stampOf } from './stamp-tests.ts';

const clean = { commit: 'c0ffee', dirty: false };

test('a run is about the commit on which it began and ended, whole and clean', () => {
  const reportSha256 = createHash('sha256').update('{}').digest('hex');
  expect(stampOf(clean, clean, '{}', [])).toEqual({ ...clean, narrowedBy: [], reportSha256 });
  expect(stampOf(clean, clean, '{}', ['service/test']).narrowedBy).toEqual(['service/test']);
});

test.each([
  ['began dirty', { ...clean, dirty: true }, clean],
  ['ended dirty', clean, { ...clean, dirty: true }],
  ['ended on another commit', clean, { ...clean, commit: 'decaf' }],
])('one that %s is about no commit', (_, begun, ended) => {
  expect(stampOf(begun, ended, '{}', []).dirty).toBe(true);
});
