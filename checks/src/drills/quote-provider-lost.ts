import { randomUUID } from 'node:crypto';
import { type Config, partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding } from '../engine/gate.ts';
import { withDatabase } from '../io/database.ts';
import { askExecutableWrites, type Executed, makeExecutableWrites, untilExecuted } from '../io/executed-writes.ts';
import { send } from '../io/http.ts';
import type { InvariantSeen } from '../io/invariants.ts';
import { msUntil } from '../io/until.ts';
import { attemptWrite } from '../io/writes.ts';
import { type Behaviour, type Feed, withFeed } from '../sandbox/quote-feed.ts';
import { scrape } from '../sandbox/scrape.ts';
import { findingsOfInvariants, invariantsNow } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

/** What became of orders while no provider could be believed, in one way. */
interface Loss {
  fault: string;
  /** Requests that the faulty providers got while the fault stood. */
  asked: number;
  /** From the strike until the metric that an alert looks at had moved; null: not in time. */
  alarmedMs: number | null;
  /** Orders that were placed after that, and how many of these were executed while the fault still stood. */
  placed: number;
  refused: (number | null)[];
  executedMeanwhile: number;
  /** How an order was answered that cannot wait for a price. Null: not at all. */
  immediate: { status: number; saysWhy: boolean } | null;
  /** Of all orders since the strike: not executed exactly once after the fault had ended. */
  wrong: Executed[];
  /** Prices of theirs that were not the right one. */
  wrongPrices: string[];
  /** From the end of the fault to the last of these executions. */
  executedAfterMs: number;
}

interface Facts {
  losses: Loss[];
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

const ordersAtTheStrike = 4;
const ordersMeanwhile = 6;
const alarmedWithinMs = 8_000;
/** Two turns of a processor that looks twice a second, and what a busy machine adds. */
const watchedMs = 1_500;
const executedWithinMs = 10_000;
const wrongByBps = -500;
/** Past every patience of the replica. */
const slowMs = 5_000;

export default defineDrill<Facts>({
  id: 'drills/quote-provider-lost',
  severity: 'blocker',
  profile: 'commit',
  // Quotes have to grow old.
  long: true,
  needs: [
    ...(['service', 'database', 'sandbox', 'config:write', 'config:processing', 'config:metrics'] as const),
    ...(['config:marketData', 'config:orders'] as const),
  ],
  covers: ['failover.quotes-lost'],
  unit: 'orders',
  timeoutMs: 90_000,
  why: 'What a provider said last, or says wrongly, looks like a price. An order that is filled at it was filled at a price that nobody made.',
  fix: 'Let a quote price nothing when it is old or contradicted, keep limit orders waiting, refuse what cannot wait and say why, and raise an alarm.',
  source: 'https://www.sec.gov/rules-regulations/2010/11/s7-03-10',

  steadyState: mustBeSteady,

  async strike(context) {
    const { service } = context.sandbox;
    // Beside the replica that asks providers it would go on with the quotes that a sandbox is given once.
    service.signal('SIGTERM');
    await service.ended();
    const losses = await withFeed(context, lostOf(context.config).environment, async (feed) => {
      await settled(context, feed);
      const all: Loss[] = [];
      for (const way of waysOf(feed)) all.push(await lose(context, feed, way));
      return all;
    });
    return {
      examined: losses.reduce((sum, { placed }) => sum + placed + ordersAtTheStrike + 1, 0),
      struckInFlight: losses.reduce((sum, { asked }) => sum + asked, 0),
      facts: { losses, invariants: await invariantsNow(context), rows: losses.map(rowOf) },
    };
  },

  undo: ({ sandbox }) => sandbox.service.start(),

  judge: ({ losses, invariants }) => [...losses.flatMap(findingsOf), ...findingsOfInvariants(invariants)],

  samples: {
    good: [facts({})],
    bad: [
      facts({ asked: 0 }),
      facts({ alarmedMs: null }),
      facts({ refused: [500, null] }),
      facts({ executedMeanwhile: 2 }),
      facts({ immediate: null }),
      facts({ immediate: { status: 201, saysWhy: false } }),
      facts({ immediate: { status: 422, saysWhy: false } }),
      facts({ wrong: [{ id: '1', times: 0 }] }),
      facts({ wrong: [{ id: '1', times: 2 }] }),
      facts({ wrongPrices: ['61750.01'] }),
      { ...facts({}), invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] },
    ],
  },

  /** There is only one provider, which nobody contradicts. */
  async sabotage(sandbox) {
    const part = partOf(sandbox.config, 'marketData');
    const lost = lostOf(sandbox.config);
    const alone = { ...lost, environment: { ...lost.environment, ...part.without.secondProvider } };
    sandbox.config.marketData = { ...part, lost: alone };
    return async () => {
      sandbox.config.marketData = part;
    };
  },
});

