import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execOrThrow } from '../io/exec.ts';
import { findTools } from '../io/tools.ts';
import type { Sandbox } from './sandbox.ts';
import { freePorts, startServer } from './server.ts';

/** A series that the throwaway Prometheus remembers, though it has not run that long. */
export interface History {
  metric: string;
  labels: Record<string, string>;
  /** Its value at a sample, the first of which is 0. */
  at(sample: number): number;
}

export interface PrometheusOptions {
  /** From the past until now, a sample every `everySeconds`. */
  history?: { series: readonly History[]; samples: number; everySeconds: number };
  /** Jobs that it scrapes, each a name and an address `host:port`. */
  scrapes?: readonly { job: string; address: string }[];
  retention?: string;
  /** Rule files, by absolute path, and whom it tells of alerts, as `host:port`. */
  rules?: readonly string[];
  alertmanagers?: readonly string[];
}

export interface ThrowawayPrometheus {
  readonly url: string;
  close(): Promise<void>;
}

const plainEnvironment = { PATH: process.env.PATH, TZ: 'UTC' };

/** Starts a Prometheus on the loopback, in the sandbox's directory. Closing the sandbox ends it too. */
export async function startPrometheus(
  sandbox: Pick<Sandbox, 'directory' | 'scratch'>,
  { history, retention = '90d', ...configured }: PrometheusOptions,
): Promise<ThrowawayPrometheus> {
  const tools = findTools(sandbox.scratch.root);
  const home = mkdtempSync(join(sandbox.directory, 'prometheus-'));
  const data = join(home, 'data');
  if (history) {
    const file = join(home, 'history.txt');
    writeFileSync(file, openMetrics(history));
    await execOrThrow(tools.path('promtool'), ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, data], {
      cwd: home,
      env: plainEnvironment,
    });
  }
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const config = join(home, 'prometheus.yml');
  writeFileSync(config, configurationOf(configured));
  const server = await startServer({
    directory: sandbox.directory,
    command: tools.path('prometheus'),
    args: [
      ...[`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--storage.tsdb.retention.time=${retention}`],
      ...[`--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'],
    ],
    cwd: home,
    env: plainEnvironment,
    logFile: join(home, 'log'),
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
  });
  return {
    url,
    async close() {
      server.signal('SIGKILL');
      await server.ended;
    },
  };
}

/** JSON is YAML. Every second, so that nobody waits for the first sample. */
function configurationOf({ scrapes = [], rules = [], alertmanagers = [] }: PrometheusOptions): string {
  return JSON.stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    alerting: { alertmanagers: [{ static_configs: [{ targets: alertmanagers }] }] },
    scrape_configs: scrapes.map(({ job, address }) => ({ job_name: job, static_configs: [{ targets: [address] }] })),
  });
}

/** https://github.com/OpenObservability/OpenMetrics: untyped, so that any name is taken as it stands; families together. */
function openMetrics({ series, samples, everySeconds }: NonNullable<PrometheusOptions['history']>): string {
  const now = Math.floor(Date.now() / 1000);
  const lines = [...Map.groupBy(series, ({ metric }) => metric)].flatMap(([metric, same]) => [
    `# TYPE ${metric} unknown`,
    ...same.flatMap(({ labels, at }) => {
      const written = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      return Array.from(
        { length: samples },
        (_, sample) => `${metric}{${written.join(',')}} ${at(sample)} ${now - (samples - 1 - sample) * everySeconds}`,
      );
    }),
  ]);
  return `${lines.join('\n')}\n# EOF\n`;
}
