import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { askExecutableWrites } from '../../io/executed-writes.ts';
import type { Family, Sample } from '../../io/exposition.ts';
import { send } from '../../io/http.ts';
import { attemptWrite } from '../../io/writes.ts';
import { startFront } from '../../sandbox/front.ts';
import { scrape } from '../../sandbox/scrape.ts';

type Promised = NonNullable<Config['metrics']>['promised'][number];

/** A promised metric, as two scrapes show it. */
interface Seen {
  name: string;
  wanted: { type: string; labels: string[]; items: string[]; moves: boolean };
  /** Null: it is not exported. */
  type: string | null;
  helped: boolean;
  labelsMissing: string[];
  /** Whether a process that has just begun exports it; null where a first scrape need not have it. */
  atStart: boolean | null;
  /** By how much it grew while there was traffic; null where it need not. */
  grown: number | null;
}

interface Facts {
  series: number;
  seriesMax: number;
  promised: Seen[];
  /** Items of this gate that no promised metric names. */
  unpromised: string[];
  /** Metrics with more series than `seriesMax`, and labels whose values look like ids. */
  crowded: { metric: string; series: number }[];
  unbounded: { metric: string; label: string }[];
}

const writeCount = 3;
const movedWithinMs = 4_000;
const lookEveryMs = 100;
/** A label is for few values: ids, keys and addresses make a series each. */
const idLike = /[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{16,}|\d{5,}|\d+\.\d+\.\d+\.\d+/i;

const items = [
  ...['response-time', 'execution-success', 'processing-duration', 'host', 'business', 'memory', 'network'],
  ...['error-rate', 'throughput', 'database.queries', 'database.resources', 'database.pool', 'database.replication'],
  'database.storage',
].map((name) => `metrics.${name}`);

export default defineGate<Facts>({
  id: 'metrics/are-exported',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:metrics', 'config:write'],
  covers: items,
  unit: 'series',
  why: 'An alert on a metric that nobody exports is silent for ever, and looks exactly like health.',
  fix: 'Export the metric with HELP, TYPE and its labels, counters from 0 at the start, and no label that holds an id.',
  source: 'https://prometheus.io/docs/practices/instrumentation/',

  async observe(context) {
    const { promised, seriesMax } = partOf(context.config, 'metrics');
    const replica = await context.sandbox.startReplica({});
    try {
      const fresh = await scrape(context, replica);
      // Whichever process has the work counts it.
      const both = async () => [...(await scrape(context, replica)), ...(await scrape(context, context.sandbox))];
      const before = await both();
      await makeTraffic(context, replica.url);
      const after = await untilMoved(context, promised, before, both);
      const facts: Facts = {
        series: seriesOf(after.flatMap(({ samples }) => samples)),
        seriesMax,
        promised: promised.map((each) => see(each, fresh, before, after)),
        unpromised: items.filter((item) => !promised.some((each) => each.items.includes(item))),
        crowded: crowdedOf(after, seriesMax),
        unbounded: unboundedOf(after),
      };
      return { examined: facts.series, facts };
    } finally {
      await replica.close();
    }
  },

  judge({ promised, unpromised, crowded, unbounded, seriesMax }) {
    return [
      ...promised.flatMap(judgePromise),
      ...unpromised.map((item) => ({
        message: `no promised metric answers ${item}`,
        identity: item,
        fix: `Name in metrics.promised what is measured for it: { …, items: ['${item}'] }.`,
      })),
      ...crowded.map(({ metric, series }) => ({
        message: `${metric} has ${series} series, and ${seriesMax} are the most`,
        identity: `crowded ${metric}`,
        fix: 'Take the label out whose values are so many, or raise metrics.seriesMax if each of them is read.',
      })),
      ...unbounded.map(({ metric, label }) => ({
        message: `the label ${label} of ${metric} holds ids: each makes a series that never ends`,
        identity: `unbounded ${metric} ${label}`,
        fix: 'Use the declared route, a kind or a state as the label; ids belong into logs and traces.',
      })),
    ];
  },

  samples: {
    good: [facts({}), facts({ promised: [seen({ atStart: null, grown: null })] })],
    bad: [
      facts({ promised: [seen({ type: null })] }),
      facts({ promised: [seen({ type: 'gauge' })] }),
      facts({ promised: [seen({ helped: false })] }),
      facts({ promised: [seen({ labelsMissing: ['outcome'] })] }),
      facts({ promised: [seen({ atStart: false })] }),
      facts({ promised: [seen({ grown: 0 })] }),
      facts({ unpromised: ['metrics.memory'] }),
      facts({ crowded: [{ metric: 'orders_total', series: 4_000 }] }),
      facts({ unbounded: [{ metric: 'orders_total', label: 'order' }] }),
    ],
  },

  /** An update has renamed a metric, and whoever counts on it was not told. */
  async sabotage(sandbox) {
    const { config, metricsUrl, url } = sandbox;
    const own = partOf(config, 'metrics');
    const lost = own.promised[0]?.name ?? '';
    const onOwnPort = own.url.startsWith('{metricsUrl}');
    const front = await startFront(onOwnPort ? metricsUrl : url, async (request, forward) => {
      const answer = await forward(request);
      return { ...answer, body: Buffer.from(answer.body.toString('utf8').replaceAll(lost, `${lost}_renamed`)) };
    });
    config.metrics = { ...own, url: own.url.replace(/^\{\w+\}/, front.url) };
    return async () => {
      config.metrics = own;
      await front.close();
    };
  },
});

/** Writes that rest, some that are executed where the service executes any, a question for what is not there, and a stranger. */
async function makeTraffic(context: Context, url: string): Promise<void> {
  const { config, target, signal } = context;
  const own = { url, databaseUrl: target.databaseUrl, credentials: target.credentials };
  const from = { config, target: own, signal };
  for (let made = 0; made < writeCount; made += 1)
    await attemptWrite(from, { idempotencyKey: randomUUID(), writer: 0 });
  if (config.processing) await askExecutableWrites(from, writeCount);
  const request = { method: 'GET', path: `${partOf(config, 'write').request.path}/${randomUUID()}` };
  await send(url, request, { key: target.credentials.writers[0] ?? '', signal });
  await send(url, request, { key: randomUUID(), signal });
}

/** The scrape in which all has moved that has to, or the last one before the time is up. */
async function untilMoved(
  { signal }: Context,
  promised: readonly Promised[],
  before: readonly Family[],
  look: () => Promise<Family[]>,
): Promise<Family[]> {
  const deadline = performance.now() + movedWithinMs;
  for (;;) {
    const after = await look();
    const still = promised.filter((each) => each.moves && grownBy(each, before, after) <= 0);
    if (still.length === 0 || performance.now() > deadline) return after;
    await delay(lookEveryMs, undefined, { signal });
  }
}

function see(promise: Promised, fresh: readonly Family[], before: readonly Family[], after: readonly Family[]): Seen {
  const { name, type, labels, items: asked, moves } = promise;
  const families = after.filter((family) => family.name === name && family.samples.length > 0);
  const samples = families.flatMap((family) => family.samples);
  // A counter that first appears at 1 hides its first increase; a histogram's labels are known with its first value only.
  const begins = type === 'counter' ? total(promise, fresh) !== undefined : null;
  return {
    name,
    wanted: { type, labels, items: asked, moves: moves !== undefined },
    type: families[0]?.type ?? null,
    helped: families.some(({ help }) => help.trim() !== ''),
    labelsMissing: labels.filter((label) => samples.some((each) => !(label in each.labels))),
    atStart: begins,
    grown: moves ? grownBy(promise, before, after) : null,
  };
}

function grownBy(promise: Promised, before: readonly Family[], after: readonly Family[]): number {
  return (total(promise, after) ?? 0) - (total(promise, before) ?? 0);
}

/** Of the series that have to move; a histogram moves by its count. Undefined: there are none. */
function total({ name, type, moves = {} }: Promised, families: readonly Family[]): number | undefined {
  const counted = type === 'histogram' ? `${name}_count` : name;
  const series = families
    .filter((family) => family.name === name)
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.name === counted)
    .filter(({ labels }) => Object.entries(moves).every(([label, value]) => labels[label] === value));
  return series.length === 0 ? undefined : series.reduce((sum, { value }) => sum + value, 0);
}

