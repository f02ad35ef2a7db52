import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filledTables, startSteadyWriters } from '../src/gates/database/support/steady-writers.ts';
import { waitedFor, watchStep } from '../src/gates/database/support/step-locks.ts';
import { type Database, withDatabase } from '../src/io/database.ts';
import type { ExecResult } from '../src/io/exec.ts';
import { startThrowawayPostgres, type ThrowawayPostgres } from './support/throwaway-postgres.ts';
import { until } from './support/until.ts';

let postgres: ThrowawayPostgres;

beforeAll(async () => {
  postgres = await startThrowawayPostgres();
});
afterAll(() => postgres.close());

const rows = 20_000;
const books = 'public.books';
const shop = `CREATE SCHEMA shop; CREATE TABLE ${books} (name text);
  CREATE TABLE shop.orders (id integer PRIMARY KEY, note text);
  INSERT INTO shop.orders SELECT n, 'note' FROM generate_series(1, ${rows}) n;
  CREATE TABLE shop.small (id integer); INSERT INTO shop.small VALUES (1); CREATE TABLE shop.empty (id integer)`;

/** Somebody waits for a lock, other than for the books, and whoever watches the locks has seen it some milliseconds later. */
async function aWriterWaits(monitor: Database): Promise<void> {
  await until('a writer is seen to wait', async () => {
    const waiting = await monitor.query(
      `SELECT FROM pg_locks AS l, pg_stat_activity AS watcher
        WHERE NOT l.granted AND l.relation IS DISTINCT FROM '${books}'::regclass AND watcher.pid <> pg_backend_pid()
          AND watcher.query LIKE '%FROM pg_locks AS l JOIN pg_stat_activity%' AND watcher.state = 'idle'
          AND watcher.query_start > l.waitstart + interval '5 ms'`,
    );
    return waiting.length > 0;
  });
}

/** What is seen of a migration that does this, beside writers to a table of 20,000 rows and a small one. */
async function watch(name: string, work: (tool: Database, monitor: Database) => Promise<void>) {
  const url = await postgres.createDatabase(name);
  return withDatabase(url, async (monitor) => {
    await monitor.query(shop);
    await monitor.query('VACUUM (ANALYZE)');
    const writers = await startSteadyWriters(url, await filledTables(monitor, books), new AbortController().signal);
    const step = async (): Promise<ExecResult> => {
      await withDatabase(url, (tool) => work(tool, monitor));
      return { code: 0, stdout: '', stderr: '', timedOut: false, durationMs: 1 };
    };
    try {
      return await watchStep(url, books, writers, step);
    } finally {
      await writers.stop();
    }
  });
}

const enter = `INSERT INTO ${books} VALUES ('1')`;

describe('a step beside writers', () => {
  test('that locks a table is known by the lock, and by how long a writer waited', async () => {
    const seen = await watch('locked', async (tool, monitor) => {
      await tool.query('BEGIN; LOCK TABLE shop.orders IN SHARE MODE');
      await aWriterWaits(monitor);
      await tool.query(`${enter}; COMMIT`);
    });
    expect(seen.heldAtTheEnd).toBe(true);
    expect(seen.tables).toEqual([
      { table: 'shop.orders', rows, mode: 'ShareLock', blockedMs: expect.any(Number), rowsRead: 0 },
    ]);
    expect(seen.tables[0]?.blockedMs).toBeGreaterThan(0);
  });

  test('that has locked a table for no time at all is known by it all the same', async () => {
    const seen = await watch('brief', async (tool) => {
      await tool.query(`BEGIN; ALTER TABLE shop.small ADD COLUMN more integer; ${enter}; COMMIT`);
    });
    expect(seen.tables.map(({ table, mode }) => [table, mode])).toEqual([['shop.small', 'AccessExclusiveLock']]);
  });

  test('that builds an index reads all rows under its lock', async () => {
    const seen = await watch('index', async (tool) => {
      await tool.query(`BEGIN; CREATE INDEX ON shop.orders (note); ${enter}; COMMIT`);
    });
    expect(seen.tables.map(({ mode }) => mode)).toEqual(['ShareLock']);
    expect(seen.tables[0]?.rowsRead).toBeGreaterThanOrEqual(rows);
  });

  test('that builds it concurrently keeps nobody out', async () => {
    const seen = await watch('concurrently', async (tool) => {
      await tool.query('CREATE INDEX CONCURRENTLY ON shop.orders (note)');
      await tool.query(enter);
    });
    expect(seen.tables).toEqual([]);
    expect(seen.writes).toBeGreaterThan(0);
  });

  test('that changes every row in one transaction holds up who writes one of them', async () => {
    const seen = await watch('rows', async (tool, monitor) => {
      await tool.query("BEGIN; UPDATE shop.orders SET note = 'other'");
      await aWriterWaits(monitor);
      await tool.query(`${enter}; COMMIT`);
    });
    expect(seen.tables.map(({ table, mode }) => [table, mode])).toEqual([['shop.orders', 'row']]);
  });

  test('that commits before it is in the books is watched while it runs', async () => {
    const seen = await watch('committed', async (tool, monitor) => {
      await tool.query('BEGIN; LOCK TABLE shop.orders');
      await aWriterWaits(monitor);
      await tool.query('COMMIT');
    });
    expect(seen.heldAtTheEnd).toBe(false);
    expect(seen.tables.map(({ table }) => table)).toEqual(['shop.orders']);
  });

  test('that drops a table is not held against it', async () => {
    const seen = await watch('dropped', async (tool) => {
      await tool.query(`BEGIN; DROP TABLE shop.small; ${enter}; COMMIT`);
    });
    expect(seen.tables).toEqual([]);
  });

  test('that fails is told by how it ended', async () => {
    await expect(watch('failed', async (tool) => void (await tool.query('SELECT 1 / 0')))).rejects.toThrow(/zero/);
  });
});

test('there is nothing to write where no table has a row', async () => {
  const url = await postgres.createDatabase('nothing');
  await expect(startSteadyWriters(url, [], new AbortController().signal)).rejects.toThrow(/no table has a row/);
});

describe('the time that a writer waited', () => {
  const wait = { sinceMs: 100, lastSeenMs: 400 };
  test('counts whole where nothing was held', () => expect(waitedFor(wait, undefined, undefined)).toBe(300));
  test('ends where the step was made to wait', () => expect(waitedFor(wait, 250, 400)).toBe(150));
  test('goes on after that', () => expect(waitedFor(wait, 150, 200)).toBe(250));
  test('is nothing where it began when the step was done', () => expect(waitedFor(wait, 90, 400)).toBe(0));
});
