/**
 * The last word before a deployment: refuses unless every job that the release waits for succeeded, and the report of
 * `preflight run` says GO about this very commit.
 *
 *   NEEDS='{"preflight":{"result":"success"}}' node require-go.ts --report report.json --commit SHA
 *
 * It runs even when a job before it failed or was skipped, since a skipped job would otherwise count as passed.
 * Exit codes: 0 release, 1 refused (every reason on stderr), 2 wrong usage.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

type Fields = Readonly<Record<string, unknown>>;

const RELEASE = 0;
const REFUSED = 1;
const WRONG_USAGE = 2;
const COMMIT_PATTERN = /^[0-9a-f]{40}$/;

/** What the release rests on. `report` is the text of the JSON report, undefined when there is no such file. */
export interface ReleaseCase {
  readonly needs: string;
  readonly report: string | undefined;
  readonly commit: string;
}

/** Every reason to refuse; an empty list is the only way to release. */
export function reasonsToRefuse(release: ReleaseCase): string[] {
  return [...jobReasons(release.needs), ...reportReasons(release.report, release.commit)];
}

function jobReasons(needs: string): string[] {
  const jobs = parseFields(needs);
  if (jobs === undefined) return ['NEEDS is not a JSON object: it is unknown which jobs ran'];
  const names = Object.keys(jobs);
  if (names.length === 0) return ['NEEDS names no job: nothing was waited for'];
  return names.flatMap((name) => {
    const job = jobs[name];
    const result = isFields(job) ? job.result : undefined;
    return result === 'success' ? [] : [`job ${name} ended as ${JSON.stringify(result ?? null)}, not as success`];
  });
}

function reportReasons(text: string | undefined, commit: string): string[] {
  if (text === undefined) return ['there is no preflight report'];
  const report = parseFields(text);
  if (report === undefined) return ['the preflight report is not a JSON object'];
  return [
    ...wrongField(report, 'verdict', 'GO'),
    ...wrongField(report, 'exitCode', 0),
    ...wrongField(report, 'commit', commit),
    ...wrongField(report, 'dirty', false),
    ...profileReasons(report.profile),
    ...resultReasons(report.results),
    ...selectionReasons(report.leftOut),
  ];
}

function wrongField(report: Fields, name: string, wanted: string | number | boolean): string[] {
  if (report[name] === wanted) return [];
  return [`the report's ${name} is ${JSON.stringify(report[name] ?? null)}, not ${JSON.stringify(wanted)}`];
}

function profileReasons(profile: unknown): string[] {
  if (profile === 'commit' || profile === 'release') return [];
  return [`the report's profile is ${JSON.stringify(profile ?? null)}: a release needs commit or release`];
}

function resultReasons(results: unknown): string[] {
  if (!Array.isArray(results) || results.length === 0) return ['the report has no results: nothing was judged'];
  return [];
}

/** A GO about a hand-picked selection says nothing about what was not picked. */
function selectionReasons(leftOut: unknown): string[] {
  if (!Array.isArray(leftOut)) return ['the report does not say what it left out'];
  const reasonOf = (left: unknown): unknown => (isFields(left) ? left.reason : undefined);
  const long = leftOut.filter((left) => reasonOf(left) === 'long').length;
  const picked = leftOut.filter((left) => reasonOf(left) !== 'profile').length - long;
  return [
    ...(picked > 0 ? [`the run left out ${picked} checks of its profile by --skip or a selection`] : []),
    ...(long > 0 ? [`the run left out ${long} checks that take minutes: a release is judged with --long`] : []),
  ];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseFields(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    // Not JSON is answered like JSON of another shape: by the caller, with a reason to refuse.
    return undefined;
  }
}

function readReport(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function main(): number {
  const { values } = parseArgs({ options: { report: { type: 'string' }, commit: { type: 'string' } } });
  const needs = process.env.NEEDS;
  if (values.report === undefined || needs === undefined || !COMMIT_PATTERN.test(values.commit ?? '')) {
    console.error('usage: NEEDS=JSON node require-go.ts --report FILE --commit SHA (40 hex digits)');
    return WRONG_USAGE;
  }
  const commit = values.commit ?? '';
  const reasons = reasonsToRefuse({ needs, report: readReport(values.report), commit });
  for (const reason of reasons) console.error(`refused: ${reason}`);
  if (reasons.length > 0) return REFUSED;
  console.log(`GO: ${commit} may be released`);
  return RELEASE;
}

if (import.meta.main) process.exitCode = main();