/** Each bucket belongs to the series of its other labels. */
function seriesOf(samples: readonly Sample[]): number {
  const keys = samples.map(({ name, labels }) => {
    const { le: _, ...others } = labels;
    return JSON.stringify([name.replace(/_(?:bucket|sum|count)$/, ''), Object.entries(others).sort()]);
  });
  return new Set(keys).size;
}

function crowdedOf(families: readonly Family[], seriesMax: number): Facts['crowded'] {
  return families
    .map(({ name, samples }) => ({ metric: name, series: seriesOf(samples) }))
    .filter(({ series }) => series > seriesMax);
}

function unboundedOf(families: readonly Family[]): Facts['unbounded'] {
  const found = families.flatMap(({ name, samples }) =>
    samples.flatMap(({ labels }) =>
      Object.entries(labels)
        .filter(([label, value]) => label !== 'le' && idLike.test(value))
        .map(([label]) => JSON.stringify({ metric: name, label })),
    ),
  );
  return [...new Set(found)].map((text) => JSON.parse(text) as Facts['unbounded'][number]);
}

function judgePromise({ name, wanted, type, helped, labelsMissing, atStart, grown }: Seen): Finding[] {
  const say = (message: string, what: string): Finding => ({ message, identity: `${what} ${name}` });
  if (type === null) return [say(`${name} is promised, and is not exported`, 'absent')];
  return [
    ...(type === wanted.type ? [] : [say(`${name} is a ${type}, and a ${wanted.type} is promised`, 'type')]),
    ...(helped ? [] : [say(`${name} has no HELP: nobody knows what it counts`, 'help')]),
    ...labelsMissing.map((label) => say(`a series of ${name} has no label ${label}`, `label ${label}`)),
    ...(atStart === false ? [say(`${name} is not there before it first happens: rate() misses that`, 'start')] : []),
    ...(grown !== null && grown <= 0 ? [say(`${name} did not move while that happened which it counts`, 'still')] : []),
  ];
}

function seen(change: Partial<Seen>): Seen {
  return {
    ...{ name: 'orders_total', wanted: { type: 'counter', labels: ['outcome'], items: [], moves: true } },
    ...{ type: 'counter', helped: true, labelsMissing: [], atStart: true, grown: 3 },
    ...change,
  };
}

function facts(change: Partial<Facts>): Facts {
  return { series: 90, seriesMax: 300, promised: [seen({})], unpromised: [], crowded: [], unbounded: [], ...change };
}
