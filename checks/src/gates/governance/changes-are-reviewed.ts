import { defineGate } from '../../engine/gate.ts';
import {
  type Change,
  type Changes,
  changesSinceRelease,
  named,
  reviewedHistory,
  unreviewedChange,
} from './support/reviewed-changes.ts';

const change: Change = {
  ...{ commit: 'c0ffee'.padEnd(40, '0'), subject: 'orders: a fill is booked once', author: 'ada@example.com' },
  ...{ reviewers: ['grace@example.com'], critical: [] },
};

export default defineGate<Changes>({
  id: 'governance/changes-are-reviewed',
  severity: 'blocker',
  profile: 'release',
  needs: ['git', 'config:review'],
  covers: ['governance.reviewed', 'governance.change-management'],
  unit: 'commits since the last release',
  why: 'Whoever wrote a change sees what they meant; somebody else sees what it says.',
  fix: 'Have it looked at: a merge by somebody else shows it, or a trailer `Reviewed-by: NAME <ADDRESS>` in its message.',
  source: 'https://google.github.io/eng-practices/review/',

  async observe(context) {
    const facts = await changesSinceRelease(context);
    return { examined: facts.changes.length, facts };
  },

  judge: ({ changes }) =>
    named(
      changes.filter(({ reviewers }) => reviewers.length === 0),
      ({ author }) => `nobody but its author ${author} has looked at it`,
    ),

  samples: {
    good: [{ since: 'v1.0.0', changes: [change] }],
    bad: [
      { since: 'v1.0.0', changes: [change, { ...change, reviewers: [] }] },
      { since: null, changes: Array.from({ length: 60 }, () => ({ ...change, reviewers: [] })) },
    ],
  },

  prepare: reviewedHistory,
  sabotage: (sandbox) => unreviewedChange(sandbox, 'nobody'),
});
