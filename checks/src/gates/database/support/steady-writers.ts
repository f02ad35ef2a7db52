import { setTimeout as delay } from 'node:timers/promises';
import { type Database, withDatabase } from '../../../io/database.ts';
import { fromUserRelations, qualifiedName } from './user-tables.ts';

/** A table that rows are written to, and how many it has. */
export interface WrittenTable {
  oid: string;
  name: string;
  rows: number;
  /** One that an UPDATE may set. */
  column: string;
}

/** Sessions that write to every table that has rows, each to tables of its own, so that they never wait for one another. */
export interface SteadyWriters {
  readonly tables: readonly WrittenTable[];
  readonly sessions: number;
  /** Writes that were finished so far. */
  writes(): number;
  /** The table that a backend writes to; undefined: it is none of the writers. */
  tableOf(pid: string): WrittenTable | undefined;
  /** Writes that the server ended because they and another session waited for each other. */
  deadlocks(): number;
  /** Resolves when every session has finished a write that it began later than now. @throws when one does not in time. */
  allGoOn(): Promise<void>;
  stop(): Promise<void>;
}

/** More sessions than these would leave the service and other gates without connections. */
const mostSessions = 12;
const mostTables = 60;
/** From one write of a session to its next one: dense enough to be held up by a lock of some milliseconds. */
const pauseMs = 4;
const goOnWithinMs = 20_000;
const pollMs = 2;

const tablesSql = `
  SELECT * FROM (
    SELECT relation.oid, ${qualifiedName} AS name, relation.reltuples::bigint AS rows,
           (SELECT format('%I', a.attname) FROM pg_attribute AS a WHERE a.attrelid = relation.oid AND a.attnum > 0
               AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a' ORDER BY a.attnum LIMIT 1) AS column
      ${fromUserRelations} AND relation.relkind = 'r' AND relation.reltuples > 0
       AND relation.oid IS DISTINCT FROM to_regclass($1)) AS filled
   WHERE "column" IS NOT NULL ORDER BY rows DESC, name LIMIT ${mostTables}`;

/** Every table that has rows, as the planner was told, but the bookkeeping of the migration tool. */
export async function filledTables(database: Database, bookkeeping: string): Promise<WrittenTable[]> {
  const rows = await database.query(tablesSql, [bookkeeping]);
  return rows.map(({ oid, name, rows: count, column }) => ({
    oid: oid ?? '',
    name: name ?? '',
    rows: Number(count),
    column: column ?? '',
  }));
}

interface Session {
  pid: string;
  at: WrittenTable | undefined;
  /** Writes that it has finished, whatever became of them. */
  finished: number;
}

/** What the sessions have in common. */
interface Board {
  stopped: AbortSignal;
  sessions: Session[];
  gone: Set<string>;
  writes: number;
  deadlocks: number;
  fault: unknown;
}

/** What the server says of a table, a column or a schema that is no more, also where it was dropped while this was waited for. */
const goneCodes = ['42P01', '42703', '3F000', 'XX000'];
const deadlockCode = '40P01';

/** @throws when there is no table to write to. */
export async function startSteadyWriters(
  url: string,
  tables: readonly WrittenTable[],
  signal: AbortSignal,
): Promise<SteadyWriters> {
  if (tables.length === 0) throw new Error('no table has a row: nothing can be written that a migration might hold up');
  const stopping = new AbortController();
  const stopped = AbortSignal.any([stopping.signal, signal]);
  const board: Board = { stopped, sessions: [], gone: new Set(), writes: 0, deadlocks: 0, fault: undefined };
  const count = Math.min(mostSessions, tables.length);
  const ready: Promise<void>[] = [];
  const ended: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const wrote = Promise.withResolvers<void>();
    const own = tables.filter((_table, number) => number % count === index);
    ready.push(wrote.promise);
    ended.push(
      runSession(url, own, board, wrote.resolve).catch((error: unknown) => {
        board.fault ??= error;
        wrote.resolve();
      }),
    );
  }
  await Promise.all(ready);
  const stop = async () => {
    stopping.abort();
    await Promise.all(ended);
    if (board.fault !== undefined) throw board.fault;
  };
  if (board.fault !== undefined) await stop();
  return {
    tables,
    sessions: count,
    writes: () => board.writes,
    deadlocks: () => board.deadlocks,
    tableOf: (pid) => board.sessions.find((session) => session.pid === pid)?.at,
    allGoOn: () => untilAllGoOn(board, Math.ceil(tables.length / count)),
    stop,
  };
}

/** Writes to its tables in turn until it is stopped. */
async function runSession(url: string, own: readonly WrittenTable[], board: Board, ready: () => void): Promise<void> {
  await withDatabase(url, async (database) => {
    // The rows stay what they are: neither triggers nor foreign keys have anything to do, and no commit waits for the disk.
    await database.query('SET session_replication_role = replica; SET synchronous_commit = off');
    const [{ pid = '' } = {}] = await database.query('SELECT pg_backend_pid() AS pid');
    const session: Session = { pid: pid ?? '', at: undefined, finished: 0 };
    const places = new Map<string, string>();
    board.sessions.push(session);
    while (!board.stopped.aborted) {
      for (const table of own.filter(({ name }) => !board.gone.has(name))) {
        session.at = table;
        const wrote = await writeOnce(database, table, places);
        if (wrote === 'gone') board.gone.add(table.name);
        if (wrote === 'deadlock') board.deadlocks += 1;
        if (wrote === 'written') board.writes += 1;
        session.finished += 1;
      }
      // With nothing left to write to, nothing keeps it.
      if (own.every(({ name }) => board.gone.has(name))) session.finished += 1;
      ready();
      await delay(pauseMs);
    }
  });
}

/** What each session has under way by now, and another round over all its tables. */
async function untilAllGoOn(board: Board, tablesEach: number): Promise<void> {
  const { sessions, stopped } = board;
  const wanted = sessions.map(({ finished }) => finished + tablesEach + 1);
  const deadline = performance.now() + goOnWithinMs;
  while (!sessions.every(({ finished }, index) => finished >= (wanted[index] ?? 0))) {
    stopped.throwIfAborted();
    if (board.fault !== undefined) throw board.fault;
    if (performance.now() > deadline) throw new Error(`a writer has not gone on after ${goOnWithinMs / 1000} s`);
    await delay(pollMs);
  }
}

/** Writes one row of the table again, as it is. A row that was moved by somebody else is looked for anew. */
async function writeOnce(
  database: Database,
  { name, column }: WrittenTable,
  places: Map<string, string>,
): Promise<'written' | 'nothing' | 'gone' | 'deadlock'> {
  try {
    let place = places.get(name);
    if (place === undefined) {
      const [first] = await database.query(`SELECT ctid FROM ONLY ${name} LIMIT 1`);
      if (!first?.ctid) return 'gone';
      place = first.ctid;
    }
    const [moved] = await database.query(
      `UPDATE ONLY ${name} SET ${column} = ${column} WHERE ctid = $1 RETURNING ctid`,
      [place],
    );
    if (moved?.ctid) places.set(name, moved.ctid);
    else places.delete(name);
    return moved ? 'written' : 'nothing';
  } catch (error) {
    const { code } = error as { code?: string };
    places.delete(name);
    if (code === deadlockCode) return 'deadlock';
    if (code !== undefined && goneCodes.includes(code)) return 'gone';
    throw error;
  }
}
