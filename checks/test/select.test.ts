import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import { tagsOf } from '../src/engine/gate.ts';
import { concernedBy, findCheck, type Selection, select } from '../src/engine/select.ts';
import { UsageError } from '../src/errors.ts';
import { changedSince } from '../src/io/tree.ts';
import { fakeDrill, fakeGate } from './support/fake-checks.ts';
import { smallestConfig } from './support/look.ts';
import { createSmallRepository } from './support/small-repository.ts';

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

test('a tag is an area, a kind, a severity or a word of the gate; one of several is enough', () => {
  expect(selected({ tags: ['code'] }).ids).toEqual(['code/no-console', 'code/types-check']);
  expect(selected({ tags: ['drill', 'http'] }).ids).toEqual(['http/health-answers', 'drills/backend-killed']);
  expect(selected({ tags: ['code'] }).leftOut).toContain('http/health-answers tag');
  expect(tagsOf(fakeGate('a/b', { tags: ['slow', 'gate'] }))).toEqual(['a', 'gate', 'blocker', 'slow']);
  expect(faultOf(() => selected({ tags: ['dril'] }))).toEqual({
    message: 'no gate or drill has the tag dril',
    suggestion: 'Did you mean drill?',
  });
});

test('what has changed concerns the gates that name it, and those that name nothing', () => {
  const config = {
    ...parseConfig(smallestConfig),
    code: { ...parseConfig(smallestConfig).code, production: ['src/**'] },
  };
  const globs = fakeGate('a/globs', { files: ['**/*.sql'] });
  const asked = fakeGate('a/asked', { files: ({ code }) => code.production });
  const silent = fakeGate('a/silent');
  const concerned = (...changed: string[]) =>
    [globs, asked, silent].filter(concernedBy(changed, ['preflight.config.ts'], config)).map(({ id }) => id);
  expect(concerned('db/1.sql')).toEqual(['a/globs', 'a/silent']);
  expect(concerned('src/.hidden/x.ts', 'README.md')).toEqual(['a/asked', 'a/silent']);
  expect(concerned()).toEqual(['a/silent']);
  expect(concerned('preflight.config.ts')).toEqual(['a/globs', 'a/asked', 'a/silent']);
  expect(selected({ concerns: ({ id }) => id.startsWith('code/') }).leftOut).toContain('http/health-answers unchanged');
});

test('changed is what is edited, new, untracked or gone since a commit', async () => {
  const repository = await createSmallRepository({ a: 'a', b: 'b', c: 'c', '.gitignore': 'ignored\n' });
  try {
    const begin = await repository.commitAll('begin');
    expect(await changedSince(repository.root, 'HEAD')).toEqual([]);
    repository.write('a', 'edited');
    await repository.commitAll('more');
    repository.write('new', 'new');
    repository.write('ignored', 'ignored');
    repository.remove('b');
    expect(await changedSince(repository.root, 'HEAD')).toEqual(['b', 'new']);
    expect(await changedSince(repository.root, begin)).toEqual(['a', 'b', 'new']);
    await expect(changedSince(repository.root, 'nowhere')).rejects.toThrow('there is no commit nowhere');
    await expect(changedSince(repository.root, '--all')).rejects.toThrow('there is no commit --all');
  } finally {
    repository.close();
  }
});
