import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { complaint } from './support/complaints.ts';
import { judgeLoad, type LoadRun, runLoad, type Threshold } from './support/k6.ts';

interface Facts extends Omit<LoadRun, 'requests'> {
  script: string;
}

const hourMs = 3_600_000;
/** An hour, its warm-up, and the time that k6 takes to begin and to end. */
const runWithinMs = 1.1 * hourMs;
const windowMetric = /^http_req_duration\{scenario:window_(\d+)\}$/;
/** What grows with an hour's orders grows by more than this; what shakes between two windows, by less. */
const mostGrowth = 1.5;
const mostGrowthMs = 3;

export default defineGate<Facts>({
  id: 'load/an-hour-at-100-per-second',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'k6', 'config:loadProfiles', 'config:write'],
  measures: true,
  long: true,
  timeoutMs: 1.2 * hourMs,
  covers: ['load.passed', 'load.no-degradation', 'load.an-hour'],
  unit: 'requests',
  why: 'Ten seconds show how fast an empty service is. Tables, indexes, logs and the heap of an hour show how fast it stays.',
  fix: 'Compare the first window’s slowest statements with the last one’s (pg_stat_statements), and the vacuum of the tables that grow.',
  source: 'https://grafana.com/docs/k6/latest/testing-guides/test-types/soak-testing/',

  async observe(context) {
    const { hour } = partOf(context.config, 'loadProfiles');
    const { requests, ...seen } = await runLoad(context, hour, runWithinMs);
    if (windowsOf(seen.thresholds).length < 2) throw new Error(`${hour.script} tells no two windows apart`);
    return { examined: requests, facts: { script: hour.script, ...seen } };
  },

  judge: (run) => [...judgeLoad(run), ...judgeGrowth(run.script, run.thresholds)],

  samples: {
    good: [facts([8, 9, 8.5]), facts([2, 4, 4.9])],
    bad: [facts([8, 9, 25], true), facts([6, 9, 14]), { ...facts([2, 2]), complaints: [complaint] }],
  },

  /** The same script with windows of six seconds: to prove the gate, not the service. */
  async prepare(sandbox) {
    const profiles = partOf(sandbox.config, 'loadProfiles');
    const { hour } = profiles;
    const environment = { ...hour.environment, WINDOWS: '2', WINDOW_S: '6' };
    sandbox.config.loadProfiles = { ...profiles, hour: { ...hour, environment } };
    return async () => {
      sandbox.config.loadProfiles = profiles;
    };
  },

  /** The longer it runs the slower it gets: each write waits a little longer than the one before. */
  async sabotage(sandbox) {
    const { method, path } = partOf(sandbox.config, 'write').request;
    let writes = 0;
    return sandbox.intercept(async (request, forward) => {
      if (request.method === method && request.path === path) {
        writes += 1;
        await delay(writes / 20);
      }
      return forward(request);
    });
  },
});

/** 95 % of each window's requests were answered within so many milliseconds; in the order of the windows. */
function windowsOf(thresholds: readonly Threshold[]): number[] {
  const windows = new Map(
    thresholds.flatMap(({ metric, observed }) => {
      const [, number] = windowMetric.exec(metric) ?? [];
      const p95 = observed['p(95)'];
      return number === undefined || p95 === undefined ? [] : [[Number(number), p95] as const];
    }),
  );
  return [...windows].toSorted(([one], [other]) => one - other).map(([, p95]) => p95);
}

function judgeGrowth(script: string, thresholds: readonly Threshold[]): Finding[] {
  const windows = windowsOf(thresholds);
  const [first = 0, last = 0] = [windows[0], windows.at(-1)];
  if (last <= first * mostGrowth || last - first <= mostGrowthMs) return [];
  const grew = `from ${first.toFixed(1)} ms in the first window to ${last.toFixed(1)} ms in the last`;
  return [{ message: `the latency (p95) grew ${grew}`, file: script, identity: 'growth' }];
}

function facts(windows: readonly number[], crossed = false): Facts {
  const thresholds = windows.map((p95, index) => ({
    metric: `http_req_duration{scenario:window_${index + 1}}`,
    expression: 'p(95)<20',
    crossed: crossed && p95 >= 20,
    observed: { 'p(95)': p95 },
  }));
  return { script: 'hour.ts', thresholds, complaints: [], charts: [] };
}
