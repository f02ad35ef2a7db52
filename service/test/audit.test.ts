import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditBooks } from '../src/db/audit.ts';
import { INVARIANTS } from '../src/db/invariants.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { type Finished, runCommand } from './support/command.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, placed } from './support/fixtures.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const audit = (...args: string[]): Promise<Finished> => runCommand('audit.ts', args, { DATABASE_URL: database.url });

test('on empty books it shows that it looked at nothing, and calls that no pass', async () => {
  const { code, stdout, stderr } = await audit();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('  nothing  an order that has ended holds nothing back: 0 rows looked at\n');
  expect(stdout).toContain('  holds    the kill switch stands where its last event left it: 1 rows looked at\n');
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(INVARIANTS.length + 1);
  expect(lines.at(-1)).toMatch(/^\d+ invariants, 1 rows: 1 hold, 0 broken, \d+ with nothing to look at$/);
});

test('on books with trades every one that they are about holds, with its rows', async () => {
  const pool = database.pool();
  await addMarket(pool);
  const account = await addAccount(pool, '1000', '3');
  await placed(pool, account, { price: '101' });
  await placed(pool, account, { side: 'SELL', price: '99', quantity: '2' });
  await placed(pool, account);
  await executeLimitOrders(pool, { batch: 10, quoteMaxAgeMs: 15_000 });
  const { code, stdout } = await audit('--json');
  const { ok, invariants } = JSON.parse(stdout);
  expect([code, ok]).toEqual([0, true]);
  const byName = new Map(invariants.map((each: { name: string }) => [each.name, each]));
  expect(byName.get('folding the events of an order gives its row')).toMatchObject({ looksAt: 3, verdict: 'holds' });
  expect(byName.get('an order that has ended holds nothing back')).toMatchObject({ looksAt: 2, verdict: 'holds' });
});

test('a cent that went astray is broken, named, and exits with 1', async () => {
  const client = await database.connect();
  await client.query(`SET session_replication_role = replica`);
  await client.query('UPDATE portfolio.accounts SET cash = cash + 0.01');
  const { code, stdout } = await audit();
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /BROKEN {3}the cash of an account is what was .*: 1 rows looked at, 1 break it\n {11}\([0-9a-f-]{36},0\.01/,
  );
  await client.query('UPDATE portfolio.accounts SET cash = cash - 0.01');
  expect((await audit()).code).toBe(0);
});

test('what it asks can change nothing', async () => {
  const thief = {
    name: 'x',
    looksAt: 'SELECT 1',
    violations: `SELECT setval('execution.portfolio_events_outbox_id_seq', 1)`,
  };
  await expect(auditBooks(database.pool(), [thief])).rejects.toMatchObject({
    cause: { message: expect.stringContaining('read-only transaction') },
  });
});

test('wrong flags are a usage error, and a missing database one of the environment', async () => {
  expect(await audit('--frobnicate')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage:') });
  expect((await runCommand('audit.ts', [], {})).code).toBe(78);
  expect(await runCommand('audit.ts', [], { DATABASE_URL: 'postgres://x:y@127.0.0.1:1/x' })).toMatchObject({
    code: 1,
    stdout: '',
  });
});
