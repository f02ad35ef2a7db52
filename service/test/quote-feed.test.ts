import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { withConnection } from '../src/db/pool.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addMarket, SYMBOL } from './support/fixtures.ts';
import { quoting, refusing, startProvider, type TestProvider } from './support/quote-provider.ts';
import { type RunningApp, startApp } from './support/running-app.ts';

let db: TestDatabase;
let one: TestProvider;
let two: TestProvider;
let service: RunningApp;

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
  one = await startProvider(quoting('99', '101'));
  two = await startProvider(quoting('99.01', '101.01'));
  const environment = {
    QUOTE_PROVIDERS: `one=${one.url} two=${two.url}`,
    QUOTE_POLL_MS: '50',
    QUOTE_TIMEOUT_MS: '500',
  };
  service = await startApp(db.url, environment, 'worker');
});
afterEach(() => {
  one.answer = quoting('99', '101');
  two.answer = quoting('99.01', '101.01');
});
afterAll(async () => {
  await service.close();
  await Promise.all([one.close(), two.close()]);
  await db.drop();
});

/** Rows of one statement. */
async function select<T extends object>(text: string): Promise<T[]> {
  return withConnection(db.pool(), async (tx) => (await tx.query<T>({ text, values: [SYMBOL] })).rows);
}
const sourceIs = async (wanted: string): Promise<boolean> => {
  const [row] = await select<{ source: string }>('SELECT source FROM market.quotes WHERE symbol = $1');
  return row?.source === wanted;
};
const isExecutable = async (): Promise<boolean> =>
  (await select('SELECT symbol FROM market.executable_quotes WHERE symbol = $1')).length === 1;

it('stores what the first provider says, and what the second does as its second opinion', async () => {
  await eventually('the quote is the first provider’s', () => sourceIs('one'));
  await eventually('the second opinion is stored', async () => {
    const rows = await select<{ source: string }>('SELECT source FROM market.reference_quotes WHERE symbol = $1');
    return rows.map(({ source }) => source).join() === 'two';
  });
  expect(await isExecutable()).toBe(true);
});

it('stores what the second one says while the first is down', async () => {
  one.answer = refusing(500);
  await eventually('the quote is the second provider’s', () => sourceIs('two'));
});

it('two providers that disagree price nothing, and it is logged', async () => {
  two.answer = quoting('104', '106');
  await eventually('nothing is priced', async () => !(await isExecutable()));
  await eventually('it is logged', async () => service.log.some((line) => line.includes('Quote providers disagree')));
});
