import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../config.ts';
import { withDatabase } from './database.ts';
import { send } from './http.ts';

/** The part of a context that a write is made with. */
export interface WriteTarget {
  config: Pick<Config, 'write'>;
  target: { url: string; databaseUrl: string; credentials: { writers: string[] } };
  signal: AbortSignal;
}

/** One attempt at the configured write. Times are milliseconds since 1970, with fractions. */
export interface Attempt {
  idempotencyKey: string;
  /** Which of the target's writers made it. */
  writer: number;
  startedAtMs: number;
  endedAtMs: number;
  /** Null: there was no answer, so that nobody knows what became of it. */
  status: number | null;
  accepted: boolean;
  /** What was made, as the answer names it. */
  id: string | null;
  /** Of its answer's header. */
  retryAfter: string | null;
}

const answerWithinMs = 5_000;

/** Makes the configured write once, with a key of its own or, for a replay, with an earlier attempt's key and writer. */
export async function attemptWrite(
  from: WriteTarget,
  replayed: { idempotencyKey: string; writer: number },
): Promise<Attempt> {
  const { request, idempotencyHeader, acceptedStatus, idField } = partOf(from.config, 'write');
  const { idempotencyKey, writer } = replayed;
  const startedAtMs = nowMs();
  const outcome = (status: number | null, id: string | null, retryAfter: string | null): Attempt => {
    const accepted = status === acceptedStatus;
    return { idempotencyKey, writer, startedAtMs, endedAtMs: nowMs(), status, accepted, id, retryAfter };
  };
  const key = from.target.credentials.writers[writer] ?? '';
  try {
    const headers = { [idempotencyHeader]: idempotencyKey };
    const {
      status,
      text,
      headers: own,
    } = await send(from.target.url, request, { key, headers, timeoutMs: answerWithinMs });
    return outcome(
      status,
      status === acceptedStatus ? String((JSON.parse(text) as Record<string, unknown>)[idField]) : null,
      own.get('retry-after'),
    );
  } catch {
    // No answer, or one that was cut short: the outcome is unknown, which is a fact for the judge.
    return outcome(null, null, null);
  }
}

/** Writers side by side, each beginning a new write as soon as its last one is answered. */
export interface WriteLoad {
  readonly attempts: readonly Attempt[];
  /** Writes that have begun and are not answered yet. */
  inFlight(): number;
  /** Resolves when `enough` says so of the attempts. @throws when the load has stopped, or was aborted, before. */
  until(enough: (attempts: readonly Attempt[]) => boolean): Promise<void>;
  /** Lets every writer finish its write, and gives all that was attempted. */
  stop(): Promise<readonly Attempt[]>;
}

/** Bounds the load, whatever the code around it does. */
const mostAttempts = 20_000;

/** `pauseMs`: from the answer of a write to its writer's next one. Default: none. `prefix`: of each idempotency key. */
export function startWrites(from: WriteTarget, concurrency: number, { pauseMs = 0, prefix = '' } = {}): WriteLoad {
  const attempts: Attempt[] = [];
  const waiting = new Set<() => void>();
  let [inFlight, begun, stopped] = [0, 0, false];
  const goesOn = () => !stopped && !from.signal.aborted && begun < mostAttempts;
  const write = async (writer: number) => {
    while (goesOn()) {
      begun += 1;
      inFlight += 1;
      attempts.push(await attemptWrite(from, { idempotencyKey: prefix + randomUUID(), writer }));
      inFlight -= 1;
      for (const look of waiting) look();
      if (pauseMs > 0 && goesOn()) await delay(pauseMs);
    }
  };
  const writers = from.target.credentials.writers.length;
  const all = Promise.all(Array.from({ length: concurrency }, (_, index) => write(index % writers)));
  return {
    attempts,
    inFlight: () => inFlight,
    until: (enough) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (enough(attempts)) resolve();
          else if (goesOn()) return;
          else reject(new Error(`the writers stopped after ${attempts.length} attempts, before what was waited for`));
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    async stop() {
      stopped = true;
      await all;
      return attempts;
    },
  };
}

/** Every id that the database holds now. */
export async function storedIds(from: WriteTarget): Promise<Set<string>> {
  const sql = partOf(from.config, 'write').storedIds;
  const rows = await withDatabase(from.target.databaseUrl, (database) => database.query(sql));
  return new Set(rows.map((row) => String(Object.values(row)[0])));
}

/** On the clock of the wall, finer than a millisecond. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
