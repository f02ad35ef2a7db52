import { expect, test } from 'vitest';
import { UsageError } from '../src/engine/errors.ts';
import { findCheck, type Selection, select } from '../src/engine/select.ts';
import { fakeDrill, fakeGate } from './support/fake-checks.ts';

const all = [
  fakeGate('code/no-console'),
  fakeGate('code/types-check'),
  fakeGate('http/health-answers', { profile: 'commit' }),
  fakeDrill('drills/backend-killed', { profile: 'commit' }),
  fakeGate('release/window-is-open', { profile: 'release' }),
];

function selected(change: Partial<Selection>) {
  const { checks, leftOut } = select(all, { globs: [], skip: [], profile: 'commit', ...change });
  return { ids: checks.map(({ id }) => id), leftOut: leftOut.map(({ id, reason }) => `${id} ${reason}`) };
}

function faultOf(work: () => unknown): { message: string; suggestion: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, suggestion: error.suggestion };
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('a profile takes what belongs to it and to the narrower ones, and lists the rest', () => {
  expect(selected({ profile: 'static' })).toEqual({
    ids: ['code/no-console', 'code/types-check'],
    leftOut: ['http/health-answers profile', 'drills/backend-killed profile', 'release/window-is-open profile'],
  });
  expect(selected({}).ids).toHaveLength(4);
  expect(selected({ profile: 'release' })).toMatchObject({ ids: all.map(({ id }) => id), leftOut: [] });
});

test('globs choose, --skip leaves out, and each is told from the other', () => {
  expect(selected({ globs: ['code/*'], skip: ['*/types-*'] })).toEqual({
    ids: ['code/no-console'],
    leftOut: [
      'code/types-check skip',
      'http/health-answers selection',
      'drills/backend-killed selection',
      'release/window-is-open profile',
    ],
  });
  expect(selected({ globs: ['code/no-console', 'drills/**'] }).ids).toEqual([
    'code/no-console',
    'drills/backend-killed',
  ]);
});

test.each([
  [{ globs: ['code/no-consol'] }, 'code/no-consol', 'code/no-console'],
  [{ globs: ['drill/backend-killed'] }, 'drill/backend-killed', 'drills/backend-killed'],
  [{ skip: ['http/health-answer'] }, 'http/health-answer', 'http/health-answers'],
])('%j matches nothing, and the nearest id is named', (change, name, nearest) => {
  expect(faultOf(() => selected(change))).toEqual({
    message: `no gate or drill is called ${name}`,
    suggestion: `Did you mean ${nearest}? \`preflight list\` shows them all.`,
  });
});

test('one glob of several that matches nothing is a fault, for a typing error must not narrow a verdict', () => {
  expect(faultOf(() => selected({ globs: ['code/*', 'htpp/*'] })).message).toBe('no gate or drill is called htpp/*');
});

test('a selection that leaves nothing is a fault that names the profile', () => {
  const { message, suggestion } = faultOf(() => selected({ globs: ['release/*'] }));
  expect(message).toBe('nothing is left to run');
  expect(suggestion).toMatch(/^Of profile commit/);
  expect(faultOf(() => selected({ globs: ['code/*'], skip: ['code/*'] })).message).toBe('nothing is left to run');
});

test('a check is found by its id alone', () => {
  expect(findCheck(all, 'http/health-answers').id).toBe('http/health-answers');
  expect(faultOf(() => findCheck(all, 'http/*')).suggestion).toContain('Did you mean');
});
