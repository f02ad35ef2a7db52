import { setTimeout as delay } from 'node:timers/promises';
import { type Database, type Row, withDatabase } from '../../../io/database.ts';
import type { ExecResult } from '../../../io/exec.ts';
import type { SteadyWriters, WrittenTable } from './steady-writers.ts';

/** What a step of a migration did to a table that is written to. */
export interface TableUnderStep {
  table: string;
  rows: number;
  /** The strongest lock that it held on the table and that no writer can share; `row` for rows that it had changed. Null: none. */
  mode: string | null;
  /** For how long a writer waited for it at the longest. */
  blockedMs: number;
  /** Rows that it read one after the other: as many as there are, and it has looked at the whole table. */
  rowsRead: number;
}

export interface WatchedStep {
  result: ExecResult;
  /** Writes that were finished while it ran. */
  writes: number;
  deadlocks: number;
  /**
   * Whether it was made to wait at the end, before it entered itself in the books: then every lock of its transaction was seen.
   * Otherwise those were that it held when it was looked at.
   */
  heldAtTheEnd: boolean;
  /** The tables that it locked against writers and that are still there. */
  tables: TableUnderStep[];
}

/** Modes that no writer's ROW EXCLUSIVE goes with, the strongest last. https://www.postgresql.org/docs/current/explicit-locking.html */
const blockingModes = ['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'];

/** One look: locks that are waited for, and those that keep writers out, of every session but the one that looks. */
const locksSql = `
  SELECT l.pid, l.relation, l.mode, l.granted, extract(epoch FROM l.waitstart) * 1000 AS since,
         extract(epoch FROM clock_timestamp()) * 1000 AS now
    FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
   WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
     AND (NOT l.granted OR (l.locktype = 'relation' AND l.mode = ANY ($1)))`;

const readSql = `
  SELECT c.oid, coalesce(s.seq_tup_read, 0) AS read FROM pg_class AS c
    LEFT JOIN pg_stat_all_tables AS s ON s.relid = c.oid WHERE c.oid = ANY ($1)`;

const othersSql = `
  SELECT count(*) AS sessions FROM pg_stat_activity
   WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> 'preflight'`;

const pollMs = 3;
/** A session tells what it has read when it ends; one that stays, at the latest so long after it has become idle. */
const toldWithinMs = 1_500;

interface Wait {
  table: WrittenTable;
  sinceMs: number;
  lastSeenMs: number;
}

/** What was seen so far. Times are milliseconds of the server's clock. */
interface Seen {
  modes: Map<string, string>;
  waits: Map<string, Wait>;
  /** When the step came to the books, and when these were let go. */
  arrivedMs: number | undefined;
  releasedMs: number | undefined;
}

/**
 * Runs a step beside the writers, and watches its locks. The bookkeeping table is kept from it until it comes there: what it
 * has locked by then can be looked at without haste, and this time is taken off what writers waited.
 */
export async function watchStep(
  url: string,
  bookkeeping: string,
  writers: SteadyWriters,
  step: () => Promise<ExecResult>,
): Promise<WatchedStep> {
  return withDatabase(url, (monitor) =>
    withDatabase(url, async (holder) => {
      const readBefore = await rowsRead(monitor, writers.tables);
      const books = await holdBooks(holder, bookkeeping);
      const before = { writes: writers.writes(), deadlocks: writers.deadlocks() };
      const seen: Seen = { modes: new Map(), waits: new Map(), arrivedMs: undefined, releasedMs: undefined };
      const result = await whileLooking(step, holder, () => look(monitor, { holder, books, writers, seen }));
      const [writes, deadlocks] = [writers.writes() - before.writes, writers.deadlocks() - before.deadlocks];
      await writers.allGoOn();
      await untilTold(monitor);
      const readAfter = await rowsRead(monitor, writers.tables);
      const tables = writers.tables.flatMap((table) => underStep(table, seen, readBefore, readAfter));
      return { result, writes, deadlocks, heldAtTheEnd: seen.arrivedMs !== undefined, tables };
    }),
  );
}

/** Looks again and again until the step has ended. Whatever happens meanwhile, the books are let go, so that it does end. */
async function whileLooking(
  step: () => Promise<ExecResult>,
  holder: Database,
  lookOnce: () => Promise<void>,
): Promise<ExecResult> {
  let isRunning = true;
  const running = step().finally(() => {
    isRunning = false;
  });
  const ended = running.then(
    () => undefined,
    () => undefined,
  );
  try {
    while (isRunning) {
      await lookOnce();
      await Promise.race([ended, delay(pollMs)]);
    }
  } finally {
    await holder.query('ROLLBACK');
    await ended;
  }
  return running;
}

