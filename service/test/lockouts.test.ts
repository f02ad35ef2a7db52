import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from './support/client.ts';
import { runCommand } from './support/command.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount } from './support/fixtures.ts';
import { addKey, type RunningApp, startApp } from './support/running-app.ts';

let db: TestDatabase;
let account: string;
let replicas: RunningApp[];

beforeAll(async () => {
  db = await createTestDatabase();
  account = await addAccount(db.pool(), '1');
  const strict = { LOCKOUT_FAILURES_PER_KEY: '5', LOCKOUT_FAILURES_PER_ADDRESS: '10', TRUST_PROXY_HOPS: '1' };
  replicas = [await startApp(db.url, strict), await startApp(db.url, strict)];
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await db.drop();
});

const viewer = () => addKey(db.pool(), 'viewer', account);
const prefixOf = (key: string) => key.slice(3, 11);
/** A key of this prefix, or of a random one, that was never issued. */
const guess = (prefix = randomBytes(4).toString('hex')) => `pk_${prefix}_${randomBytes(32).toString('base64url')}`;

function ask(address: string, authorization: string, replica = 0): Promise<Answer> {
  const headers = { 'x-forwarded-for': address, authorization };
  return (replicas[replica] as RunningApp).ask('GET', '/api/v1/portfolio', { headers });
}
const present = (address: string, key: string, replica = 0) => ask(address, `Bearer ${key}`, replica);

async function statuses(count: number, attempt: (n: number) => Promise<Answer>): Promise<number[]> {
  const seen: number[] = [];
  for (let n = 0; n < count; n += 1) seen.push((await attempt(n)).status);
  return seen;
}

