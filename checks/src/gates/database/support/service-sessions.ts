import { randomUUID } from 'node:crypto';
import type { Database } from '../../../io/database.ts';

/** For how long a statement of a role has waited for a lock of somebody else, at most; 0 when none does. */
export async function longestLockWaitMs(database: Database, role: string): Promise<number> {
  const [row] = await database.query(
    `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)) * 1000, 0)::integer AS waited
       FROM pg_stat_activity WHERE datname = current_database() AND usename = $1 AND wait_event_type = 'Lock'`,
    [role],
  );
  return Number(row?.waited);
}

/** Connections of a role to this database, doing something or not. */
export async function sessionsOf(database: Database, role: string): Promise<number> {
  const [row] = await database.query(
    'SELECT count(*) AS sessions FROM pg_stat_activity WHERE datname = current_database() AND usename = $1',
    [role],
  );
  return Number(row?.sessions);
}

/** Sends so many at once, spread over the writers. */
export function burst<T>(
  count: number,
  writers: number,
  send: (writer: number, idempotencyKey: string) => Promise<T>,
): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => send(index % writers, randomUUID())));
}
