import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Attempt, attemptWrite, startWrites, type WriteTarget } from '../../io/writes.ts';

/** Writes of some time, and what came of them. */
export interface LoadSeen {
  attempts: readonly Attempt[];
  /** When it began, and for how long writes were begun. */
  startedAtMs: number;
  ms: number;
  /** Accepted within that time, per second. */
  goodput: number;
}

const tickMs = 5;
/** Bounds the load, whatever is asked for. */
const mostWrites = 20_000;

/** As many writers as this, each beginning its next write when the last is answered: what is taken so is all that can be. */
export async function writeSaturated(from: WriteTarget, writers: number, ms: number): Promise<LoadSeen> {
  const load = startWrites(from, writers);
  const startedAtMs = performance.timeOrigin + performance.now();
  await delay(ms, undefined, { signal: from.signal });
  return seen(await load.stop(), startedAtMs, ms);
}

/**
 * Writes that begin at a fixed rate, whether or not the earlier ones have been answered. Those whose moment has passed while this
 * process was kept from its processor begin at once, so that no slowness of anybody makes the load smaller.
 */
export async function writeAtRate(from: WriteTarget, perSecond: number, ms: number): Promise<LoadSeen> {
  const wanted = Math.min(mostWrites, Math.round((perSecond * ms) / 1_000));
  const { writers } = from.target.credentials;
  const [startedAt, startedAtMs] = [performance.now(), performance.timeOrigin + performance.now()];
  const attempts: Promise<Attempt>[] = [];
  while (attempts.length < wanted) {
    const due = Math.min(wanted, ((performance.now() - startedAt) * perSecond) / 1_000);
    while (attempts.length < due) {
      attempts.push(attemptWrite(from, { idempotencyKey: randomUUID(), writer: attempts.length % writers.length }));
    }
    await delay(tickMs, undefined, { signal: from.signal });
  }
  return seen(await Promise.all(attempts), startedAtMs, ms);
}

function seen(attempts: readonly Attempt[], startedAtMs: number, ms: number): LoadSeen {
  const inTime = attempts.filter(({ accepted, endedAtMs }) => accepted && endedAtMs <= startedAtMs + ms);
  return { attempts, startedAtMs, ms, goodput: (inTime.length * 1_000) / ms };
}
