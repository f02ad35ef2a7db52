import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Item, planned } from '../src/checklist/item.ts';
import { parseConfig } from '../src/config.ts';
import { judge } from '../src/engine/judge.ts';
import { outcomes, type Report, reportSchema } from '../src/engine/report.ts';
import type { Waiver } from '../src/engine/waivers.ts';
import { findTools } from '../src/io/tools.ts';
import { consoleReport } from '../src/reporters/console.ts';
import { bounded, jsonReport } from '../src/reporters/json.ts';
import { fakeDrill, fakeGate, runFakes } from './support/fake-checks.ts';
import { smallestConfig } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

let repository: SmallRepository;
beforeEach(async () => {
  repository = await createSmallRepository({ 'preflight.config.ts': 'export default {};\n' });
});
afterEach(() => repository.close());

/** What others read reports with: the file as it is published. */
const publishedSchema: object = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'report.schema.json'), 'utf8'));

const [startedAt, finishedAt] = [new Date('2026-06-15T12:00:00Z'), new Date('2026-06-15T12:00:03Z')];

const waiver: Waiver = {
  ...{ gate: 'a/waived', reason: 'mended next week', owner: 'ada', approver: 'grace' },
  ...{ created: '2026-06-10', expires: '2026-06-20' },
};

const wrong = { observe: async () => ({ examined: 1, facts: ['something is wrong'] }) };
const checks = [
  fakeGate('a/pass', { covers: ['x.y', 'x.z'], needs: ['git'] }),
  fakeGate('a/fail', { ...wrong, covers: ['x.f'], judge: () => [{ message: 'wrong', file: 'a.ts', line: 3 }] }),
  fakeGate('a/waived', { ...wrong, covers: ['x.w'] }),
  fakeGate('a/error', { observe: () => Promise.reject(new Error('broken')), covers: ['x.e'] }),
  fakeGate('a/not-run', { needs: ['config:load'], covers: ['x.n'] }),
  fakeDrill('drills/a'),
];

async function report(change: Partial<Parameters<typeof judge>[0]> = {}): Promise<Report> {
  const tools = findTools(repository.root);
  const tree = { root: repository.root, files: async () => [], read: async () => '' };
  return judge({
    ...{ root: repository.root, tools, configFile: 'preflight.config.ts', profile: 'commit', failOn: 'blocker' },
    ...{ waivers: [waiver], all: checks, ran: checks, items: [], results: await runFakes(checks, { tree }) },
    governance: parseConfig(smallestConfig).governance,
    authorsOf: () => [{ name: 'Ada', email: 'ada@example.com' }],
    leftOut: [{ id: 'b/c', reason: 'profile' }],
    ...{ startedAt, finishedAt },
    ...change,
  });
}

test('has every outcome in the shape that is promised, also as the JSON Schema that others read it with', async () => {
  await repository.commitAll('begin');
  const made = await report();
  expect(made.results.map(({ outcome }) => outcome)).toEqual(['pass', 'fail', 'waived', 'error', 'not-run', 'pass']);
  expect(new Set(made.results.map(({ outcome }) => outcome))).toEqual(new Set(outcomes));
  const printed: unknown = JSON.parse(jsonReport(made));
  expect(reportSchema.parse(printed)).toEqual(printed);
  const validate = new Ajv2020({ allErrors: true, strict: true }).compile(publishedSchema);
  expect(validate(printed), JSON.stringify(validate.errors)).toBe(true);
  // The schema is not one that takes everything.
  const spoilt = { ...made, verdict: 'MAYBE', results: [{ ...made.results[0], examined: -1, extra: true }] };
  expect(validate(spoilt)).toBe(false);
  expect(validate.errors?.map(({ instancePath }) => instancePath)).toEqual(
    expect.arrayContaining(['/verdict', '/results/0', '/results/0/examined']),
  );
});

test('says which commit and configuration it is about', async () => {
  const before = await report();
  expect(before).toMatchObject({ commit: '', dirty: true });
  const commit = await repository.commitAll('begin');
  const clean = await report();
  expect(clean).toMatchObject({ commit, dirty: false, startedAt: '2026-06-15T12:00:00.000Z' });
  expect(clean.tools).toMatchObject({ node: process.versions.node, git: expect.stringMatching(/^\d+\.\d+/) });
  repository.write('preflight.config.ts', 'export default { changed: true };\n');
  const changed = await report();
  expect(changed).toMatchObject({ commit, dirty: true });
  expect(changed.configHash).toMatch(/^[0-9a-f]{64}$/);
  expect(changed.configHash).not.toBe(clean.configHash);
});

