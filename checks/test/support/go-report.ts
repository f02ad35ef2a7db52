import type { CheckResult, Report } from '../../src/engine/report.ts';

export function passed(id: string, change: Partial<CheckResult> = {}): CheckResult {
  return {
    ...{ id, kind: 'gate', severity: 'blocker', outcome: 'pass', examined: 3, unit: 'things' },
    ...{ findings: [], facts: { seen: [id] }, startedAtMs: 0, durationMs: 12, covers: [] },
    ...change,
  };
}

/** A whole run of profile commit, of which nothing stands in the way. It ended a minute before `now`. */
export function goReport(change: Partial<Report> = {}, now = new Date()): Report {
  const at = (secondsAgo: number) => new Date(now.getTime() - secondsAgo * 1_000).toISOString();
  return {
    ...{ verdict: 'GO', exitCode: 0, profile: 'commit', commit: 'c'.repeat(40), dirty: false },
    ...{ configHash: 'a'.repeat(64), startedAt: at(90), finishedAt: at(60), tools: { node: '26.10.0' } },
    ...{ results: [passed('a/one'), passed('a/two')], governance: [] },
    leftOut: [{ id: 'b/later', reason: 'profile' }],
    checklist: {
      itemsCovered: [],
      boxes: { boxes: 0, answered: 0, executable: 0, signOff: 0, planned: 0, notApplicable: 0 },
      failed: [],
    },
    ...change,
  };
}
