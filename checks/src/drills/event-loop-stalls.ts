import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding } from '../engine/gate.ts';
import { type Attempt, nowMs, storedIds, type WriteTarget } from '../io/writes.ts';
import type { Replica } from '../sandbox/sandbox.ts';
import { readGauge } from './support/gauge.ts';
import { writeAtRate, writeSaturated } from './support/open-load.ts';
import { badSettled, findingsOfSettled, type Settled, settle, settledSample } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface Facts {
  stalls: number;
  attempts: number;
  /** At the end of the first stall. */
  inFlight: number;
  /** The delay of the event loop as the service told it of this time. */
  delayMs: number;
  /** Refused for that, by the service's own count. */
  shed: number;
  accepted: number;
  refused: number;
  withoutRetryAfter: number;
  /** Neither accepted nor 503. Null: there was no answer. */
  otherAnswers: (number | null)[];
  slowestRefusedMs: number;
  refusedWithinMs: number;
  /** From the end of the last stall to the first write that began after it and was taken; null: not within the bound. */
  takenAgainMs: number | null;
  settled: Settled;
  rows: StrikeRow[];
}

const fault = 'stalls of the event loop';
const stallMs = 150;
/** Of a stall that was as long as it was meant to be, as the service sees it. */
const leastDelayMs = 100;
const stalls = 8;
const betweenStallsMs = 250;
/** Rather more than one process works on at once is piled up by a stall. */
const perSecond = 250;
const beforeMs = 300;
const afterMs = 1_500;
const takenAgainWithinMs = 2_000;
const warmUp = { writers: 8, ms: 1_000 };

export default defineDrill<Facts>({
  id: 'drills/event-loop-stalls',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write', 'config:outage', 'config:metrics', 'config:eventLoop'],
  covers: ['failover.event-loop-stalls'],
  unit: 'orders',
  long: true,
  measures: true,
  timeoutMs: 60_000,
  why: 'A collector that stops the world, a large body, a busy neighbour: for a moment nothing is answered, and then everything at once. Whoever takes all of it in is late for seconds.',
  fix: 'Measure how late the event loop comes round, and while it is late let in only what can be worked on; answer the rest 503 with Retry-After.',
  source: 'https://github.com/fastify/under-pressure',

  steadyState: mustBeSteady,

  async strike(context) {
    const replica = await context.sandbox.startReplica({});
    try {
      const facts = await stall(context, replica);
      return { examined: facts.attempts, struckInFlight: facts.inFlight, facts: { ...facts, rows: [rowOf(facts)] } };
    } finally {
      await replica.close();
    }
  },

  undo: async () => undefined,

  judge: (facts) => [...findingsOf(facts), ...findingsOfSettled(facts.settled, fault)],

  samples: {
    good: [facts({})],
    bad: [
      facts({ delayMs: 99 }),
      facts({ shed: 0 }),
      facts({ refused: 0 }),
      facts({ accepted: 0 }),
      facts({ withoutRetryAfter: 1 }),
      facts({ otherAnswers: [500, null] }),
      facts({ slowestRefusedMs: 1_001 }),
      facts({ takenAgainMs: null }),
      ...badSettled.map((settled) => facts({ settled })),
    ],
  },

  /** The same service without a look at its event loop. */
  async sabotage(sandbox) {
    const { service } = sandbox.config;
    const { unbounded } = partOf(sandbox.config, 'eventLoop');
    sandbox.config.service = { ...service, environment: { ...service.environment, ...unbounded } };
    return async () => {
      sandbox.config.service = service;
    };
  },
});

async function stall(context: Context, replica: Replica): Promise<Omit<Facts, 'rows'>> {
  const { config, target, signal } = context;
  const { databaseUrl, credentials } = target;
  const from: WriteTarget = { config, target: { url: replica.url, databaseUrl, credentials }, signal };
  const scraped = { config, signal, url: replica.url, metricsUrl: replica.metricsUrl };
  const own = partOf(config, 'eventLoop');
  // Connections, and code that is compiled when it first runs, would be stalls of another kind.
  await writeSaturated(from, warmUp.writers, warmUp.ms);
  const before = await storedIds(from);
  const shedBefore = await readGauge(scraped, own.refused);
  await readGauge(scraped, own.delay);
  const lengthMs = beforeMs + stalls * (stallMs + betweenStallsMs) + afterMs;
  const [{ attempts }, struck] = await Promise.all([
    writeAtRate(from, perSecond, lengthMs),
    strikeAll(replica, signal),
  ]);
  return {
    ...{ stalls, attempts: attempts.length, refusedWithinMs: partOf(config, 'outage').answerMs },
    delayMs: Math.round((await readGauge(scraped, own.delay)) * 1_000),
    shed: (await readGauge(scraped, own.refused)) - shedBefore,
    ...describe(attempts, struck),
    settled: await settle(from, before, attempts),
  };
}

interface Struck {
  firstEndMs: number;
  lastEndMs: number;
}

