import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { indexesThatServe, indexesThatServeValues } from '../src/gates/database/support/servable-plans.ts';
import { type Database, withDatabase } from '../src/io/database.ts';
import { startThrowawayPostgres, type ThrowawayPostgres } from './support/throwaway-postgres.ts';

let postgres: ThrowawayPostgres;
let url: string;

beforeAll(async () => {
  postgres = await startThrowawayPostgres();
  url = await postgres.createDatabase('shop');
  await withDatabase(url, (database) =>
    database.query(`CREATE TABLE carts (id integer PRIMARY KEY, at timestamptz, note text, open boolean);
      CREATE INDEX carts_at ON carts (at); CREATE INDEX carts_open ON carts (at) WHERE open; CREATE INDEX carts_note ON carts (note)`),
  );
});
afterAll(() => postgres.close());

const ask = <T>(work: (database: Database) => Promise<T>) => withDatabase(url, work);

describe('the indexes that can serve a counted statement', () => {
  test.each([
    ['with a parameter', 'SELECT id FROM carts WHERE note = $1', ['carts_note']],
    ['without one', 'SELECT max(at) FROM carts', ['carts_at']],
    ['with an interval that was a constant', 'SELECT id FROM carts WHERE at < now() - $1 * interval $2', ['carts_at']],
    ['with a field that was a word', 'SELECT extract($1 FROM at) FROM carts WHERE id = $2', ['carts_pkey']],
    ['that changes rows', 'DELETE FROM carts WHERE note = $1', ['carts_note']],
    ['that asks nothing of a table', 'SELECT $1', []],
  ])('%s', async (_what, text, indexes) => {
    expect(await ask((database) => indexesThatServe(database, text))).toEqual(indexes);
  });

  test('are unknown where the text does not say what it is given', async () => {
    expect(await ask((database) => indexesThatServe(database, 'SELECT id FROM nowhere WHERE id = $1'))).toBeNull();
  });

  test('do not depend on a question before that could not be asked', async () => {
    const both = await ask(async (database) => [
      await indexesThatServe(database, 'SELECT broken FROM carts'),
      await indexesThatServe(database, 'SELECT id FROM carts WHERE note = $1'),
    ]);
    expect(both).toEqual([null, ['carts_note']]);
  });
});

test('values decide whether an index with a condition can serve', async () => {
  const sql = 'SELECT id FROM carts WHERE open = $1 AND at > now() ORDER BY at LIMIT 1';
  const serving = (open: boolean) => ask((database) => indexesThatServeValues(database, sql, [open]));
  expect(await serving(true)).toEqual(['carts_open']);
  expect(await serving(false)).toEqual(['carts_at']);
});
