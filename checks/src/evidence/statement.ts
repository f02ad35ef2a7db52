import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CheckResult, Report } from '../engine/report.ts';

/** The files of evidence. Beside them `seen/<area>/<statement>.json` says what each check saw. */
export const reportFile = 'report.json';
/** In the form of `sha256sum`, so that `sha256sum --check SHA256SUMS` reads it too. */
export const manifestFile = 'SHA256SUMS';
export const statementFile = 'statement.json';
export const signatureFile = `${statementFile}.sig`;

/** https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
const statementType = 'https://in-toto.io/Statement/v1';
/** https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md */
const predicateType = 'https://in-toto.io/attestation/test-result/v0.1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const resource = z.object({ name: z.string(), digest: z.record(z.string(), z.string()) });

/** What an evidence directory says of itself. Only the part that preflight reads again is checked. */
export const statementSchema = z.object({
  _type: z.literal(statementType),
  subject: z.array(resource).min(1),
  predicateType: z.literal(predicateType),
  predicate: z.object({
    result: z.enum(['PASSED', 'WARNED', 'FAILED']),
    configuration: z.array(resource),
    passedTests: z.array(z.string()),
    warnedTests: z.array(z.string()),
    failedTests: z.array(z.string()),
    /** Beside what the predicate's specification names, which allows more fields. */
    preflight: z.object({
      verdict: z.enum(['GO', 'NO-GO', 'UNKNOWN']),
      exitCode: z.int(),
      profile: z.string(),
      dirty: z.boolean(),
      startedAt: z.string(),
      finishedAt: z.string(),
      tools: z.record(z.string(), z.string()),
      /** Of SHA256SUMS, which names every other file: whoever signs the statement signs them all. */
      manifestSha256: sha256,
    }),
  }),
});

export type Statement = z.output<typeof statementSchema>;

/** A run as an in-toto statement about its commit; about its configuration where there is no commit. */
export function statementOf(report: Report, configFile: string, manifest: string): Statement {
  const { verdict, exitCode, profile, dirty, startedAt, finishedAt, tools, results } = report;
  const configuration = [{ name: configFile, digest: { sha256: report.configHash } }];
  const named = (weight: Weight) => results.filter((result) => weightOf(result) === weight).map(({ id }) => id);
  return {
    _type: statementType,
    subject: report.commit === '' ? configuration : [{ name: 'commit', digest: { gitCommit: report.commit } }],
    predicateType,
    predicate: {
      result: verdict !== 'GO' ? 'FAILED' : results.every(({ outcome }) => outcome === 'pass') ? 'PASSED' : 'WARNED',
      configuration,
      passedTests: named('passed'),
      warnedTests: named('warned'),
      failedTests: named('failed'),
      preflight: {
        ...{ verdict, exitCode, profile, dirty, startedAt, finishedAt, tools },
        manifestSha256: digestOf(manifest),
      },
    },
  };
}

type Weight = 'passed' | 'warned' | 'failed';

/** What could not be looked at has not passed; what is waived, or stops no release, is a warning. */
function weightOf({ outcome, severity }: CheckResult): Weight {
  if (outcome === 'pass') return 'passed';
  return outcome === 'waived' || severity !== 'blocker' ? 'warned' : 'failed';
}

/** What the statement says and the report denies, by name. */
export function contradictions({ subject, predicate }: Statement, report: Report): string[] {
  const { preflight, configuration } = predicate;
  const commit = subject[0]?.digest.gitCommit ?? '';
  const pairs = {
    ...{ commit: [commit, report.commit], configHash: [configuration[0]?.digest.sha256, report.configHash] },
    ...{ verdict: [preflight.verdict, report.verdict], exitCode: [preflight.exitCode, report.exitCode] },
    ...{ profile: [preflight.profile, report.profile], dirty: [preflight.dirty, report.dirty] },
    ...{ startedAt: [preflight.startedAt, report.startedAt], finishedAt: [preflight.finishedAt, report.finishedAt] },
  };
  return Object.entries(pairs).flatMap(([name, [said, reported]]) => (said === reported ? [] : [name]));
}

export function digestOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Path → SHA-256, as lines sorted by path. */
export function manifestText(digests: ReadonlyMap<string, string>): string {
  const paths = [...digests.keys()].sort();
  return paths.map((path) => `${digests.get(path)}  ${path}\n`).join('');
}

/** A path that stays in its directory: no leading dot or slash in any part of it. */
const manifestLine = /^([0-9a-f]{64}) {2}(\w[\w.-]*(?:\/\w[\w.-]*)*)$/;

/** @returns undefined when it is no manifest. */
export function parseManifest(text: string): Map<string, string> | undefined {
  const lines = text.split('\n').filter(Boolean);
  const digests = new Map<string, string>();
  for (const line of lines) {
    const [, digest, path] = manifestLine.exec(line) ?? [];
    if (digest === undefined || path === undefined || digests.has(path)) return undefined;
    digests.set(path, digest);
  }
  return digests.size > 0 ? digests : undefined;
}
