import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { reasonsToRefuse } from './require-go.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const OTHER_COMMIT = 'f'.repeat(40);
const script = fileURLToPath(new URL('require-go.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'require-go-'));

afterAll(() => rmSync(directory, { recursive: true }));

const needs = (...results: string[]): string =>
  JSON.stringify(Object.fromEntries(results.map((result, index) => [`job-${index}`, { result, outputs: {} }])));

const report = (changes: object = {}): string =>
  JSON.stringify({
    verdict: 'GO',
    exitCode: 0,
    profile: 'commit',
    commit: COMMIT,
    dirty: false,
    results: [{ id: 'code/types-check', outcome: 'pass' }],
    leftOut: [{ id: 'release/sign-offs', reason: 'profile' }],
    ...changes,
  });

test('a GO about this commit after jobs that all succeeded is released', () => {
  expect(reasonsToRefuse({ needs: needs('success', 'success'), report: report(), commit: COMMIT })).toEqual([]);
});

test.each(['failure', 'skipped', 'cancelled', ''])(
  'a job that ended as "%s" refuses, whatever the report says',
  (result) => {
    expect(reasonsToRefuse({ needs: needs('success', result), report: report(), commit: COMMIT })).toEqual([
      `job job-1 ended as ${JSON.stringify(result)}, not as success`,
    ]);
  },
);

test.each([
  ['not JSON', '{', 'NEEDS is not a JSON object: it is unknown which jobs ran'],
  ['no jobs', '{}', 'NEEDS names no job: nothing was waited for'],
  ['a job without a result', '{"a":{}}', 'job a ended as null, not as success'],
])('needs with %s refuse', (_what, text, reason) => {
  expect(reasonsToRefuse({ needs: text, report: report(), commit: COMMIT })).toEqual([reason]);
});

test.each([
  ['is missing', undefined, 'there is no preflight report'],
  ['is empty', '', 'the preflight report is not a JSON object'],
  ['is cut off', report().slice(0, 40), 'the preflight report is not a JSON object'],
  ['is a list', '[]', 'the preflight report is not a JSON object'],
  ['says NO-GO', report({ verdict: 'NO-GO' }), 'the report\'s verdict is "NO-GO", not "GO"'],
  ['says UNKNOWN', report({ verdict: 'UNKNOWN' }), 'the report\'s verdict is "UNKNOWN", not "GO"'],
  ['says "go"', report({ verdict: 'go' }), 'the report\'s verdict is "go", not "GO"'],
  ['has an exit code', report({ exitCode: 4 }), "the report's exitCode is 4, not 0"],
  ['has its exit code as text', report({ exitCode: '0' }), 'the report\'s exitCode is "0", not 0'],
  [
    'is about another commit',
    report({ commit: OTHER_COMMIT }),
    `the report's commit is "${OTHER_COMMIT}", not "${COMMIT}"`,
  ],
  ['is about a dirty tree', report({ dirty: true }), "the report's dirty is true, not false"],
  ['does not say whether the tree was dirty', report({ dirty: undefined }), "the report's dirty is null, not false"],
  [
    'only read files',
    report({ profile: 'static' }),
    'the report\'s profile is "static": a release needs commit or release',
  ],
  ['judged nothing', report({ results: [] }), 'the report has no results: nothing was judged'],
  [
    'skipped a check',
    report({ leftOut: [{ id: 'a/b', reason: 'skip' }] }),
    'the run left out 1 checks of its profile by --skip or a selection',
  ],
  [
    'had no time for what takes minutes',
    report({
      leftOut: [
        { id: 'a/b', reason: 'long' },
        { id: 'c/d', reason: 'profile' },
      ],
    }),
    'the run left out 1 checks that take minutes: a release is judged with --long',
  ],
  ['does not say what it left out', report({ leftOut: undefined }), 'the report does not say what it left out'],
])('a report that %s refuses', (_what, text, reason) => {
  expect(reasonsToRefuse({ needs: needs('success'), report: text, commit: COMMIT })).toEqual([reason]);
});

test('the script says GO with exit 0, every reason with exit 1, and wrong usage with exit 2', () => {
  const file = join(directory, 'report.json');
  writeFileSync(file, report());
  const go = run(['--report', file, '--commit', COMMIT], needs('success'));
  expect(go).toEqual({ status: 0, stdout: `GO: ${COMMIT} may be released\n`, stderr: '' });

  const refused = run(['--report', join(directory, 'nothing.json'), '--commit', COMMIT], needs('failure'));
  expect(refused.status).toBe(1);
  expect(refused.stderr).toBe(
    'refused: job job-0 ended as "failure", not as success\nrefused: there is no preflight report\n',
  );

  for (const args of [[], ['--report', file], ['--report', file, '--commit', 'main']]) {
    expect(run(args, needs('success')).status).toBe(2);
  }
  expect(run(['--report', file, '--commit', COMMIT], undefined).status).toBe(2);
});

function run(args: string[], needsText: string | undefined) {
  const env = needsText === undefined ? {} : { NEEDS: needsText };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
}
