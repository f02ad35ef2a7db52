import type { CheckResult, Report } from './report.ts';
import { type Severity, severities } from './severity.ts';

export const exitCodes = { go: 0, noGo: 1, usage: 2, unknown: 3, governance: 4, interrupted: 130 } as const;

export type Judged = Pick<CheckResult, 'outcome' | 'severity'>;

/**
 * GO only when every check that counts is ready. A failure outweighs a fault of governance, which outweighs not knowing:
 * each names something that is surely wrong before something that may be.
 */
export function reachVerdict(
  results: readonly Judged[],
  governance: readonly string[],
  failOn: Severity = 'blocker',
): Pick<Report, 'verdict' | 'exitCode'> {
  const counted = results.filter(({ severity }) => severities.indexOf(severity) <= severities.indexOf(failOn));
  if (counted.some(({ outcome }) => outcome === 'fail')) return { verdict: 'NO-GO', exitCode: exitCodes.noGo };
  if (governance.length > 0) return { verdict: 'NO-GO', exitCode: exitCodes.governance };
  const ready = counted.filter(({ outcome }) => outcome === 'pass' || outcome === 'waived');
  // Nothing that counts was looked at: there is no ground for a GO.
  if (ready.length === 0 || ready.length < counted.length) return { verdict: 'UNKNOWN', exitCode: exitCodes.unknown };
  return { verdict: 'GO', exitCode: exitCodes.go };
}
