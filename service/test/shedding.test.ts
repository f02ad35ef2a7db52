import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { route } from '../src/http/route.ts';
import { createServer } from '../src/http/server.ts';
import type { ShedCause } from '../src/http/shedding.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { ask } from './support/client.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

/** Requests that wait until the test lets them go. */
interface Held {
  readonly url: string;
  readonly shed: readonly ShedCause[];
  readonly waiting: () => number;
  late: boolean;
  behind: boolean;
  readonly release: () => void;
}

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function hold(inFlightMax: number, inFlightMaxWhenLate: number): Promise<Held> {
  const gate = Promise.withResolvers<void>();
  let waiting = 0;
  const wait = (path: string, essential: boolean) =>
    route({
      method: 'GET',
      ...{ path, essential, summary: 'Waits.', access: ['viewer'], responses: {} },
      handler: async () => {
        waiting += 1;
        await gate.promise;
        return { status: 200, body: {} };
      },
    });
  const shed: ShedCause[] = [];
  const held = { shed, waiting: () => waiting, late: false, behind: false, release: gate.resolve };
  const key = { keyId: 'k', prefix: 'p', accountId: 'a', role: 'viewer' } as const;
  const express = createServer([wait('/wait', false), wait('/vital', true)], {
    logger: createLogger({ level: 'silent', nodeEnv: 'test', secrets: [] }),
    orderProcessingApiKey: 'unused',
    identifyKey: async () => ({ kind: 'known', key }),
    countAuthFailure: () => undefined,
    corsOrigins: [],
    requestTimeoutMs: 60_000,
    bodyLimitBytes: 1024,
    trustProxyHops: 0,
    ...{ rateLimitPerMinutePublic: 1000, rateLimitPerMinuteAddress: 1000, rateLimitPerHourKey: 1000 },
    ...{
      inFlightMax,
      inFlightMaxWhenLate,
      isLate: () => held.late,
      isPoolBehind: () => held.behind,
      countShed: (cause: ShedCause) => shed.push(cause),
    },
    observe: () => undefined,
    isDraining: () => false,
  });
  server = createHttpServer(express).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(held, { url });
}

const get = (held: Held, path: string) => ask(held.url, 'GET', path, { key: 'any' });

describe('a service that is full', () => {
  it('refuses one more at once, says when to come back, and takes requests again when there is room', async () => {
    const held = await hold(2, 2);
    const answers = [get(held, '/wait'), get(held, '/wait')];
    await eventually('both are under way', async () => held.waiting() === 2);
    const refused = await get(held, '/wait');
    expect([refused.status, refused.json.code, refused.headers['retry-after']]).toEqual([503, 'overloaded', '1']);
    expect(refused.headers['content-type']).toBe('application/problem+json');
    expect(refused.headers['x-request-id']).toBe(refused.json.instance);
    expect(held.shed).toEqual(['in-flight']);
    held.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await get(held, '/wait')).status).toBe(200);
  });

  it('refuses nothing that stops trading or keeps it going', async () => {
    const held = await hold(1, 1);
    const first = get(held, '/wait');
    await eventually('it is under way', async () => held.waiting() === 1);
    const vital = get(held, '/vital');
    await eventually('it is let in', async () => held.waiting() === 2);
    held.release();
    expect([(await first).status, (await vital).status]).toEqual([200, 200]);
    expect(held.shed).toEqual([]);
  });
});

