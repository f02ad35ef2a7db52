import { type Check, hasLongForm } from '../engine/gate.ts';
import type { CheckResult } from '../engine/report.ts';
import { headOf } from '../io/tree.ts';
import { type Policy, verifyEvidence } from './verify.ts';

export interface TakenUp {
  /** By id: only passes. What was waived or failed is looked at again, for the ledger may have changed since. */
  results: ReadonlyMap<string, CheckResult>;
  /** Why none is taken up. */
  refusals: string[];
}

/** The results of an earlier run that need not be looked at again, each with the time when it was. */
export async function takeUp(
  directory: string,
  checks: readonly Check[],
  policy: Policy,
  long = false,
): Promise<TakenUp> {
  const { refusals, report } = await verifyEvidence(directory, policy);
  const { dirty } = await headOf(policy.root);
  const all = [...refusals, ...(dirty ? ['dirty tree: this one has uncommitted changes'] : [])];
  if (all.length > 0 || !report) return { results: new Map(), refusals: all };
  const wanted = new Map(checks.map((check) => [check.id, check]));
  // The short form of a drill spares nobody its long one.
  const tooShort = (result: CheckResult) => long && hasLongForm(wanted.get(result.id)) && !result.long;
  const passed = report.results.filter(
    (result) => result.outcome === 'pass' && wanted.has(result.id) && !tooShort(result),
  );
  const marked = passed.map((result): [string, CheckResult] => {
    const { takenUp = { lookedAt: report.finishedAt }, waitedForStackMs: _, ...rest } = result;
    // Its times were another run's: in this one it takes none.
    return [result.id, { ...rest, takenUp, startedAtMs: 0, durationMs: 0 }];
  });
  return { results: new Map(marked), refusals: [] };
}
