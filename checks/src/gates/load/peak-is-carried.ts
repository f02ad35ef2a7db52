import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { complaint } from './support/complaints.ts';
import { judgeLoad, type LoadRun, runLoad } from './support/k6.ts';

interface Facts extends Omit<LoadRun, 'requests'> {
  script: string;
}

const runWithinMs = 170_000;
const slowdownMs = 80;

export default defineGate<Facts>({
  id: 'load/peak-is-carried',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'sandbox', 'k6', 'config:loadProfiles', 'config:write'],
  measures: true,
  timeoutMs: 180_000,
  long: true,
  covers: ['load.peak'],
  unit: 'requests',
  why: 'The busiest minute is the one that counts: a service that is only measured at its usual rate is measured on the day that nothing happens.',
  fix: 'Find what queues first (pool, locks, the one thread), and add replicas before the peak, not in it.',
  source: 'https://grafana.com/docs/k6/latest/using-k6/scenarios/executors/constant-arrival-rate/',

  async observe(context) {
    const { peak } = partOf(context.config, 'loadProfiles');
    const { requests, ...seen } = await runLoad(context, peak, runWithinMs);
    return { examined: requests, facts: { script: peak.script, ...seen } };
  },

  judge: judgeLoad,

  samples: {
    good: [facts(false), facts(false, null)],
    bad: [facts(true), facts(false, [complaint])],
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

function facts(crossed: boolean, complaints: Facts['complaints'] = []): Facts {
  const observed = { 'p(95)': crossed ? 410 : 30 };
  const threshold = { metric: 'http_req_duration', expression: 'p(95)<20', crossed, observed };
  return { script: 'placement.ts', thresholds: [threshold], complaints, charts: [] };
}
