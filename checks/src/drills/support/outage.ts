import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../../engine/context.ts';
import type { Finding } from '../../engine/gate.ts';
import { type Probe, startProbes } from '../../io/probes.ts';
import { type Attempt, nowMs, startWrites, storedIds } from '../../io/writes.ts';
import { badSettled, findingsOfSettled, type Settled, settle, settledSample } from './settle.ts';
import type { StrikeRow } from './strike-row.ts';

/** What is promised of a service while something that it needs is gone. */
export interface OutageBounds {
  /** Of a write that begins while the fault stands, from its beginning to its answer; a fault that only slows has one too. */
  answerMs: number;
  /** Of a write that was in flight when the fault struck, from the strike to its answer. */
  inFlightMs: number;
  /** From the strike until readiness says so. Null: it may stay ready. */
  notReadyMs: number | null;
  /** From the end of the fault to the first write that is taken. */
  writesAgainMs: number;
  /** The fault refuses writes while it stands: if it refuses none, it has missed. */
  refuses: boolean;
}

export interface Outage {
  fault: string;
  /** Of the process that is asked. Default: the target's. */
  url?: string;
  strike(): Promise<void>;
  /** The moment from which on the fault stood, by {@link nowMs}, of a strike that takes a while. Default: when it began. */
  stoodFromMs?(): number;
  /** What the strike has hit by its own count, once it has struck. Default: what was in flight, and what was refused. */
  hit?(): string;
  /** Ends the fault. */
  end(): Promise<void>;
  /** After `end`: when it was over, by {@link nowMs}, if that was before `end` returned. */
  overAtMs?(): number | undefined;
  standsMs: number;
  bounds: OutageBounds;
  /** Default: 8 writers that pause for 50 ms. */
  load?: { writers: number; pauseMs: number };
}

export interface OutageSeen {
  fault: string;
  bounds: OutageBounds;
  standsMs: number;
  attempts: number;
  /** When the fault struck. */
  inFlight: number;
  hit?: string;
  /** From the strike to its end: refused with 503, and those of them that did not say when to come back. */
  refused: number;
  withoutRetryAfter: number;
  /** Neither accepted nor 503. Null: there was no answer. */
  otherAnswers: (number | null)[];
  slowestMs: number;
  /** Of those that were refused, begun while it stood. */
  slowestRefusedMs: number;
  slowestInFlightMs: number;
  livenessProbes: number;
  livenessFailed: number;
  /** Null: it stayed ready. */
  notReadyMs: number | null;
  /** Null: no write was taken within the bound. */
  writesAgainMs: number | null;
  settled: Settled;
}

/** The pause is between the writes of one writer, so that refusals are not asked for by the thousand. */
const usualLoad = { writers: 8, pauseMs: 50 };
const warmUpWrites = 24;
const steadyAnswerMs = 1_000;

/** Writes, strikes, watches writes and both probes, ends the fault, waits for the first write, and settles all of them. */
export async function seeOutage(context: Context, outage: Outage): Promise<OutageSeen> {
  const { config, signal, progress } = context;
  progress(outage.fault);
  const url = outage.url ?? context.target.url;
  const from = { config, target: { ...targetOf(context), url }, signal };
  const before = await storedIds(from);
  const { writers, pauseMs } = outage.load ?? usualLoad;
  const load = startWrites(from, writers, { pauseMs });
  const live = startProbes({ url, path: config.service.liveness, signal, timeoutMs: steadyAnswerMs });
  const ready = startProbes({ url, path: config.service.readiness, signal });
  try {
    await load.until((all) => all.filter(({ accepted }) => accepted).length >= warmUpWrites && load.inFlight() > 0);
    const inFlight = load.inFlight();
    const beganAtMs = nowMs();
    const [struckAt] = [performance.now()];
    await outage.strike();
    const struckAtMs = outage.stoodFromMs?.() ?? beganAtMs;
    await delay(outage.standsMs, undefined, { signal });
    const endingAtMs = nowMs();
    const endingAt = performance.now();
    await outage.end();
    const endedAtMs = outage.overAtMs?.() ?? nowMs();
    const isBack = ({ accepted, startedAtMs }: Attempt) => accepted && startedAtMs >= endingAtMs;
    await untilBack(load, isBack, endedAtMs + outage.bounds.writesAgainMs);
    await Promise.all([live.stop(), ready.stop()]);
    const attempts = await load.stop();
    const back = attempts.find(isBack);
    const writesAgainMs = back ? Math.max(0, Math.round(back.endedAtMs - endedAtMs)) : null;
    return {
      ...describe(attempts, struckAtMs, endingAtMs),
      ...probed(live.between(struckAt, endingAt), ready.between(struckAt, endingAt), struckAt),
      ...{ fault: outage.fault, bounds: outage.bounds, standsMs: outage.standsMs, inFlight, writesAgainMs },
      ...(outage.hit ? { hit: outage.hit() } : {}),
      settled: await settle(from, before, attempts),
    };
  } finally {
    await Promise.all([live.stop(), ready.stop(), load.stop()]);
  }
}

