import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../../../engine/context.ts';
import { type Attempt, attemptWrite, type WriteTarget } from '../../../io/writes.ts';

/** The configured write against another process of the service. */
export function writesTo(context: Context, url: string): WriteTarget {
  const { databaseUrl, credentials } = context.sandbox;
  return { config: context.config, signal: context.signal, target: { url, databaseUrl, credentials } };
}

/** So many writes, as fast as `atOnce` writers get them answered. */
export async function writeMany(from: WriteTarget, count: number, atOnce: number): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  let begun = 0;
  const write = async (writer: number) => {
    while (begun < count && !from.signal.aborted) {
      begun += 1;
      attempts.push(await attemptWrite(from, { idempotencyKey: randomUUID(), writer }));
    }
  };
  const writers = from.target.credentials.writers.length;
  await Promise.all(Array.from({ length: atOnce }, (_, index) => write(index % writers)));
  return attempts;
}

/** Writes that begin at a fixed rate, whether or not the earlier ones have been answered. */
export async function writePaced(from: WriteTarget, perSecond: number, seconds: number): Promise<Attempt[]> {
  const { writers } = from.target.credentials;
  const startedAt = performance.now();
  const attempts: Promise<Attempt>[] = [];
  // One timer at a time: to set up tens of thousands, each with its listener for the signal, took longer than they were apart.
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const dueInMs = startedAt + (index * 1_000) / perSecond - performance.now();
    if (dueInMs > 0) await delay(dueInMs, undefined, { signal: from.signal });
    attempts.push(attemptWrite(from, { idempotencyKey: randomUUID(), writer: index % writers.length }));
  }
  return Promise.all(attempts);
}
