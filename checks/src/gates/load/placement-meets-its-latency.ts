import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { complaint } from './support/complaints.ts';
import { judgeLoad, type LoadRun, runLoad, type Threshold } from './support/k6.ts';

interface Facts extends Omit<LoadRun, 'requests'> {
  script: string;
}

export default defineGate<Facts>({
  id: 'load/placement-meets-its-latency',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'k6', 'config:load'],
  measures: true,
  timeoutMs: 60_000,
  covers: [
    'load.placement-p95',
    'load.error-rate',
    'load.orders-per-day',
    'load.transactions',
    'load.performance-tested',
    'load.passed',
  ],
  unit: 'requests',
  why: 'A latency that was measured by a client who waits for its turn leaves out just the requests that had to wait.',
  fix: 'Look at the slowest spans of the placement; then at the pool, at locks, and at what the database does at each commit.',
  source: 'https://grafana.com/docs/k6/latest/using-k6/scenarios/concepts/open-vs-closed/',

  async observe(context) {
    const load = partOf(context.config, 'load');
    const { requests, ...seen } = await runLoad(context, load, runWithinMs);
    return { examined: requests, facts: { script: load.script, ...seen } };
  },

  judge: judgeLoad,

  samples: {
    good: [{ script: 'load.ts', thresholds: [sample(false)], complaints: [], charts: [] }],
    bad: [
      { script: 'load.ts', thresholds: [sample(false), sample(true)], complaints: null, charts: [] },
      { script: 'load.ts', thresholds: [sample(false)], complaints: [complaint], charts: [] },
    ],
  },

  /** Something slow has come between: every write takes 80 ms longer. */
  async sabotage(sandbox) {
    const { method, path } = partOf(sandbox.config, 'write').request;
    return sandbox.intercept(async (request, forward) => {
      if (request.method === method && request.path === path) await delay(slowdownMs);
      return forward(request);
    });
  },
});

const slowdownMs = 80;

const runWithinMs = 55_000;

function sample(crossed: boolean): Threshold {
  return { metric: 'http_req_duration', expression: 'p(95)<20', crossed, observed: { 'p(95)': crossed ? 31.5 : 8.2 } };
}