/** The process stands still, again and again, and always goes on. */
async function strikeAll(replica: Replica, signal: AbortSignal): Promise<Struck> {
  const ends: number[] = [];
  await delay(beforeMs, undefined, { signal });
  while (ends.length < stalls) {
    replica.signal('SIGSTOP');
    try {
      await delay(stallMs, undefined, { signal });
      ends.push(nowMs());
    } finally {
      replica.signal('SIGCONT');
    }
    await delay(betweenStallsMs, undefined, { signal });
  }
  return { firstEndMs: ends[0] ?? 0, lastEndMs: ends.at(-1) ?? 0 };
}

function describe(attempts: readonly Attempt[], { firstEndMs, lastEndMs }: Struck) {
  const refused = attempts.filter(({ status }) => status === 503);
  const taken = attempts.filter(({ accepted }) => accepted);
  const again = taken
    .filter(({ startedAtMs }) => startedAtMs >= lastEndMs)
    .map(({ endedAtMs }) => endedAtMs - lastEndMs);
  const takenAgainMs = Math.round(Math.min(...again));
  return {
    inFlight: attempts.filter(({ startedAtMs, endedAtMs }) => startedAtMs <= firstEndMs && endedAtMs > firstEndMs)
      .length,
    accepted: taken.length,
    refused: refused.length,
    withoutRetryAfter: refused.filter(({ retryAfter }) => retryAfter === null).length,
    otherAnswers: attempts.filter(({ accepted, status }) => !accepted && status !== 503).map(({ status }) => status),
    slowestRefusedMs: Math.round(Math.max(0, ...refused.map((one) => one.endedAtMs - one.startedAtMs))),
    takenAgainMs: takenAgainMs <= takenAgainWithinMs ? takenAgainMs : null,
  };
}

function findingsOf(seen: Facts): Finding[] {
  const found: (Finding & { when: boolean })[] = [
    {
      when: seen.delayMs < leastDelayMs,
      message: `${fault} missed: the service tells of a delay of ${seen.delayMs} ms after ${seen.stalls} stalls of ${stallMs} ms`,
      identity: `${fault}: missed`,
      fix: 'Mend the drill or what it strikes: a fault that nobody notices proves nothing.',
    },
    {
      when: seen.shed === 0 || seen.refused === 0,
      message: `none of ${seen.attempts} writes was refused for ${fault}: by its own count ${seen.shed}, and ${seen.refused} were answered 503`,
      identity: `${fault}: nothing shed`,
    },
    {
      when: seen.accepted === 0,
      message: `none of ${seen.attempts} writes was taken during ${fault}`,
      identity: `${fault}: nothing taken`,
      fix: 'Refuse what is beyond what can be worked on, and not everything.',
    },
    {
      when: seen.withoutRetryAfter > 0,
      message: `${seen.withoutRetryAfter} of ${seen.refused} refusals did not say when to come back`,
      identity: `${fault}: Retry-After`,
      fix: 'Send Retry-After with every refusal that passes by itself.',
    },
    {
      when: seen.otherAnswers.length > 0,
      message: `${seen.otherAnswers.length} writes were neither taken nor refused with 503: ${[...new Set(seen.otherAnswers)].map((status) => status ?? 'no answer').join(', ')}`,
      identity: `${fault}: other answers`,
      fix: 'Answer every request that was taken, and tell what passes by itself as 503.',
    },
    {
      when: seen.slowestRefusedMs > seen.refusedWithinMs,
      message: `a write was refused after ${seen.slowestRefusedMs} ms, and ${seen.refusedWithinMs} ms is promised`,
      identity: `${fault}: late refusal`,
      fix: 'Refuse at the door, before anything is done for the request.',
    },
    {
      when: seen.takenAgainMs === null,
      message: `no write that began after the last of ${fault} was taken within ${takenAgainWithinMs} ms`,
      identity: `${fault}: recovery`,
      fix: 'Let everybody in again as soon as the loop comes round in time.',
    },
  ];
  return found.filter(({ when }) => when).map(({ when: _, ...finding }) => finding);
}

function rowOf(seen: Omit<Facts, 'rows'>): StrikeRow {
  return {
    fault: `${seen.stalls} stalls of ${stallMs} ms at ${perSecond} writes a second`,
    proof: `the service tells of a delay of ${seen.delayMs} ms; ${seen.inFlight} writes in flight`,
    bound: `sheds, refused ≤ ${seen.refusedWithinMs} ms, taken again ≤ ${takenAgainWithinMs} ms, 0 lost, 0 twice`,
    observed: `${seen.shed} of ${seen.attempts} shed, slowest refusal ${seen.slowestRefusedMs} ms, taken again after ${seen.takenAgainMs ?? '–'} ms, ${seen.settled.lost.length} of ${seen.settled.acknowledged} lost, ${seen.settled.doubled} twice`,
  };
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{
      stalls,
      attempts: 900,
      inFlight: 25,
      delayMs: 155,
      shed: 90,
      accepted: 800,
      refused: 100,
      withoutRetryAfter: 0,
    },
    ...{ otherAnswers: [], slowestRefusedMs: 200, refusedWithinMs: 1_000, takenAgainMs: 20 },
    ...{ settled: settledSample(), rows: [] },
    ...change,
  };
}
