import { type Item, signOff } from '../item.ts';

/** Who knows what, and who is told what. */
export const team: readonly Item[] = [
  {
    id: 'team.error-investigation',
    severity: 'warning',
    answer: signOff('engineering', 180, 'Who took part in which training, and when.'),
    asks: ['S0:121 Train team on error investigation procedures'],
  },
  {
    id: 'team.developers-trained',
    severity: 'warning',
    answer: signOff('engineering', 180, 'Who took part in which training, and when.'),
    asks: ['S0:138 Train development team on order execution system'],
  },
  {
    id: 'team.operations-trained',
    severity: 'warning',
    answer: signOff('operations', 180, 'Who took part in the training on monitoring and alerts, and when.'),
    asks: ['S0:139 Train operations team on monitoring and alerts'],
  },
  {
    id: 'team.support-trained',
    severity: 'warning',
    answer: signOff('support', 180, 'Who of support took part in which training, and when.'),
    asks: ['S0:140 Train customer support on order execution issues', 'S0:163 Train support team'],
  },
  {
    id: 'team.emergency-trained',
    severity: 'blocker',
    answer: signOff('operations', 90, 'Who threw and cleared the kill switch in the last exercise, and when.'),
    asks: ['S1:171 Team trained on emergency procedures'],
  },
  {
    id: 'team.runbook-reviewed',
    severity: 'warning',
    answer: signOff('operations', 30, 'Minutes of the walk through the deployment runbook.'),
    asks: ['S2:47 Deployment runbook reviewed with team'],
  },
  {
    id: 'team.communication-plan',
    severity: 'warning',
    answer: signOff('operations', 180, 'The plan: who is told what, when and by whom.'),
    asks: ['S2:49 Communication plan established'],
  },
  {
    id: 'team.recovery-communication',
    severity: 'warning',
    answer: signOff('operations', 180, 'The plan: who is told what during a recovery, and by whom.'),
    asks: ['S2:330 Recovery communication plan established'],
  },
  {
    id: 'team.failover-communication',
    severity: 'warning',
    answer: signOff('operations', 180, 'The plan: who is told what during a failover, and by whom.'),
    asks: ['S2:360 Communication plan for manual failover'],
  },
  {
    id: 'team.deployment-announced',
    severity: 'advisory',
    answer: signOff('operations', 1, 'The message to the team, with its time.'),
    asks: ['S2:388 Team communication initiated'],
  },
  {
    id: 'team.window-announced',
    severity: 'warning',
    answer: signOff('operations', 7, 'The announcement of the maintenance window, with its time.'),
    asks: ['S2:389 Maintenance window announced'],
  },
];
