import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Config, parseConfig } from '../src/config.ts';
import type { Check } from '../src/engine/gate.ts';
import { openCache } from '../src/io/result-cache.ts';
import type { Tools } from '../src/io/tools.ts';
import { openTree } from '../src/io/tree.ts';
import { fakeGate } from './support/fake-checks.ts';
import { passed } from './support/go-report.ts';
import { smallestConfig } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

let repository: SmallRepository;
beforeEach(async () => {
  repository = await createSmallRepository({ 'a.sql': 'a', 'b.sql': 'b', 'c.ts': 'c', 'gates/x.ts': 'x' });
  await repository.commitAll('begin');
});
afterEach(() => repository.close());

const config = parseConfig(smallestConfig);
const tools = (version: string): Tools => ({
  ...{ find: (name) => (name === 'k6' ? '/k6' : undefined), path: (name) => name, version: async () => version },
  environment: {},
});
const gate = fakeGate('a/sql', { files: ['*.sql'], needs: ['k6'] });

const history = fakeGate('a/history', { files: ['*.sql'], needs: ['git'], readsCommits: true });
const other = fakeGate('a/other', { files: ['*.sql'], needs: ['k6'] });

function open(change: { config?: Config; tools?: Tools; day?: string } = {}) {
  return openCache({
    ...{ config, tools: tools('1.0'), tree: openTree(repository.root), ...change },
    ...{ sources: [join(repository.root, 'gates')], clean: (result) => result, own: [gate, other, history] },
    now: () => new Date(`${change.day ?? '2026-06-15'}T12:00:00Z`),
  });
}

test('the key is the same as long as nothing that matters has changed', async () => {
  const key = await open().keyOf(gate);
  expect(key).toMatch(/^[0-9a-f]{24}$/);
  repository.write('c.ts', 'changed');
  expect(await open().keyOf(gate)).toBe(key);
});

test.each<[string, () => Parameters<typeof open>[0]]>([
  ['a file of it', () => void repository.write('b.sql', 'changed')],
  ['a new file of it', () => void repository.write('new.sql', 'b')],
  ['one that is gone', () => void repository.remove('b.sql')],
  ['whether it may be run', () => void chmodSync(join(repository.root, 'b.sql'), 0o755)],
  ['a name', () => void renameSync(join(repository.root, 'b.sql'), join(repository.root, 'bb.sql'))],
  ['the gates themselves', () => void repository.write('gates/x.ts', 'y')],
  ['a tool', () => ({ tools: tools('1.1') })],
  ['the day', () => ({ day: '2026-06-16' })],
  ['the configuration', () => ({ config: { ...config, code: { ...config.code, production: ['other'] } } })],
  [
    'a function of the configuration',
    () => ({
      config: {
        ...config,
        database: { ...config.database, credentials: () => ({ writers: ['other'], operator: '' }) },
      },
    }),
  ],
])('another key when %s has changed', async (_, change) => {
  const before = await open().keyOf(gate);
  const after = await open(change() ?? {}).keyOf(gate);
  expect(after).not.toBe(before);
  expect(after).toBeDefined();
});

test('another gate with the same files has another key', async () => {
  expect(await open().keyOf(other)).toMatch(/^[0-9a-f]{24}$/);
  expect(await open().keyOf(other)).not.toBe(await open().keyOf(gate));
  // Of a plugin, say.
  expect(await open().keyOf(fakeGate('a/strange', { files: ['*.sql'], needs: ['k6'] }))).toBeUndefined();
});

test('of a gate that reads commits: another key when a ref names another one', async () => {
  const key = () => open().keyOf(history);
  const before = await key();
  expect(await key()).toBe(before);
  await repository.commitAll('nothing in it');
  const after = await key();
  expect(after).toMatch(/^[0-9a-f]{24}$/);
  expect(after).not.toBe(before);
});

describe('files that were cleared', () => {
  const all = ['a.sql', 'b.sql'];

  /** Which files are looked through, when there is something to tell of those in `told`. */
  async function lookedThrough(told: string[] = [], rules = 'r', cache = open(), change: () => void = () => undefined) {
    let seen: string[] = [];
    const cleared = await cache.clearedBy(gate).lookThrough(all, rules, async (uncleared) => {
      seen = uncleared;
      change();
      return told;
    });
    expect(cleared).toBe(2 - seen.length);
    return seen;
  }

  test('are not looked through again; those with something to tell are', async () => {
    expect(await lookedThrough(['b.sql'])).toEqual(all);
    expect(await lookedThrough(['b.sql'])).toEqual(['b.sql']);
    expect(await lookedThrough()).toEqual(['b.sql']);
    expect(await lookedThrough()).toEqual([]);
    expect(await repository.git('status', '--porcelain')).toBe('');
  });

  test.each<[string, () => Parameters<typeof open>[0], string[]]>([
    ['one', () => void repository.write('b.sql', 'changed'), ['b.sql']],
    ['a tool', () => ({ tools: tools('1.1') }), all],
    ['the gates themselves', () => void repository.write('gates/x.ts', 'y'), all],
    ['the configuration', () => ({ config: { ...config, code: { ...config.code, production: ['other'] } } }), all],
  ])('are looked through again when %s has changed', async (_, change, again) => {
    await lookedThrough();
    expect(await lookedThrough([], 'r', open(change() ?? {}))).toEqual(again);
    expect(await lookedThrough([], 'other rules')).toEqual(all);
  });

  test('are not those that were written meanwhile, nor what another gate has cleared, nor a record that is none', async () => {
    await lookedThrough([], 'r', open(), () => repository.write('b.sql', 'meanwhile'));
    expect(await lookedThrough()).toEqual(['b.sql']);
    const clearBy = (check: Check) =>
      open()
        .clearedBy(check)
        .lookThrough(all, 'r', async () => []);
    expect([await clearBy(other), await clearBy(other)]).toEqual([0, 2]);
    const strange = fakeGate('a/strange');
    expect([await clearBy(strange), await clearBy(strange)]).toEqual([0, 0]);
    writeFileSync(join(repository.root, '.preflight', 'cache', 'cleared-a-sql.json'), '{"cut');
    expect(await lookedThrough()).toEqual(all);
  });
});

test('what is kept is found again; what is no record of a pass is not', async () => {
  const cache = open();
  await cache.keep('key', passed('a/sql'));
  expect(await open().find('key')).toEqual({ lookedAt: '2026-06-15T12:00:00.000Z', result: passed('a/sql') });
  const file = join(repository.root, '.preflight', 'cache', 'key.json');
  for (const text of [
    '',
    '{"cut',
    '{}',
    JSON.stringify({ lookedAt: '', result: passed('a/sql', { outcome: 'fail' }) }),
  ]) {
    writeFileSync(file, text);
    expect(await open().find('key')).toBeUndefined();
  }
  rmSync(file);
  expect(await open().find('key')).toBeUndefined();
  expect(await repository.git('status', '--porcelain')).toBe('');
});
