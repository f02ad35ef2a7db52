import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding } from '../engine/gate.ts';
import type { InvariantSeen } from '../io/invariants.ts';
import { startProbes } from '../io/probes.ts';
import { type Attempt, storedIds, type WriteTarget } from '../io/writes.ts';
import { startToxicLink } from '../sandbox/toxic-links.ts';
import { acknowledgeRefusals } from './support/acknowledge-refusals.ts';
import { type LoadSeen, writeAtRate, writeSaturated } from './support/open-load.ts';
import {
  badSettled,
  findingsOfInvariants,
  findingsOfSettled,
  invariantsNow,
  type Settled,
  settle,
  settledSample,
} from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

/** One look at the peak, and at twice as much right after it. Rates per second. */
interface Round {
  peak: number;
  offered: number;
  goodput: number;
  attempts: number;
  /** In the middle of it. */
  inFlight: number;
  refused: number;
  withoutRetryAfter: number;
  /** Neither accepted nor 503 nor 429. Null: there was no answer. */
  otherAnswers: (number | null)[];
  slowestRefusedMs: number;
  livenessFailed: number;
}

interface Facts {
  rounds: Round[];
  /** The median of the rounds: of the goodput under overload, by the peak right before it. */
  share: number;
  refusedWithinMs: number;
  settled: Settled;
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

const fault = 'twice as many writes as can be taken';
const times = 2;
const leastShare = 0.8;
/**
 * Three, whatever the first has shown: what else this machine does comes and goes, and the median leaves out the round in which
 * it came or went between the peak and the overload.
 */
const roundsOfIt = 3;
const peakMs = 2_500;
const overloadMs = 3_000;
/** More than one process has connections for, and not so many that they would be refused. */
const peakWriters = 20;
/**
 * Each answer of PostgreSQL comes so much later, as from a machine elsewhere: what can be taken is bounded by the service's own
 * connections then, and not by the processors that it shares with PostgreSQL and with those who write.
 */
const linkLatencyMs = 15;

export default defineDrill<Facts>({
  id: 'drills/overload',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'toxiproxy-server', 'config:write', 'config:outage'],
  covers: ['failover.overload'],
  unit: 'orders',
  long: true,
  measures: true,
  timeoutMs: 150_000,
  why: 'Twice the load that a service can carry comes on the day on which everybody trades. One that lets all of it in answers nobody in time; one that refuses half carries on.',
  fix: 'Refuse at the door, before anything is done for a request, as soon as those who are inside wait too long; answer 503 with Retry-After.',
  source: 'https://sre.google/sre-book/handling-overload/',

  steadyState: mustBeSteady,

  async strike(context) {
    const { sandbox, tools, target, config, signal } = context;
    const link = await startToxicLink(sandbox, tools, sandbox.serviceDatabaseUrl);
    try {
      const replica = await sandbox.startReplica({}, { databaseUrl: link.url });
      try {
        const { databaseUrl, credentials } = target;
        const from = { config, target: { url: replica.url, databaseUrl, credentials }, signal };
        await link.spoil({ type: 'latency', attributes: { latency: linkLatencyMs } });
        // The first writes make connections and compile code: they are no part of a peak.
        await writeSaturated(from, peakWriters, peakMs / 2);
        const before = await storedIds(from);
        const { rounds, attempts } = await overload(context, from);
        await link.heal();
        const facts = {
          rounds,
          share: median(rounds.map(({ goodput, peak }) => goodput / peak)),
          refusedWithinMs: partOf(config, 'outage').answerMs,
          settled: await settle(from, before, attempts),
          invariants: await invariantsNow(context),
        };
        const inFlight = Math.max(...rounds.map((round) => round.inFlight));
        return { examined: attempts.length, struckInFlight: inFlight, facts: { ...facts, rows: [rowOf(facts)] } };
      } finally {
        await replica.close();
      }
    } finally {
      await link.close();
    }
  },

  undo: async () => undefined,

  judge: (facts) => [
    ...findingsOf(facts),
    ...findingsOfSettled(facts.settled, fault),
    ...findingsOfInvariants(facts.invariants),
  ],

  samples: {
    good: [facts({})],
    bad: [
      facts({ rounds: [round({ refused: 0 })] }),
      facts({ share: 0.79 }),
      facts({ rounds: [round({ withoutRetryAfter: 1 })] }),
      facts({ rounds: [round({ otherAnswers: [500, null] })] }),
      facts({ rounds: [round({ slowestRefusedMs: 1_001 })] }),
      facts({ rounds: [round({ livenessFailed: 1 })] }),
      ...badSettled.map((settled) => facts({ settled })),
      facts({ invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] }),
    ],
  },

  /** The same service with nothing that keeps anybody out. */
  async sabotage(sandbox) {
    const { service, poolExhausted } = sandbox.config;
    if (poolExhausted === undefined) return acknowledgeRefusals(sandbox);
    const environment = { ...service.environment, ...poolExhausted.unbounded };
    sandbox.config.service = { ...service, environment };
    return async () => {
      sandbox.config.service = service;
    };
  },
});

