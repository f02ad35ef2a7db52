import { z } from 'zod';
import { type Config, partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { askApi, queryPrometheus } from '../../io/prometheus.ts';
import { startPrometheus } from '../../sandbox/prometheus.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';
import { actAsTarget } from '../deploy/support/as-target.ts';

interface Facts {
  version: string;
  /** How long it remembers, as it says; null where only a size bounds it. */
  retentionDays: number | null;
  retentionDaysMin: number;
  /** Processes of the service that it scrapes, and how many of them answer. */
  processes: number;
  answering: number;
  /** Promised metrics of which it has no series. */
  missing: string[];
  promised: number;
}

/** S3:123: 30 days minimum. */
const retentionDaysMin = 30;
const missingShown = 10;
const runtime = z.looseObject({ storageRetention: z.string() });
const build = z.looseObject({ version: z.string() });

export default defineGate<Facts>({
  id: 'metrics/are-scraped',
  severity: 'warning',
  profile: 'release',
  needs: ['config:target', 'config:monitoring', 'config:metrics'],
  resources: ['the past of the target'],
  covers: ['metrics.prometheus', 'metrics.scraped', 'metrics.retention'],
  unit: 'metrics and processes',
  why: 'A service that exports everything to nobody is not watched, and its dashboards are flat because they are empty.',
  fix: 'Install deploy/prometheus on the host that watches, with the addresses of every replica, and --storage.tsdb.retention.time=30d or more.',
  source: 'https://prometheus.io/docs/prometheus/latest/storage/',

  async observe({ config, signal }) {
    const url = prometheusOf(config);
    const { series } = partOf(config, 'monitoring');
    const [{ storageRetention }, { version }] = [
      runtime.parse(await askApi(url, 'status/runtimeinfo', {}, signal)),
      build.parse(await askApi(url, 'status/buildinfo', {}, signal)),
    ];
    const up = await queryPrometheus(url, `up{${series}}`, signal);
    const known = await queryPrometheus(url, `count by (__name__) ({${series}})`, signal);
    const names = new Set(known.map(({ labels }) => labels.__name__));
    const promised = partOf(config, 'metrics').promised;
    const missing = promised.filter(({ name, type }) => !names.has(type === 'histogram' ? `${name}_count` : name));
    const facts: Facts = {
      ...{ version, retentionDays: daysOf(storageRetention), retentionDaysMin },
      ...{ processes: up.length, answering: up.filter(({ value }) => value === 1).length },
      ...{ missing: missing.map(({ name }) => name), promised: promised.length },
    };
    return { examined: promised.length + up.length, facts };
  },

  judge(facts) {
    const { retentionDays, processes, answering, missing } = facts;
    const findings: Finding[] = [];
    if (processes === 0) findings.push({ message: 'it scrapes no process of the service' });
    if (answering < processes)
      findings.push({
        message: `${processes - answering} of ${processes} processes do not answer its scrapes`,
        identity: 'silent processes',
      });
    if (retentionDays === null || retentionDays < facts.retentionDaysMin)
      findings.push({
        message: `it remembers for ${retentionDays === null ? 'no stated time' : `${retentionDays} days`}, and ${facts.retentionDaysMin} are promised`,
        identity: 'retention',
        fix: `Start it with --storage.tsdb.retention.time=${facts.retentionDaysMin}d or more, and a disk that holds as much.`,
      });
    // Of processes that answer nothing nothing can be known: that is told already.
    if (processes > 0)
      findings.push(
        ...missing.slice(0, missingShown).map((name) => ({
          message: `it has no series of ${name}, which is promised`,
          identity: name,
          fix: 'See whether its configuration drops it, and which version of the service it scrapes.',
        })),
      );
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ processes: 0, answering: 0 }),
      facts({ answering: 1 }),
      facts({ retentionDays: 15 }),
      facts({ retentionDays: null }),
      facts({ missing: ['orders_total'] }),
    ],
  },

  prepare: (sandbox) => scrapedFor(sandbox, `${retentionDaysMin}d`),

  /** Somebody has started it as it comes: it forgets after 15 days. */
  sabotage: async (sandbox) => {
    const target = partOf(sandbox.config, 'target');
    const undo = await scrapedFor(sandbox, '15d');
    return async () => {
      await undo();
      sandbox.config.target = target;
    };
  },
});

/** @throws when the target names none: then nobody can be asked. */
function prometheusOf(config: Config): string {
  const { prometheus } = partOf(config, 'target');
  if (prometheus === undefined) throw new Error('the target names no Prometheus');
  return prometheus;
}

const inDays: Readonly<Record<string, number>> = { s: 1 / 86_400, m: 1 / 1_440, h: 1 / 24, d: 1, w: 7, y: 365 };

/** `30d`, or `30d or 512MB`, in days; null where it names no time. */
function daysOf(retention: string): number | null {
  const [time = ''] = retention.split(' or ');
  const parts = [...time.matchAll(/(\d+)([smhdwy])(?![\w])|(\d+)([smhdwy])(?=\d)/g)];
  if (parts.length === 0) return null;
  return parts.reduce(
    (sum, [, one, unit, more, its]) => sum + Number(one ?? more) * (inDays[unit ?? its ?? ''] ?? 0),
    0,
  );
}

/** A real Prometheus that scrapes the sandbox's service and has done so once, as the one that watches the target. */
async function scrapedFor(sandbox: Sandbox, retention: string): Promise<Undo> {
  const { config } = sandbox;
  const described = config.monitoring;
  const scrapes = [{ job: 'preflight', address: new URL(sandbox.metricsUrl).host }];
  const prometheus = await startPrometheus(sandbox, { scrapes, retention });
  config.monitoring = { probes: [{ what: 'any', selector: 'up', items: [] }], ...described, series: 'job="preflight"' };
  const back = actAsTarget(sandbox, { prometheus: prometheus.url });
  await untilScraped(prometheus.url);
  return async () => {
    await back();
    if (described) config.monitoring = described;
    else delete config.monitoring;
    await prometheus.close();
  };
}

const scrapedWithinMs = 10_000;
const pollMs = 100;

async function untilScraped(url: string): Promise<void> {
  const deadline = performance.now() + scrapedWithinMs;
  while ((await queryPrometheus(url, 'up == 1', AbortSignal.timeout(scrapedWithinMs))).length === 0) {
    if (performance.now() > deadline) throw new Error(`Prometheus did not scrape within ${scrapedWithinMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{
      version: '2.42.0',
      retentionDays: 30,
      retentionDaysMin,
      processes: 2,
      answering: 2,
      missing: [],
      promised: 40,
    },
    ...change,
  };
}