interface Way {
  fault: string;
  strike(): void;
  /** Of the providers that it is struck at. */
  asked(): number;
}

function waysOf({ primary, secondary }: Feed): Way[] {
  const both = (behaviour: Behaviour) => () => {
    primary.behaviour = behaviour;
    secondary.behaviour = behaviour;
  };
  const askedBoth = () => primary.askedAtMs.length + secondary.askedAtMs.length;
  return [
    { fault: 'every provider is down', strike: both({ kind: 'refuses' }), asked: askedBoth },
    { fault: 'every provider is slow', strike: both({ kind: 'quotes', afterMs: slowMs }), asked: askedBoth },
    {
      fault: `the first provider is wrong by ${Math.abs(wrongByBps) / 100} %`,
      strike() {
        primary.behaviour = { kind: 'quotes', shiftBps: wrongByBps };
      },
      asked: () => primary.askedAtMs.length,
    },
  ];
}

/** @throws when the configuration promises nothing. */
function lostOf(config: Config) {
  const { lost } = partOf(config, 'marketData');
  if (!lost)
    throw new Error('preflight.config.ts does not describe `marketData.lost`: say what is promised without quotes');
  return lost;
}

/** @throws when no provider of ours prices an order. One order rests from now on: without any, nobody misses a price. */
async function settled(context: Context, feed: Feed): Promise<void> {
  const at = through(context, feed);
  const { accepted, status } = await attemptWrite(at, { idempotencyKey: randomUUID(), writer: 0 });
  if (!accepted) throw new Error(`an order that was to rest was answered ${status ?? 'with nothing'}`);
  const wrong = await untilExecuted(context, await makeExecutableWrites(at, 1), executedWithinMs);
  if (wrong.length > 0 || feed.primary.askedAtMs.length === 0)
    throw new Error('the replica does not price orders by the providers that it was given');
}

function through({ config, target, signal }: Context, { replica }: Feed) {
  const { databaseUrl, credentials } = target;
  return { config, target: { url: replica.url, databaseUrl, credentials }, signal };
}

async function lose(context: Context, feed: Feed, { fault, strike, asked }: Way): Promise<Loss> {
  context.progress(fault);
  const at = through(context, feed);
  const [alarmsBefore, askedBefore] = [await alarms(context, feed), asked()];
  strike();
  const early = await askExecutableWrites(at, ordersAtTheStrike);
  const moved = async () => (await alarms(context, feed)) > alarmsBefore;
  const alarmedMs = await msUntil(context, alarmedWithinMs, moved);
  const { ids, refusals } = await askExecutableWrites(at, ordersMeanwhile);
  const immediate = await askAtOnce(context, feed);
  const executed = await untilExecuted(context, ids, watchedMs);
  const executedMeanwhile = ids.length - executed.filter(({ times }) => times === 0).length;
  const askedMeanwhile = asked() - askedBefore;
  feed.primary.behaviour = { kind: 'quotes' };
  feed.secondary.behaviour = { kind: 'quotes' };
  const endedAt = performance.now();
  const all = [...early.ids, ...ids];
  const wrong = await untilExecuted(context, all, executedWithinMs);
  return {
    ...{ fault, asked: askedMeanwhile, alarmedMs, placed: ids.length, immediate, executedMeanwhile, wrong },
    refused: [...early.refusals, ...refusals],
    executedAfterMs: Math.round(performance.now() - endedAt),
    wrongPrices: await wrongPrices(context, all),
  };
}

async function alarms(context: Context, { replica }: Feed): Promise<number> {
  const { metric, labels } = lostOf(context.config).alarm;
  const families = await scrape(context, replica);
  const samples = families.flatMap((family) => family.samples).filter(({ name }) => name === metric);
  const ours = samples.filter((one) => Object.entries(labels).every(([name, value]) => one.labels[name] === value));
  return ours.reduce((sum, { value }) => sum + value, 0);
}