/** A SHARE lock lets the tool read its books, and not write to them. Before its first run it has none. Gives back their number. */
async function holdBooks(holder: Database, bookkeeping: string): Promise<string | null> {
  const [table] = await holder.query('SELECT to_regclass($1)::text AS name, to_regclass($1)::oid AS oid', [
    bookkeeping,
  ]);
  await holder.query('BEGIN');
  if (table?.name) await holder.query(`LOCK TABLE ${table.name} IN SHARE MODE`);
  return table?.oid ?? null;
}

interface Around {
  /** The session that keeps the books, and their number. */
  holder: Database;
  books: string | null;
  writers: SteadyWriters;
  seen: Seen;
}

async function look(monitor: Database, around: Around): Promise<void> {
  const { holder, seen } = around;
  const rows = await monitor.query(locksSql, [blockingModes]);
  const stopped = note(rows, around);
  if (stopped === undefined || seen.arrivedMs !== undefined) return;
  // Its transaction is at its end: once more, now that nothing is added to its locks.
  const again = await monitor.query(locksSql, [blockingModes]);
  seen.arrivedMs = note(again, around) ?? stopped;
  await holder.query('ROLLBACK');
  const [released] = await monitor.query('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now');
  seen.releasedMs = Number(released?.now);
}

/** Keeps what one look showed, and tells since when the step has waited for the books; undefined: it does not. */
function note(rows: readonly Row[], { books, writers, seen }: Around): number | undefined {
  let stopped: number | undefined;
  for (const { pid, relation, mode, granted, since, now } of rows) {
    const table = writers.tableOf(pid ?? '');
    if (table) {
      const key = `${pid} ${since}`;
      if (granted === 'f' && since) seen.waits.set(key, { table, sinceMs: Number(since), lastSeenMs: Number(now) });
    } else if (relation === books && granted === 'f') stopped = Number(since ?? now);
    else if (relation && mode && granted === 't') addMode(seen.modes, relation, mode);
  }
  return stopped;
}

function addMode(modes: Map<string, string>, relation: string, mode: string): void {
  const before = modes.get(relation);
  if (before === undefined || blockingModes.indexOf(mode) > blockingModes.indexOf(before)) modes.set(relation, mode);
}

async function rowsRead(database: Database, tables: readonly WrittenTable[]): Promise<Map<string, number>> {
  const rows = await database.query(readSql, [tables.map(({ oid }) => oid)]);
  return new Map(rows.map(({ oid, read }) => [oid ?? '', Number(read)]));
}

async function untilTold(monitor: Database): Promise<void> {
  const deadline = performance.now() + toldWithinMs;
  for (;;) {
    const [others] = await monitor.query(othersSql);
    if (Number(others?.sessions) === 0 || performance.now() > deadline) return;
    await delay(pollMs);
  }
}

/** Nothing of a table that is no more, and of one that it did not keep writers from. */
function underStep(
  table: WrittenTable,
  { modes, waits, arrivedMs, releasedMs }: Seen,
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): TableUnderStep[] {
  const read = after.get(table.oid);
  if (read === undefined) return [];
  const own = [...waits.values()].filter((wait) => wait.table === table);
  const blockedMs = Math.max(0, ...own.map((wait) => waitedFor(wait, arrivedMs, releasedMs)));
  const mode = modes.get(table.oid) ?? (own.length > 0 ? 'row' : null);
  if (mode === null) return [];
  const rowsRead = read - (before.get(table.oid) ?? 0);
  return [{ table: table.name, rows: table.rows, mode, blockedMs: Math.round(blockedMs), rowsRead }];
}

/** Without the time in which the step stood still only because its books were kept from it. */
export function waitedFor(
  { sinceMs, lastSeenMs }: Pick<Wait, 'sinceMs' | 'lastSeenMs'>,
  arrivedMs: number | undefined,
  releasedMs: number | undefined,
): number {
  const waited = lastSeenMs - sinceMs;
  if (arrivedMs === undefined) return waited;
  const until = Math.min(lastSeenMs, releasedMs ?? lastSeenMs);
  return waited - Math.max(0, until - Math.max(sinceMs, arrivedMs));
}