test('counts as answered only the items of checks that are ready', async () => {
  await repository.commitAll('begin');
  expect((await report()).checklist.itemsCovered).toEqual(['x.w', 'x.y', 'x.z']);
  expect((await report({ waivers: [] })).checklist.itemsCovered).toEqual(['x.y', 'x.z']);
});

test('a waiver that has expired by the end of the run waives nothing, and is a fault of its own', async () => {
  const expired = await report({ finishedAt: new Date('2026-06-21T00:00:00Z') });
  expect(expired.results.find(({ id }) => id === 'a/waived')?.outcome).toBe('fail');
  expect(expired.governance).toEqual([expect.stringContaining('the waiver of a/waived expired on 2026-06-20')]);
});

test('the console shows each thing that is not a pass with its fix before it, and the verdict last', async () => {
  await repository.commitAll('begin');
  const text = consoleReport(await report(), false);
  expect(text).toMatch(/✗ fail {2}a\/fail {2}blocker\n {2}fix: Mend it\.\n {2}a\.ts:3 {2}wrong\n/);
  expect(text).toMatch(/~ waived {2}a\/waived.*\n(.*\n)* {2}waived until 2026-06-20 by grace: mended next week\n/);
  expect(text).toMatch(/– not-run {2}a\/not-run.*\n {2}missing: preflight\.config\.ts does not describe `load`\n/);
  expect(text).toContain('out of the scope of profile commit: 1, not looked at\n');
  expect(text).toMatch(/\nNO-GO {2}profile commit, [0-9a-f]{12} \(exit code 1\)\n$/);
});

describe('items whose check is only planned', () => {
  const item = (id: string, severity: Item['severity'], answer: Item['answer']): Item => ({
    id,
    severity,
    answer,
    asks: [],
  });
  const ran = [fakeGate('a/pass', { covers: ['x.y'] })];
  const run = async (items: readonly Item[], profile: 'commit' | 'release', failOn: Item['severity'] = 'blocker') =>
    report({ items, profile, failOn, waivers: [], all: ran, ran, results: await runFakes(ran) });
  const blocker = item('x.p', 'blocker', planned('b/later'));

  test.each([
    ['commit', 'GO', 0, 0],
    ['release', 'NO-GO', 1, 1],
  ] as const)('in profile %s a blocker: %s (%i), with %i failed items', async (profile, verdict, exitCode, failed) => {
    const made = await run([blocker], profile);
    expect(made).toMatchObject({ verdict, exitCode });
    expect(made.checklist.failed).toHaveLength(failed);
    expect(reportSchema.parse(JSON.parse(jsonReport(made)))).toMatchObject({ verdict });
  });

  test('less than a blocker stops a release only when --fail-on says so; it is shown all the same', async () => {
    const advice = item('x.a', 'advisory', planned('b/later'));
    expect(await run([advice], 'release')).toMatchObject({ verdict: 'GO', checklist: { failed: [{ id: 'x.a' }] } });
    expect(await run([advice], 'release', 'advisory')).toMatchObject({ verdict: 'NO-GO', exitCode: 1 });
  });

  test('a check that has arrived and covers the item lets the release go', async () => {
    const arrived = item('x.y', 'blocker', planned('a/pass'));
    expect(await run([arrived], 'release')).toMatchObject({ verdict: 'GO', checklist: { failed: [] } });
  });

  test('are counted on the console, blockers first, with what would answer them', async () => {
    const advice = item('x.a', 'advisory', planned('b/later'));
    const text = consoleReport(await run([advice, blocker], 'release'), false);
    expect(text).toMatch(/✗ checklist {2}2 items have no answer yet: 1 blocker, 0 warning, 1 advisory\n {2}fix: write/);
    expect(text).toMatch(/ {2}x\.p {2}blocker {2}planned: b\/later\n {2}x\.a {2}advisory/);
    expect(text).toMatch(/\nchecklist: 0 of 0 boxes answered by this run;/);
  });
});

test('evidence does not grow without bound, and says where it was cut', () => {
  const cut = bounded({
    list: Array.from({ length: 150 }, (_, index) => index),
    text: 'x'.repeat(3_000),
    deep: [{ a: null }],
  });
  expect(cut).toMatchObject({ deep: [{ a: null }] });
  const { list, text } = cut as { list: unknown[]; text: string };
  expect(list).toHaveLength(101);
  expect(list.at(-1)).toBe('… (150 in all)');
  expect(text).toMatch(/^x{2000}… \(3000 characters\)$/);
});
