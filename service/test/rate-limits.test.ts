import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount } from './support/fixtures.ts';
import { addKey, type RunningApp, startApp } from './support/running-app.ts';

let db: TestDatabase;
let keys: string[];
const started: RunningApp[] = [];

async function start(changes: Readonly<Record<string, string>>): Promise<RunningApp> {
  const service = await startApp(db.url, changes);
  started.push(service);
  return service;
}

beforeAll(async () => {
  db = await createTestDatabase();
  const account = await addAccount(db.pool(), '1');
  keys = [await addKey(db.pool(), 'viewer', account), await addKey(db.pool(), 'viewer', account)];
});
afterAll(async () => {
  await Promise.all(started.map((service) => service.close()));
  await db.drop();
});

/** Statuses of requests with these forwarding headers, one after the other. */
async function statuses(service: RunningApp, forwarded: readonly string[], key?: string): Promise<number[]> {
  const seen: number[] = [];
  for (const address of forwarded) {
    const headers = { 'x-forwarded-for': address };
    const answer = await service.ask('GET', '/api/v1/portfolio', key === undefined ? { headers } : { key, headers });
    seen.push(answer.status);
  }
  return seen;
}

describe('per address', () => {
  it('refuses with 429, Retry-After and the RateLimit headers, guesses at keys included', async () => {
    const service = await start({ RATE_LIMIT_PER_MINUTE_ADDRESS: '3' });
    const first = await service.ask('GET', '/api/v1/portfolio');
    expect([first.status, first.headers['ratelimit-policy'], first.headers.ratelimit]).toEqual([
      401,
      expect.stringContaining('"address"; q=3; w=60'),
      expect.stringContaining('"address"; r=2'),
    ]);
    await service.ask('GET', '/api/v1/portfolio');
    await service.ask('GET', '/api/v1/portfolio');
    const refused = await service.ask('GET', '/api/v1/portfolio', { key: keys[0] ?? '' });
    expect([refused.status, refused.json.code, refused.headers['content-type']]).toEqual([
      429,
      'rate_limited',
      'application/problem+json',
    ]);
    const wait = Number(refused.headers['retry-after']);
    expect(wait).toBeGreaterThan(1);
    expect(wait).toBeLessThanOrEqual(60);
    // A probe must not be turned away because somebody else behind its address was busy.
    expect((await service.ask('GET', '/health')).status).toBe(200);
    expect((await service.ask('GET', '/health/ready')).status).toBe(200);
  });

  it('is not bypassed by X-Forwarded-For when no proxy is trusted', async () => {
    const service = await start({ RATE_LIMIT_PER_MINUTE_ADDRESS: '2', TRUST_PROXY_HOPS: '0' });
    expect(await statuses(service, ['10.0.0.1', '10.0.0.2', '10.0.0.3'])).toEqual([401, 401, 429]);
  });

  it('behind one proxy counts what the proxy saw, not what the client wrote before it', async () => {
    const service = await start({ RATE_LIMIT_PER_MINUTE_ADDRESS: '2', TRUST_PROXY_HOPS: '1' });
    const spoofed = ['1.1.1.1, 10.0.0.9', '2.2.2.2, 10.0.0.9', '3.3.3.3, 10.0.0.9', '10.0.0.8'];
    expect(await statuses(service, spoofed)).toEqual([401, 401, 429, 401]);
  });

  it('counts a /56 of IPv6 as one, and an IPv4 address in both spellings as one', async () => {
    const service = await start({ RATE_LIMIT_PER_MINUTE_ADDRESS: '2', TRUST_PROXY_HOPS: '1' });
    const sameHousehold = ['2001:db8:0:1200::1', '2001:db8:0:12ff::2', '2001:db8:0:1234:ffff::3', '2001:db8:0:1300::1'];
    expect(await statuses(service, sameHousehold)).toEqual([401, 401, 429, 401]);
    expect(await statuses(service, ['192.0.2.7', '::ffff:192.0.2.7', '::ffff:c000:207'])).toEqual([401, 401, 429]);
  });
});

describe('per key', () => {
  it('follows the key over all addresses, and leaves other keys alone', async () => {
    const service = await start({ RATE_LIMIT_PER_HOUR_KEY: '2', TRUST_PROXY_HOPS: '1' });
    const [first = '', second = ''] = keys;
    expect(await statuses(service, ['10.0.0.1', '10.0.0.2', '10.0.0.3'], first)).toEqual([200, 200, 429]);
    expect(await statuses(service, ['10.0.0.1'], second)).toEqual([200]);
  });

  it('does not count the scheduler', async () => {
    const service = await start({ RATE_LIMIT_PER_HOUR_KEY: '1' });
    for (let n = 0; n < 3; n += 1) {
      const answer = await service.ask('GET', '/api/trade/process-orders', { key: service.processorKey });
      expect(answer.status).toBe(200);
    }
  });
});