async function overload(context: Context, from: WriteTarget): Promise<{ rounds: Round[]; attempts: Attempt[] }> {
  const rounds: Round[] = [];
  const attempts: Attempt[] = [];
  for (let number = 1; number <= roundsOfIt; number += 1) {
    const peak = await writeSaturated(from, peakWriters, peakMs);
    const live = startProbes({ url: from.target.url, path: context.config.service.liveness, signal: from.signal });
    try {
      const offered = Math.round(peak.goodput * times);
      const seen = await writeAtRate(from, offered, overloadMs);
      await live.stop();
      const livenessFailed = live.between(0, performance.now()).filter(({ status }) => status !== 200).length;
      rounds.push({ peak: Math.round(peak.goodput), offered, livenessFailed, ...describe(seen) });
      attempts.push(...peak.attempts, ...seen.attempts);
    } finally {
      await live.stop();
    }
    context.progress(`round ${number} of ${roundsOfIt}: ${JSON.stringify(rounds.at(-1))}`);
  }
  return { rounds, attempts };
}

function describe({
  attempts,
  goodput,
  startedAtMs,
  ms,
}: LoadSeen): Omit<Round, 'peak' | 'offered' | 'livenessFailed'> {
  const refused = attempts.filter(({ status }) => status === 503 || status === 429);
  const middleMs = startedAtMs + ms / 2;
  return {
    goodput: Math.round(goodput),
    attempts: attempts.length,
    inFlight: attempts.filter(({ startedAtMs: from, endedAtMs: to }) => from <= middleMs && to > middleMs).length,
    refused: refused.length,
    withoutRetryAfter: refused.filter(({ retryAfter }) => retryAfter === null).length,
    otherAnswers: attempts
      .filter(({ accepted, status }) => !accepted && status !== 503 && status !== 429)
      .map(({ status }) => status),
    slowestRefusedMs: Math.round(Math.max(0, ...refused.map((one) => one.endedAtMs - one.startedAtMs))),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function findingsOf({ rounds, share, refusedWithinMs }: Facts): Finding[] {
  const sum = (count: (one: Round) => number) => rounds.reduce((total, one) => total + count(one), 0);
  const others = rounds.flatMap(({ otherAnswers }) => otherAnswers);
  const slowest = Math.max(...rounds.map(({ slowestRefusedMs }) => slowestRefusedMs));
  const refused = sum((one) => one.refused);
  const found: (Finding & { when: boolean })[] = [
    {
      when: refused === 0,
      message: `${fault} missed: none of ${sum(({ attempts }) => attempts)} writes was refused`,
      identity: `${fault}: missed`,
      fix: 'Mend the drill, or what bounds the service: if nothing is too much for it, its peak was not found.',
    },
    {
      when: share < leastShare,
      message: `under twice its load it took ${percent(share)} of what it takes at its peak, and ${percent(leastShare)} is promised: ${rounds.map(({ goodput, peak }) => `${goodput} of ${peak}/s`).join(', ')}`,
      identity: `${fault}: goodput`,
    },
    {
      when: sum((one) => one.withoutRetryAfter) > 0,
      message: `${sum((one) => one.withoutRetryAfter)} of ${refused} refusals did not say when to come back`,
      identity: `${fault}: Retry-After`,
      fix: 'Send Retry-After with every refusal that passes by itself.',
    },
    {
      when: others.length > 0,
      message: `${others.length} writes were neither taken nor refused with 503 or 429: ${[...new Set(others)].map((status) => status ?? 'no answer').join(', ')}`,
      identity: `${fault}: other answers`,
      fix: 'Tell overload as 503, and answer every request that was taken.',
    },
    {
      when: slowest > refusedWithinMs,
      message: `a write was refused after ${slowest} ms, and ${refusedWithinMs} ms is promised`,
      identity: `${fault}: late refusal`,
      fix: 'Refuse at the door as soon as those inside wait too long, not whoever has waited in vain.',
    },
    {
      when: sum((one) => one.livenessFailed) > 0,
      message: `${sum((one) => one.livenessFailed)} liveness probes failed under ${fault}`,
      identity: `${fault}: liveness`,
      fix: 'Answer probes before any limit: a busy process that is restarted is a lost one.',
    },
  ];
  return found.filter(({ when }) => when).map(({ when: _, ...finding }) => finding);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function rowOf({ rounds, share, refusedWithinMs, settled }: Omit<Facts, 'invariants' | 'rows'>): StrikeRow {
  const slowest = Math.max(...rounds.map(({ slowestRefusedMs }) => slowestRefusedMs));
  const refused = rounds.map((one) => one.refused).join(', ');
  return {
    fault: `${fault}, in ${rounds.length} rounds`,
    proof: `${rounds.map(({ offered, peak }) => `${offered}/s offered after a peak of ${peak}/s`).join(', ')}; ${refused} refused`,
    bound: `${percent(leastShare)} of the peak, refused ≤ ${refusedWithinMs} ms, 0 lost, 0 twice`,
    observed: `${percent(share)} of the peak, slowest refusal ${slowest} ms, ${settled.lost.length} of ${settled.acknowledged} lost, ${settled.doubled} twice`,
  };
}

function round(change: Partial<Round>): Round {
  return {
    ...{ peak: 100, offered: 200, goodput: 95, attempts: 800, inFlight: 60, refused: 400, withoutRetryAfter: 0 },
    ...{ otherAnswers: [], slowestRefusedMs: 80, livenessFailed: 0 },
    ...change,
  };
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ rounds: [round({})], share: 0.95, refusedWithinMs: 1_000 },
    ...{ settled: settledSample(), invariants: [], rows: [] },
    ...change,
  };
}
