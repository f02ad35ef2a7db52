import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chart } from '../../../engine/chart.ts';
import type { Context } from '../../../engine/context.ts';
import type { Finding } from '../../../engine/gate.ts';
import { lastLines } from '../../../io/exec.ts';
import { fillPlaceholders } from '../../../sandbox/service.ts';
import { type Complaint, judgeComplaints, listenForComplaints } from './complaints.ts';

export interface Threshold {
  metric: string;
  expression: string;
  crossed: boolean;
  /** What the metric was, by the names of k6's summary. Times in milliseconds. */
  observed: Record<string, number>;
}

/** What a k6 script was run for. */
export interface LoadRun {
  requests: number;
  thresholds: Threshold[];
  /** What the service itself said of it. */
  complaints: Complaint[] | null;
  /** For whoever reads a report; the judgement is about the rest. */
  charts: Chart[];
}

/** A script with its environment, as the configuration names it. */
export interface LoadScript {
  script: string;
  environment: Record<string, string>;
}

/** One metric of k6's `--summary-export`. `thresholds` maps an expression to whether it was crossed. */
type Metric = Record<string, number | Record<string, boolean>>;

/** https://grafana.com/docs/k6/latest/using-k6/k6-options/reference/#exit-codes: the run was whole, and a threshold was crossed. */
const thresholdsCrossed = 99;
/** Metrics that tell how much load was sent. When they miss their mark, the latency is that of another, gentler run. */
const loadMetrics = /^(dropped_iterations|iterations|http_reqs)\b/;

/** Runs a script against the target. @throws when it sets no thresholds, or could not send the load that it says. */
export async function runLoad(context: Context, load: LoadScript, withinMs: number): Promise<LoadRun> {
  const { script } = load;
  const complaintsSince = await listenForComplaints(context);
  const metrics = await runK6(context, load, withinMs);
  const thresholds = Object.entries(metrics).flatMap(([name, metric]) => thresholdsOf(name, metric));
  const unsent = thresholds.filter(({ metric, crossed }) => crossed && loadMetrics.test(metric));
  const dropped = Number(metrics.dropped_iterations?.count ?? 0);
  if (thresholds.length === 0) throw new Error(`${script} sets no thresholds: its run says nothing`);
  if (dropped > 0 || unsent.length > 0) {
    const missed = unsent.map(({ metric, expression }) => `${metric} ${expression}`).join(', ');
    throw new Error(
      `k6 could not send the load that was asked for: ${dropped} iterations dropped${missed && `; missed: ${missed}`}`,
    );
  }
  const requests = Number(metrics.http_reqs?.count ?? 0);
  return { requests, thresholds, complaints: await complaintsSince(), charts: latencyCharts(thresholds) };
}

/** One finding for each threshold that was crossed, and for each thing of which the service complained. */
export function judgeLoad(run: Pick<LoadRun, 'thresholds' | 'complaints'> & { script: string }): Finding[] {
  const crossed = run.thresholds.filter((threshold) => threshold.crossed);
  return [
    ...crossed.map(({ metric, expression, observed }) => ({
      message: `${metric} is not ${expression}: ${describe(observed)}`,
      file: run.script,
      identity: `${metric} ${expression}`,
    })),
    ...judgeComplaints(run.complaints),
  ];
}

async function runK6(context: Context, load: LoadScript, withinMs: number): Promise<Record<string, Metric>> {
  const { sandbox, target, tools, exec } = context;
  const directory = await mkdtemp(join(sandbox.directory, 'k6-'));
  try {
    const writerKeysFile = join(directory, 'keys');
    await writeFile(writerKeysFile, target.credentials.writers.join('\n'), { mode: 0o600 });
    const own = fillPlaceholders(load.environment, { url: target.url, writerKeysFile });
    const summary = join(directory, 'summary.json');
    const args = ['run', '--quiet', '--no-usage-report', '--no-color', '--summary-export', summary, load.script];
    const result = await exec(tools.path('k6'), args, {
      env: { ...tools.environment, ...own },
      timeoutMs: withinMs,
    });
    if (result.code !== 0 && result.code !== thresholdsCrossed) {
      throw new Error(`k6 ended with exit code ${result.code}: ${lastLines(result)}`);
    }
    const { metrics } = JSON.parse(await readFile(summary, 'utf8')) as { metrics: Record<string, Metric> };
    return metrics;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function thresholdsOf(metric: string, { thresholds, ...values }: Metric): Threshold[] {
  if (typeof thresholds !== 'object') return [];
  const observed = Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
  return Object.entries(thresholds).map(([expression, crossed]) => ({ metric, expression, crossed, observed }));
}

/** The order in which a latency is read, by k6's names. */
const statistics = ['min', 'med', 'avg', 'p(90)', 'p(95)', 'p(99)', 'max'];

/** A chart for each latency that a threshold is about, with the bounds of its percentiles. */
export function latencyCharts(thresholds: readonly Threshold[]): Chart[] {
  const latencies = Map.groupBy(
    thresholds.filter(({ observed }) => statistics.some((name) => name in observed)),
    ({ metric }) => metric,
  );
  return [...latencies].map(([metric, own]) => {
    const observed = own[0]?.observed ?? {};
    const bounds = new Map(own.flatMap(({ expression }) => boundOf(expression) ?? []));
    const points = statistics.flatMap((name): Chart['points'] => {
      const [value, bound] = [observed[name], bounds.get(name)];
      return value === undefined ? [] : [{ label: name, value, ...(bound === undefined ? {} : { bound }) }];
    });
    return { title: metric, unit: 'ms', points };
  });
}

/** `p(95)<20` → the statistic and its bound. */
function boundOf(expression: string): [string, number][] | undefined {
  const [, name, bound] = /^\s*([\w.()]+)\s*<=?\s*([\d.]+)\s*$/.exec(expression) ?? [];
  return name === undefined ? undefined : [[name, Number(bound)]];
}

function describe(observed: Record<string, number>): string {
  return Object.entries(observed)
    .map(([name, value]) => `${name}=${Number(value.toFixed(2))}`)
    .join(' ');
}
