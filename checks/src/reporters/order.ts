import type { CheckResult, Outcome, Report } from '../engine/report.ts';
import { severities } from '../engine/severity.ts';

/** What needs a person first comes first. */
export const outcomesByUrgency: readonly Outcome[] = ['fail', 'error', 'not-run', 'waived', 'pass'];

/** By outcome, then by severity; among equals as they ran. */
export function byUrgency(results: readonly CheckResult[]): CheckResult[] {
  const rank = ({ outcome, severity }: CheckResult) =>
    outcomesByUrgency.indexOf(outcome) * severities.length + severities.indexOf(severity);
  return results.toSorted((one, other) => rank(one) - rank(other));
}

/** Each outcome that there is, with how often. */
export function countOutcomes(results: readonly Pick<CheckResult, 'outcome'>[]): [Outcome, number][] {
  return outcomesByUrgency
    .map((wanted): [Outcome, number] => [wanted, results.filter(({ outcome }) => outcome === wanted).length])
    .filter(([, count]) => count > 0);
}

/**
 * How many a run left out by its profile, because they take minutes and nobody asked for them, and by the command line. What is
 * not applicable is none of these.
 */
export function countLeftOut({ leftOut }: Pick<Report, 'leftOut'>): {
  byProfile: number;
  byLength: number;
  byCommandLine: number;
} {
  const byProfile = leftOut.filter(({ reason }) => reason === 'profile').length;
  const byLength = leftOut.filter(({ reason }) => reason === 'long').length;
  const rest = leftOut.length - byProfile - byLength;
  return { byProfile, byLength, byCommandLine: rest - notApplicable({ leftOut }).length };
}

/** What has no object in this service, each with the configuration's reason: for a reviewer to judge. */
export function notApplicable({ leftOut }: Pick<Report, 'leftOut'>): { id: string; because: string }[] {
  return leftOut.flatMap(({ id, reason, because = '' }) => (reason === 'not-applicable' ? [{ id, because }] : []));
}

/** `289 orders`, and where that is from if it was not seen by one look in this run. */
export function examinedWords(result: CheckResult): string {
  return [`${result.examined} ${result.unit}`, ...provenanceOf(result)].join(', ');
}

/** How a result came about that is not that of one look in this run: kept, taken up, or of the last of several attempts. */
export function provenanceOf({ cached, takenUp, attempts }: CheckResult): string[] {
  return [
    ...(cached ? [`kept from ${cached.lookedAt}, since nothing of its key ${cached.key} has changed`] : []),
    ...(takenUp ? [`taken up from the evidence of ${takenUp.lookedAt}`] : []),
    ...(attempts ? [`attempt ${attempts.length}: ${attempts.map(({ outcome }) => outcome).join(', then ')}`] : []),
  ];
}

/** `file:line`, as far as it is known. */
export function placeOf({ file, line }: { file?: string | undefined; line?: number | undefined }): string | undefined {
  return file === undefined || line === undefined ? file : `${file}:${line}`;
}

/** One sentence under the verdict. */
export function verdictSentence(report: Report): string {
  const count = (outcome: Outcome) => report.results.filter((result) => result.outcome === outcome).length;
  if (report.verdict === 'GO') return 'Every check that counts is ready.';
  const [failed, unknown, faults] = [count('fail'), count('error') + count('not-run'), report.governance.length];
  const unanswered = report.checklist.failed.length;
  const reasons = [
    failed > 0 ? `${failed} ${failed === 1 ? 'check' : 'checks'} failed` : '',
    unknown > 0 ? `${unknown} could not be judged` : '',
    faults > 0 ? `${faults} ${faults === 1 ? 'fault' : 'faults'} of governance` : '',
    unanswered > 0 ? `${unanswered} checklist ${unanswered === 1 ? 'item has' : 'items have'} no answer yet` : '',
  ].filter(Boolean);
  return `${reasons.join(', ') || 'Nothing that counts was looked at'}.`.replace(/^./, (first) => first.toUpperCase());
}

/** In a release: what has no answer yet, the gravest first. */
export function unanswered({
  checklist,
}: Report): { sentence: string; items: Report['checklist']['failed'] } | undefined {
  if (checklist.failed.length === 0) return undefined;
  const items = severities.flatMap((wanted) => checklist.failed.filter(({ severity }) => severity === wanted));
  const counts = severities.map((wanted) => `${items.filter(({ severity }) => severity === wanted).length} ${wanted}`);
  return {
    sentence: `${items.length} ${items.length === 1 ? 'item has' : 'items have'} no answer yet, because the check is only planned: ${counts.join(', ')}`,
    items,
  };
}

/** `61 of 692 boxes answered by this run; 280 planned, …` */
export function checklistSentence({ checklist }: Report): string {
  const { boxes, answered, signOff, planned, notApplicable } = checklist.boxes;
  return `${answered} of ${boxes} boxes answered by this run; ${planned} planned, ${signOff} by sign-off, ${notApplicable} not applicable`;
}

/** `a1b2c3d4e5f6 with uncommitted changes`. */
export function commitWords({ commit, dirty }: Pick<Report, 'commit' | 'dirty'>): string {
  return commit === '' ? 'no commit' : `${commit.slice(0, 12)}${dirty ? ' with uncommitted changes' : ''}`;
}

export function tookMs({ startedAt, finishedAt }: Pick<Report, 'startedAt' | 'finishedAt'>): number {
  return Date.parse(finishedAt) - Date.parse(startedAt);
}

export function inSeconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
