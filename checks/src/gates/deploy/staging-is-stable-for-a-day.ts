import { type Config, partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { queryNumber, queryPrometheus } from '../../io/prometheus.ts';
import { headOf } from '../../io/tree.ts';
import { startPrometheus } from '../../sandbox/prometheus.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';
import { grown, promised } from '../slo/support/measure.ts';
import { healthy, seriesOf, sloOfADay } from '../slo/support/past.ts';
import { actAsTarget } from './support/as-target.ts';
import { askBuild, judgeBuilds } from './support/build-info.ts';

interface Facts {
  url: string;
  commit: string;
  answers: { commit: string | null; configuration: string | null; uptimeSeconds: number }[];
  /** Which share of the last day was measured at all. */
  measuredShare: number;
  /** The worst of the day: 1 is up all the time. */
  up: number;
  /** By how much each counter of what is critical grew, all its series together. */
  critical: { what: string; grewBy: number }[];
  /** What the last quarter of the day took, as a multiple of what the second one did: that of the process that grew most. */
  memoryGrowth: number;
  /** Of the requests of the day: which share failed, and which was answered in the promised time. */
  failedShare: number;
  quickShare: number;
}

const daySeconds = 86_400;
/** A gap says more about Prometheus than about staging: nobody knows what was in it. */
const measuredShareMin = 0.95;
const window = '1d';
/** The first quarter of the day fills caches and pools. A leak of a megabyte an hour is more than this in a process of a hundred. */
const mostMemoryGrowth = 1.1;
const [mostFailed, withinMs] = [promised('slo.error-rate') / 100, promised('load.placement-p95')];
const leastQuick = 0.95;

const commit = '1'.repeat(40);
const good: Facts = {
  ...{ url: 'https://staging.example', commit, measuredShare: 1, up: 1 },
  answers: [{ commit, configuration: 'abc', uptimeSeconds: 90_000 }],
  critical: [{ what: 'failed cycles', grewBy: 0 }],
  ...{ memoryGrowth: 1.01, failedShare: 0.0002, quickShare: 0.99 },
};

export default defineGate<Facts>({
  id: 'deploy/staging-is-stable-for-a-day',
  severity: 'blocker',
  profile: 'release',
  needs: ['git', 'config:staging', 'config:build', 'config:stability', 'config:slo', 'prometheus', 'promtool'],
  covers: ['deployment.staging.stable', 'deployment.staging.quick', 'load.no-leaks', 'load.error-rate'],
  unit: 'answers and series',
  why: 'What leaks, piles up or comes once a day does not show in an hour. A day of another build, or one with restarts in it, is no day.',
  fix: 'Look at the log of the time when it happened, mend it, roll out to staging again, and wait for a day.',
  source: 'https://sre.google/sre-book/testing-reliability/',
  timeoutMs: 90_000,

  async observe({ config, tree, signal }) {
    const staging = partOf(config, 'staging');
    const { up: selector, everySeconds, critical: counters, memory } = partOf(config, 'stability');
    const { prometheus } = staging;
    if (prometheus === undefined) throw new Error('staging names no Prometheus: nothing knows how its day was');
    const seen = `min(count_over_time(${selector}[${window}])) * ${everySeconds} / ${daySeconds}`;
    const measuredShare = await queryNumber(prometheus, seen, signal);
    if (measuredShare < measuredShareMin)
      throw new Error(
        `only ${Math.round(measuredShare * 100)} % of the last day were measured: nobody knows how the rest was`,
      );
    const up = await queryNumber(prometheus, `min(min_over_time(${selector}[${window}]))`, signal);
    const critical: Facts['critical'] = [];
    for (const { what, counter } of counters) {
      // A counter that is not there counts nothing: that is no day without errors.
      const series = await queryPrometheus(prometheus, `increase(${counter}[${window}])`, signal);
      if (series.length === 0) throw new Error(`Prometheus has no ${counter}: nobody has counted ${what}`);
      const grown = series.reduce((sum, { value }) => sum + value, 0);
      // Prometheus extrapolates to the ends of the window: what grew at all has grown by one.
      critical.push({ what, grewBy: grown > 0 ? Math.max(1, Math.round(grown)) : 0 });
    }
    const quarters = `avg_over_time(${memory}[6h]) / avg_over_time(${memory}[6h] offset 12h)`;
    const memoryGrowth = await queryNumber(prometheus, `max(${quarters})`, signal);
    const shares = await sharesOf(config, (expression) => queryNumber(prometheus, expression, signal));
    const [answers, head] = [await askBuild(config, staging, signal), await headOf(tree.root)];
    const facts = {
      url: staging.url,
      commit: head.commit,
      answers,
      measuredShare,
      up,
      critical,
      memoryGrowth,
      ...shares,
    };
    return { examined: answers.length + 4 + critical.length, facts };
  },

  judge: ({ url, commit: wanted, answers, up, critical, memoryGrowth, failedShare, quickShare }) => {
    const youngest = Math.min(...answers.map(({ uptimeSeconds }) => uptimeSeconds));
    return [
      ...judgeBuilds(url, wanted, answers),
      ...(youngest < daySeconds
        ? [
            {
              message: `a process of ${url} has run for ${Math.floor(youngest / 3600)} hours: 24 are wanted`,
              identity: 'age',
            },
          ]
        : []),
      ...(up < 1 ? [{ message: `${url} was not up all day`, identity: 'up' }] : []),
      ...critical
        .filter(({ grewBy }) => grewBy > 0)
        .map(({ what, grewBy }) => ({ message: `${grewBy} ${what} in the last day: none is wanted`, identity: what })),
      ...(memoryGrowth > mostMemoryGrowth
        ? [
            {
              message: `the memory of a process of ${url} grew by ${Math.round((memoryGrowth - 1) * 100)} % within twelve hours: it does not level off`,
              ...{ identity: 'memory', fix: 'Compare two heap snapshots of that process, and look at what grows.' },
            },
          ]
        : []),
      ...(failedShare > mostFailed
        ? [
            {
              message: `${percent(failedShare)} of the requests of the day failed: ${percent(mostFailed)} are the most`,
              identity: 'failed',
            },
          ]
        : []),
      ...(quickShare < leastQuick
        ? [
            {
              message: `${percent(quickShare)} of the requests of the day were answered within ${withinMs} ms: ${percent(leastQuick)} are the least`,
              identity: 'quick',
            },
          ]
        : []),
    ];
  },

  samples: {
    good: [good],
    bad: [
      { ...good, commit: '2'.repeat(40) },
      { ...good, answers: [...good.answers, { commit, configuration: 'abc', uptimeSeconds: 3_600 }] },
      { ...good, up: 0 },
      { ...good, critical: [{ what: 'failed cycles', grewBy: 1 }] },
      { ...good, memoryGrowth: 1.2 },
      { ...good, failedShare: 0.002 },
      { ...good, quickShare: 0.94 },
    ],
  },

  prepare: (sandbox) => actAsStagingOfYesterday(sandbox, 0),

  /** Something critical happened in the night. */
  async sabotage(sandbox) {
    const { config } = sandbox;
    const staging = partOf(config, 'staging');
    const undo = await watchedFor(sandbox, 1);
    const prometheus = partOf(config, 'staging').prometheus;
    return async () => {
      await undo();
      config.staging = { ...staging, ...(prometheus === undefined ? {} : { prometheus }) };
    };
  },
});

const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`;

/** @throws when there was no request all day: then nobody knows how quick they would have been. */
async function sharesOf(
  config: Config,
  ask: (expression: string) => Promise<number>,
): Promise<Pick<Facts, 'failedShare' | 'quickShare'>> {
  const slo = { ...partOf(config, 'slo'), windowDays: 1 };
  const { histogram, statusLabel } = slo.requests;
  const all = grown(slo, `${histogram}_count`);
  // Without one failed request there is no such series, and that is none of them.
  const failed = `(${grown(slo, `${histogram}_count`, `${statusLabel}=~"5.."`)} or vector(0))`;
  const quick = grown(slo, `${histogram}_bucket`, `le="${withinMs / 1_000}"`);
  return { failedShare: await ask(`${failed} / ${all}`), quickShare: await ask(`${quick} / ${all}`) };
}

const everySeconds = 300;
const samples = daySeconds / everySeconds + 1;

/** Staging, as it would be after a day with so many critical errors in it. Its past is invented. */
async function actAsStagingOfYesterday(sandbox: Sandbox, errors: number): Promise<Undo> {
  const { config } = sandbox;
  const { path, ...names } = partOf(config, 'build');
  const head = await headOf(sandbox.scratch.root);
  const told = { [names.commit]: head.commit, [names.configuration]: 'abc', [names.uptimeSeconds]: 2 * daySeconds };
  const open = await sandbox.intercept(async (request, forward) =>
    request.path === path
      ? { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(told)) }
      : forward(request),
  );
  const { stability, slo } = config;
  config.slo = sloOfADay(slo);
  const back = actAsTarget(sandbox, {}, 'staging');
  const stop = await watchedFor(sandbox, errors);
  return async () => {
    await stop();
    await back();
    await open();
    if (stability) config.stability = stability;
    else delete config.stability;
    if (slo) config.slo = slo;
    else delete config.slo;
  };
}

/** A Prometheus that remembers such a day watches it. */
async function watchedFor(sandbox: Sandbox, errors: number): Promise<Undo> {
  const labels = { job: 'preflight' };
  const half = samples / 2;
  const series = [
    { metric: 'preflight_up', labels, at: () => 1 },
    { metric: 'preflight_errors_total', labels, at: (sample: number) => (sample > half ? errors : 0) },
    { metric: 'preflight_memory_bytes', labels, at: () => 100_000_000 },
    ...seriesOf(partOf(sandbox.config, 'slo'), healthy),
  ];
  const prometheus = await startPrometheus(sandbox, { history: { series, samples, everySeconds } });
  const { config } = sandbox;
  const critical = [{ what: 'critical errors', counter: 'preflight_errors_total' }];
  config.stability = { up: 'preflight_up', everySeconds, critical, memory: 'preflight_memory_bytes' };
  const { staging } = config;
  // Its address stays one that is asked for anew: what is intercepted changes it.
  if (staging) staging.prometheus = prometheus.url;
  return prometheus.close;
}
