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
  ...{ commit: 'c0ffee'.padEnd(40, '0'), subject: 'money: exact to the cent', author: 'ada@example.com' },
  ...{ reviewers: ['grace@example.com', 'mary@example.com'], critical: ['src/money.ts'] },
};
const approversWanted = 2;

export default defineGate<Changes>({
  id: 'governance/critical-changes-have-two-approvers',
  severity: 'blocker',
  profile: 'release',
  needs: ['git', 'config:review'],
  covers: ['governance.two-approvers', 'governance.change-management'],
  unit: 'commits since the last release',
  why: 'What moves money can be turned against its owner by two people; it should not take one.',
  fix: 'Have a second person look at it, besides its author and whoever looked already: a trailer `Approved-by: NAME <ADDRESS>`.',
  source: 'https://csrc.nist.gov/glossary/term/dual_authorization',

  async observe(context) {
    const facts = await changesSinceRelease(context);
    return { examined: facts.changes.length, facts };
  },

  judge: ({ changes }) =>
    named(
      changes.filter(({ critical, reviewers }) => critical.length > 0 && reviewers.length < approversWanted),
      ({ critical, reviewers }) =>
        `it changes ${critical.join(', ')}, which needs ${approversWanted} approvers, and has ${reviewers.join(' and ') || 'none'}`,
    ),

  samples: {
    good: [{ since: 'v1.0.0', changes: [change, { ...change, reviewers: [], critical: [] }] }],
    bad: [
      { since: 'v1.0.0', changes: [{ ...change, reviewers: [] }] },
      { since: 'v1.0.0', changes: [{ ...change, reviewers: ['grace@example.com'] }] },
    ],
  },

  prepare: reviewedHistory,
  sabotage: (sandbox) => unreviewedChange(sandbox, 'one'),
});
