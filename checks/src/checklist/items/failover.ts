import { drill, gate, type Item, signOff } from '../item.ts';

/** What goes on when a part is gone. */
export const failover: readonly Item[] = [
  {
    id: 'failover.quotes-lost',
    severity: 'blocker',
    answer: drill('drills/quote-provider-lost'),
    asks: ['S0:91 Test network failures during price fetching'],
  },
  {
    id: 'failover.database-lost',
    severity: 'blocker',
    answer: drill('drills/postgres-stopped'),
    partly: ['http/health-answers'],
    asks: ['S0:92 Test database connection failures', 'S1:119 Kill Postgres → Graceful degradation'],
  },
  {
    id: 'failover.recovers-after-downtime',
    severity: 'blocker',
    answer: drill('drills/backend-killed-mid-order'),
    asks: ['S0:93 Verify system recovery after downtime'],
  },
  {
    id: 'failover.target-recovers',
    severity: 'warning',
    answer: drill('drills/target-recovers'),
    asks: [],
  },
  {
    id: 'failover.links',
    severity: 'blocker',
    answer: drill('drills/slow-and-broken-links'),
    asks: [],
  },
  {
    id: 'failover.disk-full',
    severity: 'blocker',
    answer: drill('drills/disk-full'),
    asks: [],
  },
  {
    id: 'failover.pool-exhausted',
    severity: 'blocker',
    answer: drill('drills/pool-exhausted'),
    asks: [],
  },
  {
    id: 'failover.overload',
    severity: 'blocker',
    answer: drill('drills/overload'),
    asks: [],
  },
  {
    id: 'failover.event-loop-stalls',
    severity: 'blocker',
    answer: drill('drills/event-loop-stalls'),
    asks: [],
  },
  {
    id: 'failover.backend-killed',
    severity: 'blocker',
    answer: drill('drills/backend-killed-mid-order'),
    asks: ['S1:117 Kill backend mid-order → Reconciliation recovers'],
  },
  {
    id: 'failover.redis-lost',
    severity: 'blocker',
    answer: drill('drills/redis-lost'),
    partly: ['kill-switch/redis-engages-it'],
    asks: ['S1:118 Kill Redis → Kill switch activated'],
  },
  {
    id: 'failover.read-replicas',
    severity: 'advisory',
    answer: gate('database/standby-follows'),
    asks: ['S2:153 Read replicas configured for high availability'],
  },
  {
    id: 'failover.recovery.quarterly',
    severity: 'blocker',
    answer: signOff('operations', 90, 'The report of the last recovery exercise.'),
    asks: ['S2:328 Recovery procedures tested and validated quarterly', 'S2:482 Disaster recovery drill'],
  },
  {
    id: 'failover.servers',
    severity: 'warning',
    answer: signOff('devops', 90, 'The names of both, and which of them serves now.'),
    asks: ['S2:343 Primary and secondary servers configured'],
  },
  {
    id: 'failover.replication',
    severity: 'warning',
    answer: gate('database/standby-follows'),
    asks: ['S2:345 Database replication (master-slave) configured'],
  },
  {
    id: 'failover.redundancy',
    severity: 'warning',
    answer: drill('drills/replica-killed'),
    asks: ['S2:346 Application redundancy implemented'],
  },
  {
    id: 'failover.thresholds',
    severity: 'warning',
    answer: gate('deploy/probes-are-declared'),
    asks: ['S2:351 Failover thresholds and timeouts defined'],
  },
  {
    id: 'failover.failback',
    severity: 'warning',
    answer: signOff('operations', 90, 'The report of the last failback.'),
    asks: ['S2:353 Failback procedures documented and tested'],
  },
  {
    id: 'failover.quarterly',
    severity: 'warning',
    answer: signOff('operations', 90, 'The report of the last failover exercise.'),
    asks: ['S2:354 Failover testing scheduled quarterly'],
  },
  {
    id: 'failover.recovery.monthly',
    severity: 'warning',
    answer: signOff('operations', 30, "The report of this month's recovery test."),
    asks: ['S2:472 Disaster recovery testing'],
  },
  {
    id: 'failover.recovery.tested',
    severity: 'blocker',
    answer: gate('backups/point-in-time-is-exact', 'database/backup-restores', 'backups/recovery-time-is-met'),
    asks: ['S4:320 **Recovery tested**'],
  },
  {
    id: 'failover.plan',
    severity: 'warning',
    answer: signOff(
      'devops',
      90,
      'The plan: the zones of primary and standby, how the balancer asks for health, and how workers are added.',
    ),
    partly: ['database/standby-follows', 'edge/a-dead-replica-is-left-out', 'deploy/replicas-scale'],
    asks: ['S4:325 **Failover plan**'],
  },
];
