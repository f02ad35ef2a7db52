import { setTimeout as delay } from 'node:timers/promises';
import { type Database, withDatabase } from '../../../io/database.ts';

/** One row of the ledger, which one transaction wrote and nobody else. */
export interface Entry {
  number: number;
  /** As `recovery_target_xid` takes it: without its epoch. */
  xid: string;
  /** Microseconds and all, as `recovery_target_time` takes it. */
  committedAt: string;
  /** Where the log stood right after the commit. */
  lsn: string;
}

/** Rows that are committed one after another, so that each moment has exactly one right answer: the rows before it. */
export interface Ledger {
  readonly entries: readonly Entry[];
  /** The entry that is the newest once `count` more were written. */
  more(count: number): Promise<Entry>;
  /** Does something between two entries, and gives the one before it. */
  between(work: (database: Database) => Promise<void>): Promise<Entry>;
  stop(): Promise<void>;
}

/** A transaction every few milliseconds: that is many a second, and leaves the processors to others. */
const pauseMs = 3;
const mostEntries = 20_000;
const lookEveryMs = 5;
const withinMs = 30_000;

export const ledgerRows = 'SELECT number FROM ledger ORDER BY number';

/** Writes to a database of its own until it is stopped. `signal` ends it too. */
export async function startLedger(url: string, signal: AbortSignal): Promise<Ledger> {
  const entries: Entry[] = [];
  const asked: {
    work: (database: Database) => Promise<void>;
    done(entry: Entry): void;
    failed(error: unknown): void;
  }[] = [];
  let stopped = false;
  await withDatabase(url, (database) => database.query('CREATE TABLE ledger (number integer PRIMARY KEY)'));
  const writing = withDatabase(url, async (database) => {
    while (!stopped && !signal.aborted && entries.length < mostEntries) {
      const entry = await writeEntry(database, entries.length + 1);
      entries.push(entry);
      for (const { work, done, failed } of asked.splice(0)) {
        await work(database).then(() => done(entry), failed);
      }
      await delay(pauseMs);
    }
  });
  // Told where it is waited for.
  writing.catch(() => undefined);
  const newest = () => {
    const entry = entries.at(-1);
    if (!entry) throw new Error('the ledger has no entry yet');
    return entry;
  };
  return {
    entries,
    async more(count) {
      const wanted = entries.length + count;
      const deadline = performance.now() + withinMs;
      while (entries.length < wanted) {
        if (performance.now() > deadline)
          throw new Error(`the ledger did not grow by ${count} in ${withinMs / 1000} s`);
        await Promise.race([delay(lookEveryMs), writing.then(() => delay(lookEveryMs))]);
      }
      return newest();
    },
    between: (work) => new Promise((done, failed) => asked.push({ work, done, failed })),
    async stop() {
      stopped = true;
      await writing;
    },
  };
}

async function writeEntry(database: Database, number: number): Promise<Entry> {
  const inserted = await database.query(
    'INSERT INTO ledger (number) VALUES ($1) RETURNING pg_current_xact_id()::xid::text AS xid',
    [number],
  );
  const xid = inserted[0]?.xid ?? '';
  const [committed] = await database.query(
    'SELECT pg_xact_commit_timestamp($1::xid)::text AS at, pg_current_wal_insert_lsn()::text AS lsn',
    [xid],
  );
  return { number, xid, committedAt: committed?.at ?? '', lsn: committed?.lsn ?? '' };
}
