import { gate, type Item, signOff } from '../item.ts';

/** How fast, for how many, for how long. */
export const load: readonly Item[] = [
  {
    id: 'load.pending-orders',
    severity: 'warning',
    answer: gate('load/processor-keeps-up'),
    asks: ['S0:83 Test system with multiple pending orders (50+ orders)'],
  },
  {
    id: 'load.processing',
    severity: 'warning',
    answer: gate('load/processor-keeps-up'),
    asks: ['S0:84 Verify processing performance under load'],
  },
  {
    id: 'load.transactions',
    severity: 'warning',
    answer: gate('load/placement-meets-its-latency'),
    asks: ['S0:86 Validate database transaction performance'],
  },
  {
    id: 'load.peak',
    severity: 'warning',
    answer: gate('load/peak-is-carried'),
    asks: ['S0:111 Verify adequate resources for peak trading times'],
  },
  {
    id: 'load.concurrent-users',
    severity: 'blocker',
    answer: gate('load/a-hundred-users-are-served'),
    asks: ['S1:110 100 concurrent users'],
  },
  {
    id: 'load.orders-per-day',
    severity: 'blocker',
    answer: gate('load/placement-meets-its-latency'),
    asks: ['S1:111 1,000 orders/day'],
  },
  {
    id: 'load.placement-p95',
    severity: 'blocker',
    answer: gate('load/placement-meets-its-latency'),
    asks: ['S1:112 p95 latency < 150ms'],
  },
  {
    id: 'load.no-leaks',
    severity: 'warning',
    answer: gate('load/memory-stays-level', 'deploy/staging-is-stable-for-a-day'),
    asks: [
      'S1:113 No memory leaks over 24h',
      'S2:432 No memory leaks detected',
      'S3:77 Monitor memory leaks (memory should stabilize)',
      'S3:87 Memory stable (no leaks)',
    ],
  },
  {
    id: 'load.passed',
    severity: 'blocker',
    answer: gate(
      'load/an-hour-at-100-per-second',
      'load/placement-meets-its-latency',
      'load/a-hundred-users-are-served',
      'load/memory-stays-level',
    ),
    partly: ['load/peak-is-carried', 'load/processor-keeps-up'],
    asks: ['S1:169 Load tests pass', 'S4:369 Load testing passed'],
  },
  {
    id: 'load.performance-tested',
    severity: 'warning',
    answer: gate('load/placement-meets-its-latency'),
    asks: ['S2:43 Performance testing completed'],
  },
  {
    id: 'load.event-loop',
    severity: 'warning',
    answer: gate('load/event-loop-keeps-turning'),
    asks: [
      'S2:129 Garbage collection settings optimized for low-latency trading',
      'S2:174 Garbage collection tuning for trading workloads',
    ],
  },
  {
    id: 'load.profiled',
    severity: 'advisory',
    answer: signOff('engineering', 90, 'The profile under load, and what was done about its widest frames.'),
    asks: ['S2:171 Code profiling completed and bottlenecks addressed'],
  },
  {
    id: 'load.memory',
    severity: 'advisory',
    answer: gate('load/memory-stays-level'),
    asks: ['S2:173 Memory usage patterns optimized'],
  },
  {
    id: 'load.resources',
    severity: 'warning',
    answer: gate('slo/resources-are-normal'),
    asks: ['S2:429 System resource usage normal'],
  },
  {
    id: 'load.no-degradation',
    severity: 'blocker',
    answer: gate('load/an-hour-at-100-per-second'),
    asks: ['S3:82 Verify no degradation'],
  },
  {
    id: 'load.error-rate',
    severity: 'blocker',
    answer: gate('load/placement-meets-its-latency', 'deploy/staging-is-stable-for-a-day'),
    asks: ['S3:78 Track error rates (target: <0.1% error rate)'],
  },
  {
    id: 'load.an-hour',
    severity: 'blocker',
    answer: gate('load/an-hour-at-100-per-second'),
    partly: ['load/placement-meets-its-latency'],
    asks: ['S3:81 Load test: 100 req/sec for 1 hour'],
  },
  {
    id: 'load.resources.bounded',
    severity: 'warning',
    answer: gate('load/resources-stay-within-bounds'),
    asks: ['S3:83 Check resource usage (CPU <70%, Memory <80%)'],
  },
  {
    id: 'load.heartbeats',
    severity: 'warning',
    answer: gate('load/processor-keeps-up', 'load/memory-stays-level'),
    asks: ['S4:195 **Heartbeat load tested**', 'S4:196 Simulate 100 concurrent heartbeats'],
  },
  {
    id: 'load.workers',
    severity: 'blocker',
    answer: gate('workers/claims-are-not-doubled'),
    asks: ['S4:201 **Worker load tested**', 'S4:202 50+ queued steps'],
  },
];
