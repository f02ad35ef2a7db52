import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount } from './support/fixtures.ts';
import { hasRedis, startRedis, type TestRedis } from './support/redis.ts';
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

describe('back-off', () => {
  const waits = async (service: RunningApp, count: number): Promise<number[]> => {
    const seen: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const { headers } = await service.ask('GET', '/api/v1/portfolio');
      seen.push(Number(headers['retry-after'] ?? 0));
    }
    return seen;
  };

  it('doubles with every further violation, up to a quarter of an hour, and RateLimit says the same', async () => {
    const service = await start({ RATE_LIMIT_PER_MINUTE_ADDRESS: '2' });
    const [first = 0, second = 0, ...rest] = (await waits(service, 9)).slice(2);
    expect(first).toBeLessThanOrEqual(60);
    expect(Math.abs(second - 2 * first)).toBeLessThanOrEqual(4);
    expect(rest.slice(-3)).toEqual([900, 900, 900]);
    const { headers } = await service.ask('GET', '/api/v1/portfolio');
    expect(headers.ratelimit).toContain('"address"; r=0; t=900');
  });
});

describe('public routes', () => {
  it('have a bound of their own, and are not touched by the others', async () => {
    const service = await start({ RATE_LIMIT_PER_MINUTE_PUBLIC: '3', RATE_LIMIT_PER_MINUTE_ADDRESS: '1' });
    const seen: number[] = [];
    for (const path of ['/health', '/openapi.json', '/health/ready', '/health']) {
      seen.push((await service.ask('GET', path)).status);
    }
    expect(seen).toEqual([200, 200, 200, 429]);
    expect((await service.ask('GET', '/api/v1/portfolio')).status).toBe(401);
  });
});

describe.skipIf(!hasRedis)('with Redis', () => {
  let redis: TestRedis;
  let replicas: [RunningApp, RunningApp];
  let address = 0;
  /** Statuses of requests from one new address, to the replicas in turn. */
  const fromOneAddress = async (count: number): Promise<number[]> => {
    address += 1;
    const seen: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const headers = { 'x-forwarded-for': `10.9.0.${address}` };
      seen.push((await (replicas[n % 2] as RunningApp).ask('GET', '/api/v1/portfolio', { headers })).status);
    }
    return seen;
  };
  const shared = async () => (await fromOneAddress(5)).join() === '401,401,401,401,429';

  beforeAll(async () => {
    redis = await startRedis();
    const limits = { RATE_LIMIT_PER_MINUTE_ADDRESS: '4', RATE_LIMIT_PER_HOUR_KEY: '4', TRUST_PROXY_HOPS: '1' };
    replicas = [await start({ ...limits, REDIS_URL: redis.url }), await start({ ...limits, REDIS_URL: redis.url })];
    await eventually('the replicas count together', shared);
  });
  afterAll(() => redis.kill());

  it('replicas share one quota per address', async () => {
    expect(await fromOneAddress(7)).toEqual([401, 401, 401, 401, 429, 429, 429]);
  });

  it('and one per key', async () => {
    const key = await addKey(db.pool(), 'viewer', await addAccount(db.pool(), '1'));
    const seen: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      const headers = { 'x-forwarded-for': `10.8.0.${n}` };
      seen.push((await (replicas[n % 2] as RunningApp).ask('GET', '/api/v1/portfolio', { key, headers })).status);
    }
    expect(seen).toEqual([200, 200, 200, 200, 429, 429]);
  });

  it('the back-off is shared, and doubles', async () => {
    address += 1;
    const headers = { 'x-forwarded-for': `10.9.0.${address}` };
    const waits: number[] = [];
    for (let n = 0; n < 11; n += 1) {
      const answer = await (replicas[n % 2] as RunningApp).ask('GET', '/api/v1/portfolio', { headers });
      waits.push(Number(answer.headers['retry-after'] ?? 0));
    }
    const [first = 0, second = 0, ...rest] = waits.slice(4);
    expect(Math.abs(second - 2 * first)).toBeLessThanOrEqual(4);
    expect(rest.at(-1)).toBe(900);
  });

  it.each(['killed', 'frozen'] as const)(
    'without it (%s) each counts for itself and nobody is turned away for it',
    async (how) => {
      if (how === 'killed') await redis.kill();
      else redis.signal('SIGSTOP');
      const startedAt = performance.now();
      // Either replica grants its own quota of four.
      expect(await fromOneAddress(10)).toEqual([...Array(8).fill(401), 429, 429]);
      expect(performance.now() - startedAt).toBeLessThan(3000);
      if (how === 'killed') await redis.start();
      else redis.signal('SIGCONT');
      await eventually('the replicas count together again', shared);
    },
  );
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
