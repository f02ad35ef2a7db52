import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../config.ts';
import { withDatabase } from './database.ts';
import { type Attempt, attemptWrite, type WriteTarget } from './writes.ts';

/** The part of a context that writes are executed with. */
export interface ExecutionTarget extends WriteTarget {
  config: Pick<Config, 'write' | 'processing'>;
}

/** A write, and how often it was executed. */
export interface Executed {
  id: string;
  times: number;
}

const lookEveryMs = 50;

/** What was asked for: the ids of the writes that were accepted, and what the others were answered (null: nothing). */
export interface AskedWrites {
  ids: string[];
  refusals: (number | null)[];
}

const takenWithinMs = 5_000;
const againAfterMs = 100;

/** As a client does who is told to come back (503): with the same key, for as long as that may reasonably take. */
async function writeWithPatience(from: WriteTarget, writer: number): Promise<Attempt> {
  const idempotencyKey = randomUUID();
  const deadline = performance.now() + takenWithinMs;
  for (;;) {
    const attempt = await attemptWrite(from, { idempotencyKey, writer });
    if (attempt.status !== 503 || performance.now() > deadline) return attempt;
    await delay(againAfterMs, undefined, { signal: from.signal });
  }
}

/** Asks for writes that the next cycle executes, one writer after another. */
export async function askExecutableWrites(context: ExecutionTarget, count: number): Promise<AskedWrites> {
  const config = { write: { ...partOf(context.config, 'write'), request: partOf(context.config, 'processing').work } };
  const from = { config, target: context.target, signal: context.signal };
  const writers = context.target.credentials.writers.length;
  const attempts = await Promise.all(Array.from({ length: count }, (_, n) => writeWithPatience(from, n % writers)));
  return {
    ids: attempts.flatMap(({ id }) => (id === null ? [] : [id])),
    refusals: attempts.filter(({ accepted }) => !accepted).map(({ status }) => status),
  };
}

/** The same. @throws when one is not accepted: then there is nothing to look at. */
export async function makeExecutableWrites(context: ExecutionTarget, count: number): Promise<string[]> {
  const { ids, refusals } = await askExecutableWrites(context, count);
  const [status] = refusals;
  if (status !== undefined) throw new Error(`an order that was to be executed was answered ${status ?? 'not at all'}`);
  return ids;
}

/** Waits until each was executed at least once, as long as it may take, and gives those that were not executed exactly once. */
export async function untilExecuted(
  context: ExecutionTarget,
  ids: readonly string[],
  withinMs: number,
): Promise<Executed[]> {
  const deadline = performance.now() + withinMs;
  return withDatabase(context.target.databaseUrl, async (database) => {
    for (;;) {
      const sql = `SELECT id, count(*) AS times FROM (${partOf(context.config, 'processing').effects}) AS e (id) WHERE id = ANY ($1) GROUP BY id`;
      const rows = await database.query(sql, [ids]);
      const times = new Map(rows.map((row) => [row.id, Number(row.times)]));
      const wrong = ids.map((id) => ({ id, times: times.get(id) ?? 0 })).filter((one) => one.times !== 1);
      if (wrong.every((one) => one.times > 0) || performance.now() > deadline) return wrong;
      await delay(lookEveryMs, undefined, { signal: context.signal });
    }
  });
}
