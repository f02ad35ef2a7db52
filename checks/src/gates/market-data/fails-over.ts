import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { msUntil } from '../../io/until.ts';
import { type Behaviour, type Feed, sourceNow, withFeed } from '../../sandbox/quote-feed.ts';
import { scrape } from '../../sandbox/scrape.ts';

interface Tried {
  fault: string;
  /** Until the second provider's quotes priced orders; null: not in time. */
  failedOverMs: number | null;
  /** Until the first one's did again, after it had recovered; null: not in time. */
  recoveredMs: number | null;
  /** How often the first was asked after it had said how long to leave it alone, within that time. */
  askedWhileLimited: number;
}

interface Facts {
  tried: Tried[];
  /** After all that: whom the replica counts requests of, and what became of these. */
  counter: string;
  counted: { provider: string; outcome: string }[];
}

/** Two providers were asked, and the first one has answered and failed. */
const fewestProviders = 2;
const fewestOutcomes = 2;

const sampleCounted: Facts['counted'] = ['first', 'second'].flatMap((provider) =>
  ['quoted', 'failed'].map((outcome) => ({ provider, outcome })),
);

const retryAfterSeconds = 1;
const faults: readonly [string, Behaviour][] = [
  ['refuses', { kind: 'refuses' }],
  ['does not answer', { kind: 'silent' }],
  ['limits the rate', { kind: 'limits', retryAfterSeconds }],
];
const withinMs = 8_000;

export default defineGate<Facts>({
  id: 'market-data/fails-over',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:marketData', 'config:metrics'],
  resources: ['quotes'],
  timeoutMs: 90_000,
  covers: [
    'market-data.rate-limit-handled',
    'market-data.failover.tested',
    'market-data.second-provider',
    'market-data.failover',
    'market-data.quota-watched',
    'metrics.market-data-failover',
  ],
  unit: 'faults of a provider',
  why: 'A provider is down, slow or out of patience every week; without a second one all orders wait for it, or are priced by what it said last.',
  fix: 'Ask a second provider side by side with a timeout for each, and honour Retry-After.',
  source: 'https://www.rfc-editor.org/rfc/rfc9110#field.retry-after',

  async observe(context) {
    const { requests } = partOf(context.config, 'marketData');
    const facts = await withFeed(context, {}, async (feed): Promise<Facts> => {
      const first = await settledSource(context, feed);
      const all: Tried[] = [];
      for (const [fault, behaviour] of faults) all.push(await strike(context, feed, { fault, behaviour, first }));
      const families = await scrape(context, feed.replica);
      const series = families.filter(({ name }) => name === requests.counter).flatMap(({ samples }) => samples);
      const counted = series.map(({ labels }) => ({
        provider: labels[requests.provider] ?? '',
        outcome: labels[requests.outcome] ?? '',
      }));
      return { tried: all, counter: requests.counter, counted };
    });
    return { examined: facts.tried.length, facts };
  },

  judge: ({ tried, counter, counted }) => [...tried.flatMap(judgeTried), ...judgeCounted(counter, counted)],

  samples: {
    good: [facts({})],
    bad: [
      { ...facts({}), counted: [] },
      { ...facts({}), counted: sampleCounted.filter(({ provider }) => provider === 'first') },
      { ...facts({}), counted: sampleCounted.map((each) => ({ ...each, outcome: 'quoted' })) },
      facts({ failedOverMs: null }),
      facts({ recoveredMs: null }),
      facts({ askedWhileLimited: 3 }),
    ],
  },

  /** There is only one provider, after all. */
  async sabotage(sandbox) {
    const part = partOf(sandbox.config, 'marketData');
    sandbox.config.marketData = { ...part, environment: { ...part.environment, ...part.without.secondProvider } };
    return async () => {
      sandbox.config.marketData = part;
    };
  },
});

/** @throws when no provider of ours is asked, or none of them prices anything: then there is nothing to look at. */
async function settledSource(context: Context, { primary }: Feed): Promise<string> {
  const asked = await msUntil(context, withinMs, () => primary.askedAtMs.length >= 3);
  const source = await sourceNow(context);
  if (asked === null || source === null) throw new Error('the replica does not ask the provider that it was given');
  return source;
}

async function strike(
  context: Context,
  { primary }: Feed,
  { fault, behaviour, first }: { fault: string; behaviour: Behaviour; first: string },
): Promise<Tried> {
  primary.behaviour = behaviour;
  const before = primary.askedAtMs.length;
  const failedOverMs = await msUntil(context, withinMs, async () => {
    const source = await sourceNow(context);
    return source !== null && source !== first;
  });
  const limitedAt = primary.askedAtMs[before];
  const askedWhileLimited =
    behaviour.kind === 'limits' && limitedAt !== undefined
      ? await askedAgain(context, primary.askedAtMs, limitedAt)
      : 0;
  primary.behaviour = { kind: 'quotes' };
  const recoveredMs = await msUntil(context, withinMs, async () => (await sourceNow(context)) === first);
  return { fault, failedOverMs, recoveredMs, askedWhileLimited };
}

/** Most of the time that was asked for: clocks and timers may differ at its end. */
const heldShare = 0.8;

async function askedAgain(context: Context, askedAtMs: readonly number[], limitedAt: number): Promise<number> {
  const until = limitedAt + retryAfterSeconds * 1_000 * heldShare;
  await msUntil(context, retryAfterSeconds * 1_000, () => performance.now() > until);
  return askedAtMs.filter((at) => at > limitedAt && at < until).length;
}

function judgeTried({ fault, failedOverMs, recoveredMs, askedWhileLimited }: Tried): Finding[] {
  const finding = (what: string, message: string): Finding => ({ message, identity: `${fault} ${what}` });
  const seconds = withinMs / 1_000;
  return [
    ...(failedOverMs === null
      ? [finding('over', `the first provider ${fault}, and no other priced anything within ${seconds} s`)]
      : []),
    ...(recoveredMs === null
      ? [finding('back', `the first provider, which had failed (${fault}), was not believed again within ${seconds} s`)]
      : []),
    ...(askedWhileLimited > 0
      ? [finding('limited', `a provider that asked to be left alone was asked ${askedWhileLimited} times meanwhile`)]
      : []),
  ];
}

/** What nobody counts is seen nowhere while the second one prices. */
function judgeCounted(counter: string, counted: Facts['counted']): Finding[] {
  const distinct = (values: string[]) => new Set(values.filter((value) => value !== '')).size;
  const providers = distinct(counted.map(({ provider }) => provider));
  const outcomes = distinct(counted.map(({ outcome }) => outcome));
  if (providers >= fewestProviders && outcomes >= fewestOutcomes) return [];
  const message = `${counter} tells of ${providers} providers and ${outcomes} outcomes, after two were asked and one had failed`;
  return [{ message, identity: 'counted', fix: 'Count each request by its provider and by what became of it.' }];
}

function facts(change: Partial<Tried>): Facts {
  return {
    counter: 'quotes_total',
    counted: sampleCounted,
    tried: [{ fault: 'refuses', failedOverMs: 80, recoveredMs: 120, askedWhileLimited: 0, ...change }],
  };
}
