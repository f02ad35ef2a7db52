import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Obstacle, strikeMigration } from '../src/gates/database/support/struck-migration.ts';
import { withDatabase } from '../src/io/database.ts';
import { exec } from '../src/io/exec.ts';
import { startThrowawayPostgres, type ThrowawayPostgres, tools } from './support/throwaway-postgres.ts';

let postgres: ThrowawayPostgres;

beforeAll(async () => {
  postgres = await startThrowawayPostgres();
});
afterAll(() => postgres.close());

const psql = join(dirname(tools.path('pg_dump')), 'psql');
const books = 'public.books';
const shop = `CREATE TABLE ${books} (name text); CREATE SCHEMA shop; CREATE TABLE shop.orders (id integer, note text);
  INSERT INTO shop.orders SELECT n, 'note' FROM generate_series(1, 100) n`;
const enter = `INSERT INTO ${books} VALUES ('1');`;

/** psql is a migration tool without any transaction but those that the file has. */
async function struck(name: string, obstacle: Obstacle, migration: string) {
  const url = await postgres.createDatabase(name);
  const ask = (sql: string) => withDatabase(url, (database) => database.query(sql));
  await ask(shop);
  const run = (signal?: AbortSignal) =>
    exec(psql, ['--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', '--dbname', url], {
      input: migration,
      ...(signal && { signal }),
    });
  const strike = await strikeMigration(url, books, obstacle, run);
  const sessions = await ask(
    'SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  const left = await ask(
    `SELECT relname || CASE WHEN i.indisvalid IS FALSE THEN ' INVALID' ELSE '' END AS name
       FROM pg_class AS c LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
      WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'i') ORDER BY 1`,
  );
  const again = await run();
  return { strike, sessions: sessions.length, left: left.map((row) => row.name), again };
}

describe('a migration that is killed', () => {
  test('in its transaction has done nothing, and can be run again', async () => {
    const seen = await struck('whole', 'books', `BEGIN; CREATE TABLE shop.carts (); ${enter} COMMIT;`);
    expect(seen.strike).toEqual({ obstacle: 'books', waitedFor: 'books', hadBegun: true });
    expect(seen).toMatchObject({ sessions: 0, left: ['orders'], again: { code: 0 } });
  });

  test('where it waits for a writer is killed there', async () => {
    const both = `BEGIN; CREATE TABLE shop.carts (); ALTER TABLE shop.orders ADD more text; ${enter} COMMIT;`;
    const seen = await struck('waiting', 'tables', both);
    expect(seen.strike).toEqual({ obstacle: 'tables', waitedFor: 'shop.orders', hadBegun: true });
    expect(seen).toMatchObject({ sessions: 0, left: ['orders'], again: { code: 0 } });
  });

  test('before it has done anything is known by it', async () => {
    const seen = await struck('early', 'tables', `BEGIN; ALTER TABLE shop.orders ADD more text; ${enter} COMMIT;`);
    expect(seen.strike.hadBegun).toBe(false);
  });

  test('without a transaction leaves what the next run stumbles over', async () => {
    const seen = await struck('half', 'books', `CREATE TABLE shop.carts (); ${enter}`);
    expect(seen.strike.hadBegun).toBe(true);
    expect(seen.left).toEqual(['carts', 'orders']);
    expect(seen.again.code).not.toBe(0);
  });

  test('while it builds an index concurrently leaves it INVALID', async () => {
    const build = `CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_note ON shop.orders (note); ${enter}`;
    const seen = await struck('invalid', 'tables', build);
    expect(seen.strike).toMatchObject({ hadBegun: true, waitedFor: 'virtualxid' });
    expect(seen.left).toEqual(['orders', 'orders_note INVALID']);
    expect(seen.again.code).toBe(0);
  });

  test('has to be there to be killed', async () => {
    await expect(struck('missed', 'books', 'CREATE TABLE shop.carts ();')).rejects.toThrow(
      /was not struck, it ended before: exit code 0/,
    );
  });
});
