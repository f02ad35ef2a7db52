import { setTimeout as delay } from 'node:timers/promises';
import { type Database, withDatabase } from './database.ts';

export interface HeldWrites {
  databaseUrl: string;
  /** Where the writes come to: what reads it goes on. */
  table: string;
  /** So many have to stand there. */
  count: number;
  signal: AbortSignal;
  /** Default: 10 s. */
  comeWithinMs?: number;
  /** Sets the writes going. Default: they come by themselves. */
  begin?(): Promise<void>;
}

const defaultComeWithinMs = 10_000;
const lookEveryMs = 5;

/**
 * Keeps writes in the middle of their transactions, and strikes in the moment in which they stand there; `strike` is told how
 * many do. Nothing is kept any more when this returns.
 * @throws when they do not come in time.
 */
export function strikeInTheMiddle<T>(held: HeldWrites, strike: (writes: number) => T | Promise<T>): Promise<T> {
  const { databaseUrl, table, count, signal, begin, comeWithinMs = defaultComeWithinMs } = held;
  return withDatabase(databaseUrl, async (database) => {
    await database.query('BEGIN');
    await database.query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
    await begin?.();
    const deadline = performance.now() + comeWithinMs;
    for (;;) {
      const writes = await waitingForUs(database);
      if (writes >= count) return await strike(writes);
      if (performance.now() > deadline)
        throw new Error(`${writes} writes came to ${table} within ${comeWithinMs} ms, and ${count} were waited for`);
      await delay(lookEveryMs, undefined, { signal });
    }
  });
}

async function waitingForUs(database: Database): Promise<number> {
  const [row] = await database.query(
    // Not pg_stat_activity: a transaction sees it as it was at its first look.
    'SELECT count(DISTINCT pid) AS waiting FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))',
  );
  return Number(row?.waiting);
}

/** How many of the rows somebody has locked in this moment. `table` has their ids in its column `id`. */
export async function lockedRows(databaseUrl: string, table: string, ids: readonly string[]): Promise<number> {
  const free = await withDatabase(databaseUrl, (database) =>
    database.query(`SELECT id FROM ${table} WHERE id::text = ANY ($1) FOR UPDATE SKIP LOCKED`, [ids]),
  );
  return ids.length - free.length;
}