async function askAtOnce({ config, target, signal }: Context, { replica }: Feed): Promise<Loss['immediate']> {
  const { immediate, refusal } = lostOf(config);
  const headers = { [partOf(config, 'write').idempotencyHeader]: randomUUID() };
  const [key = ''] = target.credentials.writers;
  try {
    const { status, text } = await send(replica.url, immediate, { key, headers, signal });
    return { status, saysWhy: status === refusal.status && text.includes(refusal.says) };
  } catch {
    // No answer is a fact for the judge.
    return null;
  }
}

/** What was executed at another price than the right one. */
async function wrongPrices({ config, target }: Context, ids: readonly string[]): Promise<string[]> {
  const right = Number(partOf(config, 'marketData').ask);
  const { state } = partOf(config, 'orders');
  return withDatabase(target.databaseUrl, async (database) => {
    const prices: string[] = [];
    for (const id of ids) {
      const [row] = await database.query(state, [id]);
      const price = Object.values(row ?? {})[2];
      if (price != null && Number(price) !== right) prices.push(price);
    }
    return prices;
  });
}

function findingsOf(seen: Loss): Finding[] {
  const { fault, placed, executedMeanwhile, immediate, wrong, refused, wrongPrices: prices } = seen;
  const found: (Finding & { when: boolean })[] = [
    {
      when: seen.asked === 0,
      message: `it missed that ${fault}: nobody asked one while it stood`,
      identity: 'missed',
      fix: 'Mend the drill or what it strikes: a fault that nobody notices proves nothing.',
    },
    {
      when: seen.alarmedMs === null,
      message: `the metric that an alert looks at did not move within ${alarmedWithinMs / 1000} s: ${fault}`,
      identity: 'alarm',
      fix: 'Count, by a metric that an alert looks at, each symbol that loses its price while orders wait for it.',
    },
    {
      when: refused.length > 0,
      message: `${refused.length} orders that can wait were not taken: ${fault}: ${refused.map((status) => status ?? 'no answer').join(', ')}`,
      identity: 'not taken',
      fix: 'Take what can wait for its price: only its execution needs a quote.',
    },
    {
      when: executedMeanwhile > 0,
      message: `${executedMeanwhile} of ${placed} orders were executed, by whatever price: ${fault}`,
      identity: 'executed',
    },
    {
      when: immediate === null || !immediate.saysWhy,
      message: `an order that cannot wait for a price was answered ${immediate?.status ?? 'with nothing'} without saying that there is none: ${fault}`,
      identity: 'at once',
    },
    {
      when: prices.length > 0,
      message: `${prices.length} orders were filled at a wrong price, such as ${prices[0]}: ${fault}`,
      identity: 'wrong price',
    },
    {
      when: wrong.length > 0,
      message: `${wrong.length} orders were not executed exactly once within ${executedWithinMs / 1000} s of the end of this: ${fault}`,
      identity: 'not once',
      fix: 'Ask a provider again after a bounded pause, and let what waited go on.',
    },
  ];
  return found
    .filter(({ when }) => when)
    .map(({ when: _, ...finding }) => ({ ...finding, identity: `${fault}: ${finding.identity}` }));
}

function rowOf({ fault, asked, alarmedMs, placed, executedMeanwhile, immediate, ...seen }: Loss): StrikeRow {
  return {
    fault,
    proof: `${asked} requests came to the faulty providers, ${placed} orders waited`,
    bound: `0 executed meanwhile, what cannot wait refused, alarm ≤ ${alarmedWithinMs} ms, each executed once ≤ ${executedWithinMs} ms after`,
    observed: `${executedMeanwhile} executed, ${immediate?.status ?? 'no answer'} for what cannot wait, alarm after ${alarmedMs ?? '–'} ms, ${seen.wrong.length} not once, ${seen.wrongPrices.length} at a wrong price, the last ${seen.executedAfterMs} ms after`,
  };
}

function facts(change: Partial<Loss>): Facts {
  const loss: Loss = {
    ...{ fault: 'every provider is down', asked: 40, alarmedMs: 1_900, placed: 6, refused: [], executedMeanwhile: 0 },
    ...{ immediate: { status: 422, saysWhy: true }, wrong: [], wrongPrices: [], executedAfterMs: 700 },
    ...change,
  };
  return { losses: [loss], invariants: [], rows: [] };
}
