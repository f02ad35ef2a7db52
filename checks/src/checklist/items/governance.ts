import { gate, type Item } from '../item.ts';

/** Who reviews, who approves, and when a release may happen. */
export const governance: readonly Item[] = [
  {
    id: 'governance.maintenance-windows',
    severity: 'warning',
    answer: gate('governance/deployment-window-is-open'),
    asks: ['S0:127 Plan for system maintenance windows'],
  },
  {
    id: 'governance.off-market-hours',
    severity: 'blocker',
    answer: gate('governance/deployment-window-is-open'),
    asks: [
      'S0:167 Deploy to production during off-market hours',
      'S2:392 Deploy during low-traffic period (if applicable)',
      'S4:347 Deployment window: Off-market hours preferred',
    ],
  },
  {
    id: 'governance.reviewed',
    severity: 'blocker',
    answer: gate('governance/changes-are-reviewed', 'code/tests-pass'),
    asks: ['S2:39 Application code reviewed and tested'],
  },
  {
    id: 'governance.change-management',
    severity: 'blocker',
    answer: gate(
      'governance/changes-are-reviewed',
      'governance/critical-changes-have-two-approvers',
      'governance/deployment-window-is-open',
    ),
    asks: ['S4:344 **Change management**'],
  },
  {
    id: 'governance.two-approvers',
    severity: 'blocker',
    answer: gate('governance/critical-changes-have-two-approvers'),
    asks: ['S4:346 Critical changes require two approvers'],
  },
  {
    id: 'governance.window-scheduled',
    severity: 'warning',
    answer: gate('governance/deployment-window-is-open'),
    asks: ['S4:373 Deployment window scheduled'],
  },
];
