import { afterAll, beforeAll, expect, test } from 'vitest';
import { withoutFence } from '../src/drills/support/without-fence.ts';
import { withDatabase } from '../src/io/database.ts';
import { lockedRows, strikeInTheMiddle } from '../src/io/held-writes.ts';
import { startThrowawayPostgres, type ThrowawayPostgres } from './support/throwaway-postgres.ts';

let postgres: ThrowawayPostgres;
let databaseUrl: string;
const { signal } = new AbortController();

beforeAll(async () => {
  postgres = await startThrowawayPostgres();
  databaseUrl = await postgres.createDatabase('held');
  await withDatabase(databaseUrl, (database) =>
    database.query('CREATE SCHEMA shop; CREATE TABLE shop.orders (id text PRIMARY KEY, note text)'),
  );
});
afterAll(() => postgres.close());

const add = (id: string) =>
  withDatabase(databaseUrl, (database) => database.query('INSERT INTO shop.orders VALUES ($1)', [id]));

test('writes are struck while they stand in their transactions, and go on after it', async () => {
  const added: Promise<unknown>[] = [];
  const begin = async () => void added.push(add('a'), add('b'));
  const seen = await strikeInTheMiddle(
    { databaseUrl, table: 'shop.orders', count: 2, signal, begin },
    async (writes) => {
      const stored = await withDatabase(databaseUrl, (database) => database.query('SELECT FROM shop.orders'));
      return { writes, stored: stored.length };
    },
  );
  expect(seen).toEqual({ writes: 2, stored: 0 });
  await Promise.all(added);
});

test('a strike that finds no write in time has missed, and says so', async () => {
  const held = { databaseUrl, table: 'shop.orders', count: 1, signal, comeWithinMs: 50 };
  await expect(strikeInTheMiddle(held, () => undefined)).rejects.toThrow(
    '0 writes came to shop.orders within 50 ms, and 1 were waited for',
  );
  await add('after a miss');
});

test('rows that a transaction holds are counted', async () => {
  await Promise.all([add('held'), add('free')]);
  await withDatabase(databaseUrl, async (database) => {
    await database.query('BEGIN');
    await database.query("UPDATE shop.orders SET note = 'x' WHERE id = 'held'");
    expect(await lockedRows(databaseUrl, 'shop.orders', ['held', 'free'])).toBe(1);
  });
  expect(await lockedRows(databaseUrl, 'shop.orders', ['held', 'free'])).toBe(0);
});

test('a fence that is taken away lets pass, and refuses again after the undo', async () => {
  await withDatabase(databaseUrl, (database) =>
    database.query(`CREATE FUNCTION shop.pass(text) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'refused: %', $1; END $$`),
  );
  const pass = () => withDatabase(databaseUrl, (database) => database.query("SELECT shop.pass('late')"));
  const undo = await withoutFence(databaseUrl, 'shop.pass(text)');
  await expect(pass()).resolves.toHaveLength(1);
  await undo();
  await expect(pass()).rejects.toThrow('refused: late');
});
