import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allChecks } from '../src/all.ts';
import type { Check } from '../src/engine/gate.ts';

const source = join(import.meta.dirname, '..', 'src');

/** Every check that a file under the directory exports, with the id that its place gives it. Other files help the checks. */
async function checksIn(directory: string, idOf: (path: string) => string): Promise<{ id: string; check: Check }[]> {
  const paths = readdirSync(join(source, directory), { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.endsWith('.test.ts'),
  );
  const modules = await Promise.all(
    paths.map(async (path) => {
      const module = (await import(join(source, directory, path))) as { default?: Check };
      return { id: idOf(path.replaceAll('\\', '/').replace(/\.ts$/, '')), check: module.default };
    }),
  );
  return modules.flatMap(({ id, check }) => (check?.kind === undefined ? [] : [{ id, check }]));
}

const inFiles = [
  ...(await checksIn('gates', (path) => path)),
  ...(await checksIn('drills', (path) => `drills/${path}`)),
];

test('the lists name every check that has a file, once', () => {
  const ids = (checks: readonly Check[]) => checks.map(({ id }) => id).sort();
  expect(ids(allChecks)).toEqual(ids(inFiles.map(({ check }) => check)));
  expect(new Set(ids(allChecks)).size).toBe(allChecks.length);
});

test.each(inFiles)('$id is called as its file is', ({ id, check }) => {
  expect(check.id).toBe(id);
  expect(check.id).toMatch(/^[a-z][a-z-]*\/[a-z][a-z0-9-]+$/);
});

function expectBadIsNamed(check: Check): void {
  expect(check.samples.bad.length).toBeGreaterThan(0);
  for (const facts of check.samples.bad) {
    const findings = check.judge(facts);
    expect(findings.length, `of ${JSON.stringify(facts)}`).toBeGreaterThan(0);
    for (const { message, fix = check.fix, line } of findings) {
      expect(message.trim()).not.toBe('');
      expect(fix.trim()).not.toBe('');
      if (line !== undefined) expect(line).toBeGreaterThan(0);
    }
  }
}

describe.each(allChecks.map((check) => ({ id: check.id, check })))('$id', ({ check }) => {
  test('says why it is there, what to do, where the rule is from, what it counts and what it answers', () => {
    const { why, fix, source: from, unit, covers } = check;
    for (const text of [why, fix, from, unit]) expect(text.trim()).not.toBe('');
    expect(why.length).toBeGreaterThan(20);
    expect(covers.length).toBeGreaterThan(0);
    expect(new Set(covers).size).toBe(covers.length);
  });

  test('has nothing to say of what is good', () => {
    expect(check.samples.good.length).toBeGreaterThan(0);
    for (const facts of check.samples.good) expect(check.judge(facts)).toEqual([]);
  });

  test('names what is bad, and what would mend it', () => expectBadIsNamed(check));

  test('without its judgement its samples do not hold', () => {
    expect(() => expectBadIsNamed({ ...check, judge: () => [] })).toThrow(/toBeGreaterThan|to be greater than/);
  });

  test('judges the same facts the same way, and leaves them as they are', () => {
    for (const facts of [...check.samples.good, ...check.samples.bad]) {
      const before = structuredClone(facts);
      expect(check.judge(facts)).toEqual(check.judge(facts));
      expect(facts).toEqual(before);
    }
  });

  test('its facts are plain data, as evidence has to be', () => {
    for (const facts of [...check.samples.good, ...check.samples.bad])
      expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
  });
});
