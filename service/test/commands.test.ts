import { afterAll, beforeAll, expect, test } from 'vitest';
import { isLoopback } from '../src/config.ts';
import { findPresentedKey } from '../src/db/api-keys.ts';
import { type DatabasePool, withConnection } from '../src/db/pool.ts';
import { findConservationBreaks } from '../src/db/portfolio.ts';
import { readKey } from '../src/domain/api-key.ts';
import { getPortfolio } from '../src/orders/get-portfolio.ts';
import { type Finished, runCommand } from './support/command.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { place } from './support/fixtures.ts';

const KEY = /^pk_([a-z0-9]{8})_[A-Za-z0-9_-]{43}$/;
let database: TestDatabase;
let pool: DatabasePool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
});
afterAll(async () => {
  expect(await withConnection(pool, findConservationBreaks)).toEqual([]);
  await database.drop();
});

const keys = (...args: string[]): Promise<Finished> => runCommand('keys.ts', args, { DATABASE_URL: database.url });
const lookUp = async (key: string) =>
  (await withConnection(pool, (tx) => findPresentedKey(tx, { address: '127.0.0.1', key: readKey(key) ?? null }))).key;

test('a key is shown once, works, and only its digest is stored', async () => {
  const made = await keys('create', '--role', 'trader', '--account', 'Ada', '--deposit', '1000.50');
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const [key = ''] = made.stdout.split('\n');
  const prefix = KEY.exec(key)?.[1];
  expect(prefix).toBeDefined();
  const found = await lookUp(key);
  expect(found).toMatchObject({ role: 'trader' });
  expect(await getPortfolio(pool, found?.accountId ?? '')).toMatchObject({ cash: '1000.5' });
  const [row] = await database.query('SELECT * FROM access.api_keys WHERE prefix = $1', [prefix]);
  expect(JSON.stringify(row)).not.toContain(key.slice(12));
  expect(row?.last_used_at).not.toBeNull();
  const listed = await keys('list');
  expect(listed.stdout).toContain(`${prefix}  trader    expires never  last used 2`);
  expect(listed.stdout).not.toContain(key.slice(12));
});

test('two keys of one account hold side by side, and revoking one leaves the other', async () => {
  const make = async (): Promise<{ key: string; prefix: string; accountId: string }> =>
    JSON.parse((await keys('create', '--role', 'trader', '--account', 'Grace', '--json')).stdout);
  const [old, renewed] = [await make(), await make()];
  expect(old.accountId).toBe(renewed.accountId);
  expect(await keys('revoke', old.prefix)).toMatchObject({ code: 0, stdout: `revoked ${old.prefix}\n` });
  expect(await lookUp(old.key)).toBeUndefined();
  expect(await lookUp(renewed.key)).toMatchObject({ accountId: renewed.accountId });
  expect(await keys('revoke', old.prefix)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `no usable key has the prefix ${old.prefix}\n`,
  });
});

test('an expired key does not work', async () => {
  const made = await keys('create', '--role', 'operator', '--expires', '2099-01-01T00:00:00Z', '--json');
  const { key, prefix } = JSON.parse(made.stdout);
  expect(await lookUp(key)).toMatchObject({ role: 'operator', accountId: null });
  await database.query(
    `UPDATE access.api_keys SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day' WHERE prefix = $1`,
    [prefix],
  );
  expect(await lookUp(key)).toBeUndefined();
});

test.each([
  [[], 'say create'],
  [['create'], '--role must be one of'],
  [['create', '--role', 'root'], '--role must be one of'],
  [['create', '--role', 'trader'], 'needs --account'],
  [['create', '--role', 'trader', '--account', ' x'], '--account must not'],
  [['create', '--role', 'trader', '--account', 'x', '--deposit', '1e9'], '--deposit must be'],
  [['create', '--role', 'operator', '--deposit', '1'], '--deposit must be'],
  [['create', '--role', 'operator', '--expires', 'soon'], '--expires must be a time'],
  [['create', '--role', 'operator', '--expires', '2001-01-01T00:00:00Z'], '--expires must be in the future'],
  [['revoke'], 'say create'],
  [['list', '--frobnicate'], '--frobnicate'],
])('keys %j is a usage error', async (args, message) => {
  const { code, stdout, stderr } = await keys(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr).toContain('Usage:');
});

test('a command without a database says so', async () => {
  expect(await runCommand('keys.ts', ['list'], {})).toMatchObject({
    code: 78,
    stderr: expect.stringContaining('DATABASE_URL'),
  });
  const down = await runCommand('keys.ts', ['list'], { DATABASE_URL: 'postgres://x:s3cret@127.0.0.1:1/x' });
  expect(down.code).toBe(1);
  expect(down.stderr).toContain('ECONNREFUSED');
  expect(down.stderr).not.toContain('s3cret');
  expect(await runCommand('keys.ts', ['--help'], {})).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Usage:'),
  });
});

test('the seed makes traders who can trade at once, and a second run makes neither accounts nor cash twice', async () => {
  const seed = (...args: string[]): Promise<Finished> => runCommand('seed.ts', args, { DATABASE_URL: database.url });
  const first = await seed('--traders', '3', '--json');
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout.trim().split('\n')).toHaveLength(1);
  const seeded = JSON.parse(first.stdout);
  expect(seeded.traders).toHaveLength(3);
  for (const { accountId, key } of seeded.traders) {
    expect(await lookUp(key)).toMatchObject({ role: 'trader', accountId });
    expect((await place(pool, accountId, { quantity: '0.001', price: '100.00' })).kind).toBe('placed');
    expect((await place(pool, accountId, { symbol: 'AAPL', side: 'SELL', quantity: '10', price: '300' })).kind).toBe(
      'placed',
    );
  }
  for (const role of ['viewer', 'operator', 'admin']) {
    expect(await lookUp(seeded[role])).toMatchObject({ role });
  }
  const second = JSON.parse((await seed('--traders', '3', '--json')).stdout);
  expect(second.traders.map(({ accountId }: { accountId: string }) => accountId)).toEqual(
    seeded.traders.map(({ accountId }: { accountId: string }) => accountId),
  );
  expect(await getPortfolio(pool, seeded.traders[0].accountId)).toMatchObject({
    cash: '999999999.8999',
    reserved: '0.1001',
  });
});

test('the seed refuses production and other machines', async () => {
  const production = await runCommand('seed.ts', [], { DATABASE_URL: database.url, NODE_ENV: 'production' });
  expect(production).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('refused') });
  const remote = await runCommand('seed.ts', [], {
    DATABASE_URL: 'postgres://x:y@db.example.com/x?sslmode=verify-full',
  });
  expect(remote).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('refused') });
  expect((await runCommand('seed.ts', ['--traders', '0'], { DATABASE_URL: database.url })).code).toBe(2);
});

test.each([
  ['postgres://u@localhost/x', true],
  ['postgres://u@127.0.0.1:5432/x', true],
  ['postgres://u@[::1]/x', true],
  ['postgres:///x?host=/var/run/postgresql', true],
  ['postgres://u@%2Fvar%2Frun/x', true],
  ['postgres://u@localhost/x?host=db.example.com', false],
  ['postgres://u@localhost.example.com/x', false],
  ['postgres://u@10.0.0.1/x', false],
])('%s is loopback: %s', (url, expected) => {
  expect(isLoopback(url)).toBe(expected);
});
