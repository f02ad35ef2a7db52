import { gate, type Item } from '../item.ts';

/** What was promised to the users, over time. */
export const slo: readonly Item[] = [
  {
    id: 'slo.execution-rate',
    severity: 'warning',
    answer: gate('slo/execution-rate-is-met'),
    asks: ['S0:184 **Order Execution Rate**: >95% of valid orders execute successfully'],
  },
  {
    id: 'slo.error-rate',
    severity: 'warning',
    answer: gate('slo/error-rate-is-met'),
    partly: ['load/placement-meets-its-latency'],
    asks: [
      'S0:186 **Error Rate**: <2% error rate in order processing',
      'S2:409 Error rates within acceptable limits',
      'S3:406 | Error Rate | <0.1% | TBD (post-deployment) |',
    ],
  },
  {
    id: 'slo.uptime',
    severity: 'warning',
    answer: gate('slo/uptime-is-met'),
    asks: [
      'S0:187 **Uptime**: >99.5% uptime for order processing API',
      'S3:400 | Uptime | 99.9% | TBD (post-deployment) |',
    ],
  },
  {
    id: 'slo.normal-range',
    severity: 'warning',
    answer: gate('slo/latency-is-met'),
    asks: ['S2:408 Performance metrics within normal ranges', 'S2:433 No performance degradation'],
  },
  {
    id: 'slo.latency',
    severity: 'blocker',
    answer: gate('slo/latency-is-met'),
    partly: ['load/placement-meets-its-latency'],
    asks: ['S2:428 Response times within SLA targets', 'S3:401 | Response Time (P95) | <20ms | ‚úÖ <15ms (staging) |'],
  },
  {
    id: 'slo.database',
    severity: 'warning',
    answer: gate('slo/database-is-quick'),
    asks: ['S2:430 Database performance acceptable'],
  },
  {
    id: 'slo.network-latency',
    severity: 'warning',
    answer: gate('slo/latency-is-met'),
    asks: ['S2:431 Network latency within limits'],
  },
];
