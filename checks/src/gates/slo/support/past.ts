import { partOf } from '../../../config.ts';
import { type History, startPrometheus } from '../../../sandbox/prometheus.ts';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';
import { actAsTarget } from '../../deploy/support/as-target.ts';
import type { Slo } from './measure.ts';

/** How a day was. All of it is invented; the shares are of requests, executions, statements and probes. */
export interface Past {
  slowRequests: number;
  failedRequests: number;
  failedExecutions: number;
  slowStatements: number;
  failedProbes: number;
  /** What each host resource was used at. */
  used: number;
}

export const healthy: Past = {
  ...{ slowRequests: 0.01, failedRequests: 0, failedExecutions: 0, slowStatements: 0.01, failedProbes: 0 },
  used: 0.4,
};

/** A day of samples is enough to judge by, and a throwaway Prometheus reads it in a moment. */
const days = 1;
const everySeconds = 300;
const perSample = 1_000;
const job = { job: 'preflight', instance: 'a' };

/** What a promise is about where this repository names nothing. */
const anySlo: Slo = {
  ...{ windowDays: days, everySeconds, series: 'job="preflight"' },
  requests: { histogram: 'preflight_requests_seconds', statusLabel: 'status' },
  executions: { counter: 'preflight_executions_total', label: 'result', succeeded: 'done', failed: 'failed' },
  statements: { histogram: 'preflight_statements_seconds', withinSeconds: 0.02 },
  probe: { success: 'preflight_probe_success', seconds: 'preflight_probe_seconds' },
  resources: { cpu: 'preflight_cpu', memory: 'preflight_memory', disk: 'preflight_disk' },
};

/** Gives the sandbox a Prometheus that remembers such a day, as the one that watches the target. */
export async function withPast(sandbox: Sandbox, past: Past): Promise<Undo> {
  const { config } = sandbox;
  const described = config.slo;
  const slo = sloOfADay(described);
  const prometheus = await startPrometheus(sandbox, {
    history: { series: seriesOf(slo, past), samples: (days * 86_400) / everySeconds + 1, everySeconds },
  });
  config.slo = slo;
  const back = actAsTarget(sandbox, { prometheus: prometheus.url });
  return async () => {
    await back();
    if (described) config.slo = described;
    else delete config.slo;
    await prometheus.close();
  };
}

/** Another past for the target that is there already. */
export async function changePast(sandbox: Sandbox, change: Partial<Past>): Promise<Undo> {
  const { config } = sandbox;
  const slo = partOf(config, 'slo');
  const target = partOf(config, 'target');
  const prometheus = await startPrometheus(sandbox, {
    history: {
      series: seriesOf(slo, { ...healthy, ...change }),
      samples: (days * 86_400) / everySeconds + 1,
      everySeconds,
    },
  });
  config.target = { ...target, prometheus: prometheus.url };
  return async () => {
    config.target = target;
    await prometheus.close();
  };
}

/** Promises about a day that can be invented, with the repository's own names where it has some. */
export function sloOfADay(described: Slo | undefined): Slo {
  return { ...anySlo, ...namesOf(described), windowDays: days, everySeconds };
}

/** The repository's own names of metrics; what it says in whole expressions is replaced by what can be invented. */
function namesOf(slo: Slo | undefined): Partial<Slo> {
  if (!slo) return {};
  const { requests, executions, statements } = slo;
  return { requests, executions, statements };
}

/** What a Prometheus remembers of such a day: a sample every five minutes. */
export function seriesOf(slo: Slo, past: Past): History[] {
  const { requests, executions, statements, probe, resources } = slo;
  const counter = (metric: string, labels: Record<string, string>, share: number): History => ({
    ...{ metric, labels: { ...job, ...labels } },
    at: (sample) => sample * perSample * share,
  });
  const gauge = (metric: string, value: number): History => ({ metric, labels: { ...job }, at: () => value });
  const timed = (name: string, labels: Record<string, string>, share: number, slow: number, within: number) => [
    counter(`${name}_bucket`, { ...labels, le: String(within) }, share * (1 - slow)),
    counter(`${name}_bucket`, { ...labels, le: '+Inf' }, share),
    counter(`${name}_count`, labels, share),
  ];
  const bad = Math.round(past.failedProbes * ((days * 86_400) / everySeconds));
  return [
    ...timed(requests.histogram, { [requests.statusLabel]: '200' }, 1 - past.failedRequests, past.slowRequests, 0.02),
    ...timed(requests.histogram, { [requests.statusLabel]: '500' }, past.failedRequests, past.slowRequests, 0.02),
    counter(executions.counter, { [executions.label]: executions.succeeded }, 1 - past.failedExecutions),
    counter(executions.counter, { [executions.label]: executions.failed }, past.failedExecutions),
    ...timed(statements.histogram, {}, 1, past.slowStatements, statements.withinSeconds),
    // It begins before the first sample of a bad day and is over in the middle of it.
    { metric: probe.success, labels: { ...job }, at: (sample) => (sample >= 10 && sample < 10 + bad ? 0 : 1) },
    gauge(probe.seconds, past.slowRequests > 0.05 ? 0.4 : 0.02),
    ...Object.values(resources).map((metric) => gauge(metric, past.used)),
  ];
}