describe('five wrong keys of one prefix', () => {
  it('lock that prefix for that address, on every replica, and for nobody else', async () => {
    const key = await viewer();
    const attempt = () => present('192.0.2.1', guess(prefixOf(key)));
    expect(await statuses(6, attempt)).toEqual([401, 401, 401, 401, 401, 429]);
    for (const replica of [0, 1]) {
      const locked = await present('192.0.2.1', key, replica);
      expect([locked.status, locked.json.code, locked.headers['content-type']]).toEqual([
        429,
        'locked_out',
        'application/problem+json',
      ]);
      const wait = Number(locked.headers['retry-after']);
      expect(wait).toBeGreaterThan(3500);
      expect(wait).toBeLessThanOrEqual(3600);
    }
    // Prefixes are no secret: knowing one must not be enough to keep its owner out.
    expect((await present('192.0.2.2', key)).status).toBe(200);
    expect((await present('192.0.2.1', await viewer())).status).toBe(200);
  });

  it('are counted over all replicas, and all spellings of the address', async () => {
    const key = await viewer();
    const spellings = [
      '192.0.2.3',
      '::ffff:192.0.2.3',
      '::ffff:c000:203',
      '192.0.2.3',
      '::FFFF:192.0.2.3',
      '192.0.2.3',
    ];
    const attempt = (n: number) => present(spellings[n] ?? '', guess(prefixOf(key)), n % 2);
    expect(await statuses(6, attempt)).toEqual([401, 401, 401, 401, 401, 429]);
    const other = await viewer();
    const household = (n: number) => present(`2001:db8:1:${n + 1}200::${n}`, guess(prefixOf(other)), n % 2);
    expect((await statuses(6, household)).at(-1)).toBe(401);
    const same = (n: number) => present(`2001:db8:1:ff0${n}::${n}`, guess(prefixOf(other)), n % 2);
    expect(await statuses(6, same)).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it('at once: exactly five are looked at', async () => {
    const prefix = prefixOf(await viewer());
    const all = await Promise.all(Array.from({ length: 40 }, (_, n) => present('192.0.2.4', guess(prefix), n % 2)));
    expect(all.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(all.filter(({ status, json }) => status === 429 && json.code === 'locked_out')).toHaveLength(35);
  });

  it('are forgotten when the right one comes in time', async () => {
    const key = await viewer();
    for (let round = 0; round < 2; round += 1) {
      const attempt = (n: number) => present('192.0.2.5', n === 4 ? key : guess(prefixOf(key)));
      expect(await statuses(5, attempt)).toEqual([401, 401, 401, 401, 200]);
    }
  });
});

describe('ten failures of one address', () => {
  it('lock it altogether, a valid key included', async () => {
    const key = await viewer();
    expect(await statuses(11, () => present('192.0.2.10', guess()))).toEqual([...Array(10).fill(401), 429]);
    expect((await present('192.0.2.10', key, 1)).json.code).toBe('locked_out');
    expect((await present('192.0.2.11', key, 1)).status).toBe(200);
  });

  it.each([
    ['192.0.2.12', 'Basic dHJhZGVyOng='],
    ['192.0.2.13', `Bearer ${'x'.repeat(5000)}`],
    ['192.0.2.14', 'Bearer hello'],
    ['192.0.2.15', 'Bearer one two'],
  ])('whatever it sends (%s)', async (address, authorization) => {
    expect(await statuses(11, () => ask(address, authorization))).toEqual([...Array(10).fill(401), 429]);
  });

  it('is not helped by a valid key in between', async () => {
    const key = await viewer();
    const attempt = (n: number) => present('192.0.2.16', n % 2 === 0 ? guess() : key);
    const seen = await statuses(21, attempt);
    expect(seen.slice(0, 19)).toEqual(Array.from({ length: 19 }, (_, n) => (n % 2 === 0 ? 401 : 200)));
    expect(seen.slice(19)).toEqual([429, 429]);
  });

  it('does not count what is no guess: no key at all, or one that has ended', async () => {
    const [replica] = replicas;
    const bare = () =>
      (replica as RunningApp).ask('GET', '/api/v1/portfolio', { headers: { 'x-forwarded-for': '192.0.2.17' } });
    expect(await statuses(12, bare)).toEqual(Array(12).fill(401));
    const [renewed, ...old] = [await viewer(), await viewer(), await viewer(), await viewer()];
    await db.query('UPDATE access.api_keys SET revoked_at = now() WHERE prefix = ANY ($1)', [old.map(prefixOf)]);
    // Forgotten processes with old keys are bounded, each for itself, and do not lock out the new one beside them.
    for (const key of old) {
      const bounded = [...Array(5).fill(401), ...Array(2).fill(429)];
      expect(await statuses(7, () => present('192.0.2.17', key))).toEqual(bounded);
    }
    expect((await present('192.0.2.17', renewed)).status).toBe(200);
  });

  it('leaves the scheduler alone', async () => {
    await statuses(11, () => present('192.0.2.18', guess()));
    const [replica] = replicas as [RunningApp];
    const headers = { 'x-forwarded-for': '192.0.2.18', authorization: `Bearer ${replica.processorKey}` };
    expect((await replica.ask('GET', '/api/trade/process-orders', { headers })).status).toBe(200);
  });
});

describe('a lockout', () => {
  it('ends by itself, and what was refused meanwhile has not prolonged it', async () => {
    const key = await viewer();
    await statuses(11, () => present('192.0.2.20', guess()));
    const [before] = await db.query<{ locked_until: string }>(
      "SELECT locked_until FROM access.auth_failures WHERE address = '192.0.2.20' AND prefix = ''",
    );
    await statuses(5, () => present('192.0.2.20', guess()));
    const [after] = await db.query(
      "SELECT locked_until FROM access.auth_failures WHERE address = '192.0.2.20' AND prefix = ''",
    );
    expect(after).toEqual(before);
    // An hour passes.
    await db.query(`UPDATE access.auth_failures SET last_failure_at = last_failure_at - interval '1 hour',
      expires_at = expires_at - interval '1 hour', locked_until = locked_until - interval '1 hour' WHERE address = '192.0.2.20'`);
    expect((await present('192.0.2.20', key)).status).toBe(200);
    expect(await statuses(11, () => present('192.0.2.20', guess()))).toEqual([...Array(10).fill(401), 429]);
  });

  it('is listed, cleared by an operator, and both are on record', async () => {
    const operator = await addKey(db.pool(), 'operator', null);
    const key = await viewer();
    await statuses(11, () => present('2001:db8:77:1200::9', guess()));
    const [replica] = replicas as [RunningApp];
    const listed = await replica.ask('GET', '/api/v1/access/lockouts?limit=1', { key: operator });
    expect(listed.json).toMatchObject({
      lockouts: [{ address: '2001:db8:77:1200::/56', prefix: null, failures: 10 }],
      nextCursor: expect.any(String),
    });
    const rest = await replica.ask('GET', `/api/v1/access/lockouts?cursor=${listed.json.nextCursor}`, {
      key: operator,
    });
    expect(JSON.stringify(rest.json)).not.toContain('2001:db8:77');
    for (const role of ['viewer', 'trader'] as const) {
      const other = await addKey(db.pool(), role, account);
      expect((await replica.ask('GET', '/api/v1/access/lockouts', { key: other })).status).toBe(403);
    }
    const clear = (address: string) =>
      replica.ask('POST', '/api/v1/access/lockouts/clear', { key: operator, body: { address } });
    expect((await clear('not an address')).json.code).toBe('invalid_address');
    expect((await clear('2001:db8:77:12ff::1')).json).toEqual({ cleared: 1 });
    expect((await clear('2001:db8:77:12ff::1')).json).toEqual({ cleared: 0 });
    expect((await present('2001:db8:77:1200::9', key, 1)).status).toBe(200);
    expect(
      await db.query(
        "SELECT type, changed_by FROM access.lockout_events WHERE address = '2001:db8:77:1200::/56' ORDER BY id",
      ),
    ).toEqual([
      { type: 'LOCKED', changed_by: 'order-service' },
      { type: 'CLEARED', changed_by: expect.stringMatching(/^operator:/) },
    ]);
  });

  it('is listed and cleared by the command, when the operator is locked out too', async () => {
    const key = await viewer();
    await statuses(6, () => present('192.0.2.30', guess(prefixOf(key))));
    const keys = (...args: string[]) => runCommand('keys.ts', args, { DATABASE_URL: db.url });
    expect((await keys('lockouts')).stdout).toContain(`192.0.2.30/32  ${prefixOf(key)}  5 failures  until 2`);
    expect(await keys('unlock', '192.0.2.30')).toMatchObject({ code: 0, stdout: 'cleared 1 lockouts of 192.0.2.30\n' });
    expect((await present('192.0.2.30', key)).status).toBe(200);
    expect(await keys('unlock', 'nowhere')).toMatchObject({ code: 1, stderr: 'An IPv4 or IPv6 address is needed.\n' });
  });

  it('is told to the log once, without the key', async () => {
    const key = guess();
    await statuses(7, () => present('192.0.2.31', key));
    const lines = replicas[0]?.log.filter((line) => line.includes('"msg":"Locked out"') && line.includes('192.0.2.31'));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines?.[0] ?? '')).toMatchObject({ level: 'warn', address: '192.0.2.31', what: 'key' });
    expect(replicas[0]?.log.join('')).not.toContain(key.slice(12));
  });
});

describe('the record of failures', () => {
  it('is purged as it grows', async () => {
    await db.query(`INSERT INTO access.auth_failures (address, failures, last_failure_at, expires_at)
      SELECT ('198.51.100.' || n)::cidr, 1, now() - interval '2 hours', now() - interval '1 hour' FROM generate_series(1, 15) n`);
    await present('192.0.2.40', guess());
    await present('192.0.2.40', guess());
    expect(await db.query("SELECT FROM access.auth_failures WHERE address <<= '198.51.100.0/24'")).toHaveLength(0);
  });

  it('lets nobody in while it cannot be read', async () => {
    const key = await viewer();
    await db.query('ALTER TABLE access.auth_failures RENAME TO gone');
    const answer = await present('192.0.2.41', key);
    await db.query('ALTER TABLE access.gone RENAME TO auth_failures');
    expect([answer.status, answer.json.code]).toEqual([500, 'internal']);
  });
});