describe('a service whose event loop is late', () => {
  it('lets in only what it can work on, and the rest again when it comes round in time', async () => {
    const held = await hold(10, 1);
    held.late = true;
    const answers = [get(held, '/wait')];
    await eventually('it is under way', async () => held.waiting() === 1);
    expect((await get(held, '/wait')).status).toBe(503);
    expect(held.shed).toEqual(['event-loop']);
    held.late = false;
    answers.push(get(held, '/wait'));
    await eventually('the next is let in', async () => held.waiting() === 2);
    held.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('a service whose pool is behind', () => {
  it('lets nobody in to wait in vain', async () => {
    const held = await hold(10, 10);
    held.release();
    held.behind = true;
    expect((await get(held, '/wait')).json.code).toBe('overloaded');
    expect((await get(held, '/vital')).status).toBe(200);
    held.behind = false;
    expect((await get(held, '/wait')).status).toBe(200);
    expect(held.shed).toEqual(['pool']);
  });
});

describe('the whole service', () => {
  let db: TestDatabase;
  let traders: string[];
  let operator: string;
  const started: RunningApp[] = [];
  beforeAll(async () => {
    db = await createTestDatabase();
    const pool = db.pool();
    await addMarket(pool);
    // Of two accounts: two orders of one would wait for each other, and not for the lock.
    traders = await Promise.all([1, 2].map(async () => addKey(pool, 'trader', await addAccount(pool, '1000000'))));
    operator = await addKey(pool, 'operator', null);
  });
  afterAll(async () => {
    await Promise.all(started.map((service) => service.close()));
    await db.drop();
  });

  /** With an order of each account under way, while a lock keeps both from their end. */
  async function whileHeld(
    changes: Readonly<Record<string, string>>,
    waiting: number,
    work: (service: RunningApp) => Promise<void>,
  ): Promise<void> {
    const service = await startApp(db.url, {
      LOCK_TIMEOUT_MS: '10000',
      STATEMENT_TIMEOUT_MS: '10000',
      ...slow,
      ...changes,
    });
    started.push(service);
    const locker = await db.connect();
    await locker.query('BEGIN; LOCK TABLE execution.orders IN SHARE ROW EXCLUSIVE MODE');
    const orders = traders.map((trader) => service.place(trader, orderBody()));
    await eventually('orders wait for the lock', async () => {
      const rows = await db.query(
        "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'execution.orders'::regclass",
      );
      return rows.length === waiting;
    });
    try {
      await work(service);
    } finally {
      await locker.query('ROLLBACK');
      await Promise.all(orders);
    }
  }

  const slow = { QUERY_TIMEOUT_MS: '11000', REQUEST_TIMEOUT_MS: '12000', POOL_CONNECTION_TIMEOUT_MS: '10000' };
  const scrape = async ({ metricsUrl }: RunningApp): Promise<string> => (await fetch(`${metricsUrl}/metrics`)).text();

  it('answers its probes and the kill switch while it is full, and counts what it refuses', async () => {
    await whileHeld({ IN_FLIGHT_MAX: '2' }, 2, async (service) => {
      expect((await service.place(traders[0] ?? '', orderBody())).json.code).toBe('overloaded');
      expect((await service.ask('GET', '/api/v1/kill-switch', { key: operator })).status).toBe(200);
      expect((await service.ask('GET', '/health/ready')).status).toBe(200);
      const scraped = await scrape(service);
      expect(scraped).toContain('requests_shed_total{cause="in-flight"} 1');
      expect(scraped).toContain('requests_shed_total{cause="pool"} 0');
      expect(scraped).toContain('requests_shed_total{cause="event-loop"} 0');
    });
  });

  it('looks up keys while every other connection is held', async () => {
    await whileHeld({ POOL_MAX: '3', POOL_WAIT_MAX_MS: '10000' }, 2, async (service) => {
      expect((await service.ask('GET', '/api/v1/orders', { key: 'nobody has this one' })).status).toBe(401);
    });
  });

  it('refuses at once while those who wait for a connection have waited too long', async () => {
    // One connection for orders and one for keys: the second order waits for the first one's.
    await whileHeld({ POOL_MAX: '2', POOL_WAIT_MAX_MS: '50' }, 1, async (service) => {
      await eventually('one more is refused', async () => {
        const answer = await service.ask('GET', '/api/v1/kill-switch', { key: operator });
        expect(answer.status).toBe(200);
        return /requests_shed_total\{cause="pool"\} [1-9]/.test(
          (await service.place('any', orderBody())).json.code === 'overloaded' ? await scrape(service) : '',
        );
      });
    });
  });
});
