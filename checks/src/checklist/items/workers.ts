import { drill, gate, type Item, signOff } from '../item.ts';

/** What works on in the background. */
export const workers: readonly Item[] = [
  {
    id: 'workers.outbox',
    severity: 'blocker',
    answer: gate('workers/outbox-drains'),
    asks: ['S1:37 **M3: Portfolio Event Worker**', 'S1:40 Fix: Add background worker polling outbox every 500ms'],
  },
  {
    id: 'workers.reconciliation',
    severity: 'blocker',
    answer: gate('workers/reconciliation-converges'),
    asks: ['S1:43 **M4: Reconciliation Service Startup**'],
  },
  {
    id: 'workers.races',
    severity: 'blocker',
    answer: gate('workers/claims-are-not-doubled'),
    partly: ['drills/worker-frozen'],
    asks: ['S4:27 **Critical race conditions fixed**'],
  },
  {
    id: 'workers.claims',
    severity: 'blocker',
    answer: gate('workers/claims-are-not-doubled'),
    asks: ['S4:28 Worker step claiming (P0 #1)'],
  },
  {
    id: 'workers.graceful-stop',
    severity: 'blocker',
    answer: drill('drills/graceful-stop'),
    asks: ['S4:34 Graceful shutdown on SIGTERM'],
  },
  {
    id: 'workers.breaker',
    severity: 'warning',
    answer: gate('workers/breaker-opens'),
    asks: ['S4:79 Workers fail gracefully after 3 consecutive errors', 'S4:80 Auto-recovery after 5 minutes'],
  },
  {
    id: 'workers.breaker.staging',
    severity: 'warning',
    answer: signOff(
      'engineering',
      30,
      'The log of staging in which a worker rested after its third error, and worked again.',
    ),
    partly: ['workers/breaker-opens'],
    asks: ['S4:78 **Circuit breakers tested**'],
  },
  {
    id: 'workers.run',
    severity: 'blocker',
    answer: gate('deploy/smoke-tests-pass', 'workers/heartbeats-are-fresh'),
    asks: ['S4:277 Workers claim and process steps'],
  },
  { id: 'workers.clock', severity: 'blocker', answer: drill('drills/clock'), asks: [] },
  { id: 'workers.frozen', severity: 'blocker', answer: drill('drills/worker-frozen'), asks: [] },
  { id: 'workers.heartbeats', severity: 'blocker', answer: gate('workers/heartbeats-are-fresh'), asks: [] },
];
