import { gate, type Item, signOff } from '../item.ts';

/** Who has to say yes. */
export const approval: readonly Item[] = [
  {
    id: 'approval.security-complete',
    severity: 'blocker',
    answer: signOff(
      'security',
      30,
      'A run whose gates of secrets, access, http and supply-chain all passed, for this commit.',
    ),
    asks: ['S0:160 Complete all security tasks'],
  },
  {
    id: 'approval.blockers-resolved',
    severity: 'blocker',
    answer: signOff('engineering', 30, 'The list of open M issues for this commit: none.'),
    asks: ['S1:167 All M\\* issues resolved'],
  },
  {
    id: 'approval.engineering',
    severity: 'blocker',
    answer: signOff('engineering', 7, 'The report of the run for this commit.'),
    asks: [
      'S2:516 Technical Lead: _________________ Date: _______',
      'S4:355 **Senior Engineer Review:** _________________ Date: _______',
    ],
  },
  {
    id: 'approval.security',
    severity: 'blocker',
    answer: signOff('security', 7, 'The report of the run for this commit.'),
    asks: [
      'S2:517 Security Officer: _________________ Date: _______',
      'S4:357 **Security Review:** _________________ Date: _______',
    ],
  },
  {
    id: 'approval.operations',
    severity: 'blocker',
    answer: signOff('operations', 7, 'The report of the run for this commit.'),
    asks: ['S2:518 Operations Manager: _________________ Date: _______'],
  },
  {
    id: 'approval.business',
    severity: 'blocker',
    answer: signOff('business', 7, 'The report of the run for this commit.'),
    asks: ['S2:519 Business Owner: _________________ Date: _______'],
  },
  {
    id: 'approval.after.deployment',
    severity: 'warning',
    answer: signOff('devops', 7, 'The report of the first run against the target after the deployment.'),
    asks: ['S2:522 Deployment Team Lead: _________________ Date: _______'],
  },
  {
    id: 'approval.after.monitoring',
    severity: 'warning',
    answer: signOff('operations', 7, 'The dashboards of the first four hours.'),
    asks: ['S2:523 Monitoring Team: _________________ Date: _______'],
  },
  {
    id: 'approval.after.support',
    severity: 'warning',
    answer: signOff('support', 7, 'The tickets of the first day.'),
    asks: ['S2:524 Support Team: _________________ Date: _______'],
  },
  {
    id: 'approval.after.project',
    severity: 'warning',
    answer: signOff('product', 7, 'The report of the first run against the target after the deployment.'),
    asks: ['S2:525 Project Manager: _________________ Date: _______'],
  },
  {
    id: 'approval.checklist-executed',
    severity: 'blocker',
    answer: gate('governance/evidence-is-of-this-commit'),
    asks: ['S3:80 Execute deployment checklist (100+ items)'],
  },
  {
    id: 'approval.devops',
    severity: 'blocker',
    answer: signOff('devops', 7, 'The report of the run for this commit.'),
    asks: ['S4:356 **DevOps Review:** _________________ Date: _______'],
  },
  {
    id: 'approval.product',
    severity: 'blocker',
    answer: signOff('product', 7, 'The report of the run for this commit.'),
    asks: ['S4:361 **Product Owner Approval:** _________________ Date: _______'],
  },
  {
    id: 'approval.risk',
    severity: 'blocker',
    answer: signOff('risk', 7, 'The report of the run for this commit.'),
    asks: ['S4:362 **Risk Officer Approval:** _________________ Date: _______'],
  },
  {
    id: 'approval.p0-resolved',
    severity: 'blocker',
    answer: signOff('engineering', 7, 'The list of open P0 issues for this commit: none.'),
    asks: ['S4:366 All P0 issues resolved'],
  },
  {
    id: 'approval.p1-resolved',
    severity: 'blocker',
    answer: signOff(
      'engineering',
      7,
      'The list of open P1 issues for this commit: none, or each with the limitation as it is documented.',
    ),
    asks: ['S4:367 All P1 issues resolved or documented as known limitations'],
  },
];
