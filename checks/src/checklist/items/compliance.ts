import { type Item, signOff } from '../item.ts';

/** What regulators and reviewers ask for. */
export const compliance: readonly Item[] = [
  {
    id: 'compliance.retention-documented',
    severity: 'warning',
    answer: signOff('compliance', 365, 'The data retention policy, signed.'),
    asks: ['S0:149 Document data retention policies'],
  },
  {
    id: 'compliance.execution-logic-reviewed',
    severity: 'blocker',
    answer: signOff(
      'compliance',
      180,
      'Minutes of the review of the execution rules, with the commit that was reviewed.',
    ),
    asks: ['S0:152 Review order execution logic with compliance team'],
  },
  {
    id: 'compliance.disclaimers',
    severity: 'warning',
    answer: signOff('compliance', 365, 'The wording that users see, approved.'),
    asks: ['S0:153 Verify educational disclaimers are appropriate'],
  },
  {
    id: 'compliance.execution-reports',
    severity: 'warning',
    answer: signOff(
      'compliance',
      180,
      'A sample of the execution report, with what the regulation asks for ticked against it.',
    ),
    asks: ['S0:155 Ensure proper order execution reporting'],
  },
  {
    id: 'compliance.reports-work',
    severity: 'warning',
    answer: signOff('product', 30, 'A report of yesterday, compared with the books.'),
    asks: ['S2:449 Reporting systems functional'],
  },
  {
    id: 'compliance.trading-reviewed',
    severity: 'blocker',
    answer: signOff(
      'risk',
      180,
      'Minutes of the review: position limits, daily limits and the audit trail, with the commit.',
    ),
    asks: ['S4:334 **Trading compliance reviewed**'],
  },
  {
    id: 'compliance.privacy',
    severity: 'blocker',
    answer: signOff('security', 180, 'Where personal data lies, how it is encrypted, who reads it.'),
    asks: ['S4:339 **Data privacy**'],
  },
];
