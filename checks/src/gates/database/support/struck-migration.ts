import { setTimeout as delay } from 'node:timers/promises';
import { type Database, withDatabase } from '../../../io/database.ts';
import type { ExecResult } from '../../../io/exec.ts';
import { fromUserRelations, qualifiedName } from './user-tables.ts';

/**
 * What a migration is made to wait for, so that it is in the middle when it is struck. `tables`: a transaction that writes to
 * every table is open, and the books are kept from it. `books`: these alone, so that all of it is done and nothing is entered.
 */
export type Obstacle = 'tables' | 'books';

export interface Strike {
  obstacle: Obstacle;
  /** What it waited for when it was struck: a relation, or a transaction. */
  waitedFor: string;
  /** It had written something that was not committed, or had committed some of its changes. */
  hadBegun: boolean;
}

const pollMs = 5;
const goneWithinMs = 10_000;

/**
 * Whoever waits for the session with that number. Who asks for an ACCESS EXCLUSIVE lock is given a transaction id beforehand: that
 * one tells that something was written only where other locks do, too.
 */
const waitingSql = `
  SELECT a.pid, coalesce(w.relation::regclass::text, w.locktype) AS what,
         a.backend_xid IS NOT NULL AND (w.mode <> 'AccessExclusiveLock' OR EXISTS (
           SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'
              AND l.mode NOT IN ('AccessShareLock', 'RowShareLock'))) AS wrote
    FROM pg_stat_activity AS a JOIN pg_locks AS w ON w.pid = a.pid AND NOT w.granted
   WHERE a.datname = current_database() AND $1::integer = ANY (pg_blocking_pids(a.pid)) LIMIT 1`;

/** Changes with every committed change of what there is: of relations, columns, constraints, functions and triggers. */
const catalogSql = `
  SELECT sum(hashtextextended(each, 0)) AS hash FROM (
    SELECT 'c' || oid || xmin FROM pg_class WHERE relkind <> 't' UNION ALL SELECT 'a' || attrelid || attnum || xmin FROM pg_attribute
    UNION ALL SELECT 'k' || oid || xmin FROM pg_constraint UNION ALL SELECT 'p' || oid || xmin FROM pg_proc
    UNION ALL SELECT 't' || oid || xmin FROM pg_trigger UNION ALL SELECT 'i' || indexrelid || xmin FROM pg_index) AS seen (each)`;

const toolsSql = `FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
  AND pid <> pg_backend_pid() AND pid <> $1::integer`;

const tablesSql = `SELECT ${qualifiedName} AS name ${fromUserRelations} AND relation.relkind IN ('r', 'p')
   AND relation.oid IS DISTINCT FROM to_regclass($1)`;

/**
 * Starts the migration tool, kills it and the session that it has when it waits for the obstacle, and takes the obstacle away.
 * `run` gets the signal that kills the tool with all its children.
 * @throws when it ends before it has come to the obstacle: then nothing was struck.
 */
export async function strikeMigration(
  url: string,
  bookkeeping: string,
  obstacle: Obstacle,
  run: (kill: AbortSignal) => Promise<ExecResult>,
): Promise<Strike> {
  return withDatabase(url, (monitor) =>
    withDatabase(url, async (holder) => {
      const before = await catalog(monitor);
      const [{ pid: ownPid = '' } = {}] = await holder.query('SELECT pg_backend_pid() AS pid');
      await obstruct(holder, bookkeeping, obstacle);
      const kill = new AbortController();
      let end: string | undefined;
      const ended = run(kill.signal).then(
        ({ code, stderr }) => {
          end = `exit code ${code}${stderr === '' ? '' : `: ${stderr.trim()}`}`;
        },
        (error: Error) => {
          end = error.message;
        },
      );
      try {
        const waiting = await untilItWaits(monitor, ownPid ?? '', () => end);
        kill.abort(new Error('struck'));
        await ended;
        await endSessions(monitor, ownPid ?? '');
        const hadBegun = waiting.wrote === 't' || (await catalog(monitor)) !== before;
        return { obstacle, waitedFor: waiting.what ?? 'a transaction', hadBegun };
      } finally {
        kill.abort(new Error('it was not struck'));
        await ended;
        await holder.query('ROLLBACK');
      }
    }),
  );
}

async function obstruct(holder: Database, bookkeeping: string, obstacle: Obstacle): Promise<void> {
  await holder.query('BEGIN');
  const [books] = await holder.query('SELECT to_regclass($1)::text AS name', [bookkeeping]);
  if (!books?.name) throw new Error(`there is no table ${bookkeeping} yet that a migration could be made to wait for`);
  if (obstacle === 'tables') {
    for (const { name } of await holder.query(tablesSql, [bookkeeping])) {
      await holder.query(`LOCK TABLE ${name} IN ROW EXCLUSIVE MODE`);
    }
  }
  // The tool may read what is in its books, and not write to them.
  await holder.query(`LOCK TABLE ${books.name} IN SHARE MODE`);
}

async function untilItWaits(monitor: Database, ownPid: string, ended: () => string | undefined) {
  for (;;) {
    const [waiting] = await monitor.query(waitingSql, [ownPid]);
    if (waiting) return waiting;
    const end = ended();
    if (end !== undefined) throw new Error(`the migration tool was not struck, it ended before: ${end}`);
    await delay(pollMs);
  }
}

/** A session whose client was killed learns of it only when it next has something to say. */
async function endSessions(monitor: Database, ownPid: string): Promise<void> {
  const deadline = performance.now() + goneWithinMs;
  for (;;) {
    const left = await monitor.query(`SELECT pg_terminate_backend(pid) ${toolsSql}`, [ownPid]);
    if (left.length === 0) return;
    if (performance.now() > deadline)
      throw new Error(`a killed tool's session is still there after ${goneWithinMs} ms`);
    await delay(pollMs);
  }
}

async function catalog(monitor: Database): Promise<string | null | undefined> {
  const [row] = await monitor.query(catalogSql);
  return row?.hash;
}
