import { userInfo } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommand } from './support/command.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount } from './support/fixtures.ts';
import { addKey, type RunningApp, startApp } from './support/running-app.ts';

let db: TestDatabase;
let replicas: [RunningApp, RunningApp];

beforeAll(async () => {
  db = await createTestDatabase();
  replicas = [await startApp(db.url), await startApp(db.url)];
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await db.drop();
});

const keys = (...args: string[]) => runCommand('keys.ts', args, { DATABASE_URL: db.url });
const prefixOf = (key: string) => key.slice(3, 11);
const status = async (key: string, replica = 0) =>
  (await (replicas[replica] as RunningApp).ask('GET', '/api/v1/portfolio', { key })).status;

it('a key is rotated under load without one 401', async () => {
  const old = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '1'));
  let current = old;
  let done = false;
  const seen: number[] = [];
  const client = async (replica: number) => {
    while (!done) seen.push(await status(current, replica));
  };
  const clients = [client(0), client(1), client(0), client(1)];
  while (seen.length < 20) await status(old);
  const begun = seen.length;
  const rotated = await keys('rotate', prefixOf(old), '--json');
  const before = seen.length;
  current = JSON.parse(rotated.stdout).key;
  while (seen.length < before + 50) await status(old);
  done = true;
  await Promise.all(clients);
  expect(before).toBeGreaterThan(begun);
  expect(seen.filter((each) => each !== 200)).toEqual([]);
  expect(await status(old)).toBe(200);
});

it('the new key is of the same account and role, lives as long, and knows which one it replaces', async () => {
  const account = await addAccount(db.pool(), '1');
  const old = await addKey(db.pool(), 'trader', account);
  await db.query(
    "UPDATE access.api_keys SET created_at = now() - interval '60 days', expires_at = now() + interval '30 days' WHERE prefix = $1",
    [prefixOf(old)],
  );
  const { stdout } = await keys('rotate', prefixOf(old), '--overlap', '30m', '--json');
  const rotated = JSON.parse(stdout);
  expect(rotated).toMatchObject({ role: 'trader', accountId: account, replaces: prefixOf(old) });
  const [row] = await db.query(
    `SELECT k.role, k.account_id, o.prefix AS replaces, k.expires_at - k.created_at = interval '90 days' AS lives_as_long,
        o.expires_at BETWEEN now() + interval '29 minutes' AND now() + interval '30 minutes' AS ends_soon
      FROM access.api_keys k JOIN access.api_keys o ON o.id = k.replaces WHERE k.prefix = $1`,
    [rotated.prefix],
  );
  expect(row).toEqual({
    role: 'trader',
    account_id: account,
    replaces: prefixOf(old),
    lives_as_long: true,
    ends_soon: true,
  });
  // A second rotation, because the first new key was lost, does not give the old one more time.
  await keys('rotate', prefixOf(old), '--overlap', '7d');
  const [again] = await db.query(
    "SELECT expires_at < now() + interval '31 minutes' AS kept FROM access.api_keys WHERE prefix = $1",
    [prefixOf(old)],
  );
  expect(again).toEqual({ kept: true });
});

it('every change of a key is on record with who made it, and its use is no change', async () => {
  const old = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '1'));
  expect(await status(old)).toBe(200);
  const rotated = JSON.parse((await keys('rotate', prefixOf(old), '--json')).stdout);
  await keys('revoke', rotated.prefix);
  const by = `command:${userInfo().username}`;
  expect(
    await db.query('SELECT prefix, type, changed_by FROM access.key_events WHERE prefix = ANY ($1) ORDER BY id', [
      [prefixOf(old), rotated.prefix],
    ]),
  ).toEqual([
    { prefix: prefixOf(old), type: 'ISSUED', changed_by: expect.stringMatching(/^sql:/) },
    { prefix: prefixOf(old), type: 'CHANGED', changed_by: by },
    { prefix: rotated.prefix, type: 'ISSUED', changed_by: by },
    { prefix: rotated.prefix, type: 'REVOKED', changed_by: by },
  ]);
  await expect(db.query('DELETE FROM access.key_events')).rejects.toThrow('append-only');
});

it('the old key ends with the overlap, the new one goes on', async () => {
  const old = await addKey(db.pool(), 'viewer', await addAccount(db.pool(), '1'));
  const { key } = JSON.parse((await keys('rotate', prefixOf(old), '--overlap', '0s', '--json')).stdout);
  expect([await status(old), await status(key)]).toEqual([401, 200]);
});

it('a revoked key is refused by the very next request, on every replica', async () => {
  const key = await addKey(db.pool(), 'viewer', await addAccount(db.pool(), '1'));
  for (const replica of [0, 1]) expect(await status(key, replica)).toBe(200);
  expect((await keys('revoke', prefixOf(key))).code).toBe(0);
  for (const replica of [0, 1]) expect(await status(key, replica)).toBe(401);
});

it.each([
  [['rotate'], 2, 'say create'],
  [['rotate', 'abcdefgh', '--overlap', 'soon'], 2, '--overlap must be'],
  [['rotate', 'abcdefgh', '--overlap', '31d'], 2, '--overlap must be'],
  [['rotate', 'abcdefgh', 'more'], 2, 'say create'],
  [['rotate', 'abcdefgh'], 1, 'no usable key has the prefix abcdefgh'],
  [['unlock'], 2, 'say create'],
  [['lockouts', 'x'], 2, 'say create'],
])('keys %j ends with %i: %s', async (args, code, message) => {
  expect(await keys(...args)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
});