function targetOf({ target }: Context) {
  return { databaseUrl: target.databaseUrl, credentials: target.credentials };
}

async function untilBack(
  load: ReturnType<typeof startWrites>,
  isBack: (attempt: Attempt) => boolean,
  deadlineMs: number,
): Promise<void> {
  await load.until((attempts) => attempts.some(isBack) || nowMs() > deadlineMs);
}

function describe(attempts: readonly Attempt[], struckAtMs: number, endingAtMs: number) {
  const whileItStood = attempts.filter(({ startedAtMs }) => startedAtMs >= struckAtMs && startedAtMs < endingAtMs);
  const inFlight = attempts.filter(({ startedAtMs, endedAtMs }) => startedAtMs < struckAtMs && endedAtMs >= struckAtMs);
  const touched = [...inFlight, ...whileItStood];
  const refused = touched.filter(({ status }) => status === 503);
  return {
    attempts: attempts.length,
    refused: refused.length,
    withoutRetryAfter: refused.filter(({ retryAfter }) => retryAfter === null).length,
    otherAnswers: touched.filter(({ accepted, status }) => !accepted && status !== 503).map(({ status }) => status),
    slowestMs: longest(whileItStood.map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs)),
    slowestRefusedMs: longest(
      whileItStood.filter(({ status }) => status === 503).map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs),
    ),
    slowestInFlightMs: longest(inFlight.map(({ endedAtMs }) => endedAtMs - struckAtMs)),
  };
}

function probed(live: readonly Probe[], ready: readonly Probe[], struckAt: number) {
  const notReady = ready.find(({ status, endedAtMs }) => status === 503 && endedAtMs >= struckAt);
  return {
    livenessProbes: live.length,
    livenessFailed: live.filter(({ status }) => status !== 200).length,
    notReadyMs: notReady ? Math.round(notReady.endedAtMs - struckAt) : null,
  };
}

function longest(times: readonly number[]): number {
  return Math.round(Math.max(0, ...times));
}

/** The same of every outage: refused cleanly and in time, alive, back in time, nothing lost and nothing twice. */
export function findingsOfOutage(seen: OutageSeen): Finding[] {
  const { fault, bounds } = seen;
  const found: (Finding & { when: boolean })[] = [
    {
      when: bounds.refuses && seen.refused === 0,
      message: `${fault} missed: none of ${seen.attempts} writes was refused while it stood`,
      identity: `${fault}: missed`,
      fix: 'Mend the drill or what it strikes: a fault that nobody notices proves nothing.',
    },
    {
      when: seen.livenessProbes === 0 || seen.livenessFailed > 0,
      message: `${seen.livenessFailed} of ${seen.livenessProbes} liveness probes failed during ${fault}`,
      identity: `${fault}: liveness`,
      fix: 'Liveness answers for the process alone: a dependency that is gone must not get it restarted.',
    },
    {
      when: seen.withoutRetryAfter > 0,
      message: `${seen.withoutRetryAfter} of ${seen.refused} refusals during ${fault} did not say when to come back`,
      identity: `${fault}: Retry-After`,
      fix: 'Send Retry-After with every 503 that passes by itself.',
    },
    {
      when: seen.otherAnswers.length > 0,
      message: `${seen.otherAnswers.length} writes were answered with neither acceptance nor 503 during ${fault}: ${spoken(seen.otherAnswers)}`,
      identity: `${fault}: other answers`,
      fix: 'Tell what passes by itself as 503, and answer every request that was taken.',
    },
    ...late(seen),
  ];
  const findings = found.filter(({ when }) => when).map(({ when: _, ...finding }) => finding);
  return [...findings, ...findingsOfSettled(seen.settled, fault)];
}

