import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { complaint } from './support/complaints.ts';
import { judgeLoad, type LoadRun, runLoad } from './support/k6.ts';

interface Facts extends Omit<LoadRun, 'requests'> {
  script: string;
}

const runWithinMs = 55_000;
const slowdownMs = 400;

export default defineGate<Facts>({
  id: 'load/a-hundred-users-are-served',
  severity: 'blocker',
  profile: 'commit',
  long: true,
  needs: ['service', 'sandbox', 'k6', 'config:loadProfiles', 'config:write'],
  measures: true,
  timeoutMs: 60_000,
  covers: ['load.concurrent-users', 'load.passed'],
  unit: 'requests',
  why: 'A hundred people keep a hundred connections and read between their orders: pools, limits and lists meet a load that one fast client never makes.',
  fix: 'Look at the requests that failed or were slow by route; then at the pool, and at the limit of connections.',
  source: 'https://grafana.com/docs/k6/latest/using-k6/scenarios/executors/constant-vus/',

  async observe(context) {
    const { users } = partOf(context.config, 'loadProfiles');
    const { requests, ...seen } = await runLoad(context, users, runWithinMs);
    return { examined: requests, facts: { script: users.script, ...seen } };
  },

  judge: judgeLoad,

  samples: {
    good: [facts(false), facts(false, null)],
    bad: [facts(true), facts(false, [complaint])],
  },

  /** Something slow has come between: every request takes longer than all of its time. */
  async sabotage(sandbox) {
    return sandbox.intercept(async (request, forward) => {
      await delay(slowdownMs);
      return forward(request);
    });
  },
});

function facts(crossed: boolean, complaints: Facts['complaints'] = []): Facts {
  const observed = { 'p(95)': crossed ? 410 : 30 };
  const threshold = { metric: 'http_req_duration', expression: 'p(95)<150', crossed, observed };
  return { script: 'users.ts', thresholds: [threshold], complaints, charts: [] };
}
