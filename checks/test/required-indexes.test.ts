import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import requiredIndexesExist from '../src/gates/database/required-indexes-exist.ts';
import { withDatabase } from '../src/io/database.ts';
import { smallestConfig } from './support/look.ts';
import { startThrowawayPostgres, type ThrowawayPostgres } from './support/throwaway-postgres.ts';

let postgres: ThrowawayPostgres;

beforeAll(async () => {
  postgres = await startThrowawayPostgres();
});
afterAll(() => postgres.close());

const required = {
  name: 'carts_at',
  table: 'shop.carts',
  columns: ['at'],
  serves: 'SELECT FROM shop.carts WHERE at = 1',
};
const config = parseConfig({
  ...smallestConfig,
  database: { ...smallestConfig.database, requiredIndexes: [required] },
});

/** What the gate says of a database, asked as it is in a run. */
async function messages(url: string): Promise<string[]> {
  const target = { databaseUrl: url };
  const { examined, facts } = await requiredIndexesExist.observe({ config, target } as never);
  expect(examined).toBe(1);
  return requiredIndexesExist.judge(facts).map(({ message, fix }) => `${message} | ${fix}`);
}

test('an index that was left INVALID is none, until it is built again as the gate says', async () => {
  const url = await postgres.createDatabase('shop');
  const run = (sql: string) => withDatabase(url, (database) => database.query(sql));
  await run(`CREATE SCHEMA shop; CREATE TABLE shop.carts (at integer); INSERT INTO shop.carts VALUES (1), (1)`);
  expect(await messages(url)).toEqual([
    expect.stringMatching(/does not exist \| .*CREATE INDEX CONCURRENTLY carts_at/),
  ]);

  // What a build leaves that could not be finished: two rows are equal.
  await expect(run('CREATE UNIQUE INDEX CONCURRENTLY carts_at ON shop.carts (at)')).rejects.toThrow(/could not create/);
  const fix = 'REINDEX INDEX CONCURRENTLY shop.carts_at;';
  expect(await messages(url)).toEqual([`index carts_at is INVALID: no query uses it | ${fix}`]);

  await run('DELETE FROM shop.carts WHERE ctid = (SELECT min(ctid) FROM shop.carts)');
  await run(fix);
  expect(await messages(url)).toEqual([]);
});