function late({ fault, bounds, ...seen }: OutageSeen): (Finding & { when: boolean })[] {
  return [
    {
      when: seen.slowestMs > bounds.answerMs,
      message: `a write during ${fault} was answered after ${seen.slowestMs} ms, and ${bounds.answerMs} ms is promised`,
      identity: `${fault}: slow answer`,
      fix: 'Bound every wait for the dependency, and refuse at once while it is known to be gone.',
    },
    {
      when: seen.slowestInFlightMs > bounds.inFlightMs,
      message: `a write in flight was answered ${seen.slowestInFlightMs} ms after ${fault} struck, and ${bounds.inFlightMs} ms is promised`,
      identity: `${fault}: slow in flight`,
      fix: 'Bound statements and connections on the client’s side too.',
    },
    {
      when: bounds.notReadyMs !== null && !(seen.notReadyMs !== null && seen.notReadyMs <= bounds.notReadyMs),
      message: `readiness did not say 503 within ${bounds.notReadyMs} ms of ${fault}`,
      identity: `${fault}: readiness`,
      fix: 'Readiness asks what the service cannot work without, with a timeout of its own.',
    },
    {
      when: seen.writesAgainMs === null || seen.writesAgainMs > bounds.writesAgainMs,
      message: `no write was taken within ${bounds.writesAgainMs} ms of the end of ${fault}`,
      identity: `${fault}: recovery`,
      fix: 'Bound the back-off of reconnecting, and drop connections that are dead.',
    },
  ];
}

function spoken(answers: readonly (number | null)[]): string {
  return [...new Set(answers.map((status) => String(status ?? 'no answer')))].join(', ');
}

export function rowOfOutage({ fault, bounds, settled, ...seen }: OutageSeen): StrikeRow {
  const ready = bounds.notReadyMs === null ? '' : `, not ready ≤ ${bounds.notReadyMs} ms`;
  return {
    fault,
    proof: [`${seen.inFlight} writes in flight`, seen.hit, `${seen.refused} refused while it stood`]
      .filter((part) => part !== undefined)
      .join(', '),
    bound: `answers ≤ ${bounds.answerMs} ms${ready}, writes again ≤ ${bounds.writesAgainMs} ms, 0 lost, 0 twice`,
    observed: `slowest ${seen.slowestMs} ms, not ready after ${seen.notReadyMs ?? '–'} ms, writes again after ${seen.writesAgainMs ?? '–'} ms, ${settled.lost.length} of ${settled.acknowledged} lost, ${settled.doubled} twice`,
  };
}

/** For samples: all as promised, unless the change says otherwise. */
export function outageSample(change: Partial<OutageSeen> = {}): OutageSeen {
  return {
    ...{ fault: 'a stop', standsMs: 1_000, attempts: 300, inFlight: 8, refused: 120, withoutRetryAfter: 0 },
    ...{
      otherAnswers: [],
      slowestMs: 40,
      slowestRefusedMs: 40,
      slowestInFlightMs: 20,
      livenessProbes: 40,
      livenessFailed: 0,
    },
    ...{ notReadyMs: 30, writesAgainMs: 400, settled: settledSample() },
    bounds: { answerMs: 1_000, inFlightMs: 3_000, notReadyMs: 5_000, writesAgainMs: 10_000, refuses: true },
    ...change,
  };
}

/** Each fault of {@link findingsOfOutage}, once. */
export const badOutages: readonly OutageSeen[] = [
  outageSample({ refused: 0 }),
  outageSample({ livenessProbes: 0 }),
  outageSample({ livenessFailed: 1 }),
  outageSample({ withoutRetryAfter: 1 }),
  outageSample({ otherAnswers: [500, null] }),
  outageSample({ slowestMs: 1_001 }),
  outageSample({ slowestInFlightMs: 3_001 }),
  outageSample({ notReadyMs: null }),
  outageSample({ notReadyMs: 5_001 }),
  outageSample({ writesAgainMs: null }),
  outageSample({ writesAgainMs: 10_001 }),
  ...badSettled.map((settled) => outageSample({ settled })),
];
