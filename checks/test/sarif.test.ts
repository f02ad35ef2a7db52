import { createRequire } from 'node:module';
import AjvDraft04 from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import type { Log } from 'sarif';
import { expect, test } from 'vitest';
import { sarifReport } from '../src/reporters/sarif.ts';
import { goReport, sampleReport, settingFor } from './support/sample-report.ts';

/** The schema of SARIF 2.1.0, as its own makers' package has it. */
const schema: object = createRequire(import.meta.url)('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');
const ajv = new AjvDraft04.default({ allErrors: true, strict: false, unicodeRegExp: false });
addFormats.default(ajv);
const validate = ajv.compile(schema);

function read(report = sampleReport(), setting = settingFor(report)): Log {
  return JSON.parse(sarifReport(report, setting)) as Log;
}

test.each([
  ['with every outcome and hostile texts', read()],
  ['of a GO', read(goReport())],
  ['of checks that nobody describes', read(sampleReport(), { ...settingFor(goReport()), described: new Map() })],
])('a log %s validates against the schema of SARIF 2.1.0', (_, log) => {
  expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
});

test('the schema is not one that takes everything', () => {
  const log = read();
  expect(validate({ ...log, version: '2.0.0' })).toBe(false);
  expect(validate({ ...log, runs: [{ ...log.runs[0], results: [{ level: 'blocker', message: {} }] }] })).toBe(false);
});

test('each finding is a result at its place, by the severity of its check, under a fingerprint that lasts', () => {
  const [run] = read().runs;
  expect(run?.results?.map(({ ruleId, level }) => `${ruleId} ${level}`)).toEqual([
    'secrets/no-secret-in-tree error',
    'secrets/no-secret-in-tree error',
    'database/foreign-keys-are-indexed warning',
    'load/placement-meets-its-latency error',
    'supply-chain/pinned error',
  ]);
  const [first, second, unplaced] = run?.results ?? [];
  expect(first).toMatchObject({
    partialFingerprints: { 'preflight/v1': 'a1b2c3d4e5f60718' },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: 'deploy/production.env', uriBaseId: '%SRCROOT%' },
          region: { startLine: 2 },
        },
      },
    ],
  });
  expect(second?.locations?.[0]?.physicalLocation?.artifactLocation?.uri).toBe('deploy/a%20b%2Cc%3A%25%E2%80%94d.env');
  expect(unplaced?.locations).toEqual([
    { logicalLocations: [{ fullyQualifiedName: 'database/foreign-keys-are-indexed', kind: 'resource' }] },
  ]);
  for (const { ruleId, ruleIndex } of run?.results ?? [])
    expect(run?.tool.driver.rules?.[ruleIndex ?? -1]?.id).toBe(ruleId);
});

test('what is waived is suppressed with the words of its waiver', () => {
  const waived = read().runs[0]?.results?.at(-1);
  expect(waived?.suppressions).toEqual([
    {
      ...{ kind: 'external', status: 'accepted' },
      justification: 'gone with the next release (owner ada, approved by grace, until 2026-06-20)',
    },
  ]);
});

test('what could not be looked at is no result: the tool itself says so, and that it was not successful', () => {
  const [invocation] = read().runs[0]?.invocations ?? [];
  expect(invocation).toMatchObject({
    executionSuccessful: false,
    exitCode: 1,
    startTimeUtc: '2026-06-15T12:00:00.250Z',
  });
  expect(invocation?.toolExecutionNotifications?.map(({ level, message }) => `${level} ${message.text}`)).toEqual([
    'error http/health-answers: error. could not finish looking: refused',
    'error runbooks/scripts-are-sound: not-run. shellcheck: `make setup` installs it',
    'note ci/zizmor: not-run. zizmor',
  ]);
  expect(invocation?.toolConfigurationNotifications?.map(({ message }) => message.text)).toEqual([
    expect.stringContaining('the waiver of a/b expired'),
    expect.stringContaining('1 item has no answer yet'),
  ]);
  const [good] = read(goReport()).runs[0]?.invocations ?? [];
  expect(good).toMatchObject({ executionSuccessful: true, exitCode: 0, toolExecutionNotifications: [] });
});

test('every rule helps: why, how to mend it, and where that is from', () => {
  const [rule] = read().runs[0]?.tool.driver.rules ?? [];
  expect(rule).toMatchObject({
    id: 'code/types-check',
    name: 'CodeTypesCheck',
    helpUri: 'https://example.com/why',
    help: { markdown: expect.stringContaining('**Fix.** Revoke it first.') },
    properties: { tags: ['code.types'] },
  });
});
