import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { liveRoutes } from '../src/http/live-routes.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

const PUBLIC = ['/health', '/health/ready', '/api/v1/health', '/openapi.json', '/docs'];

let db: TestDatabase;
let service: RunningApp;
const keys: Record<'trader' | 'stranger' | 'viewer' | 'operator' | 'admin', string> = {
  trader: '',
  stranger: '',
  viewer: '',
  operator: '',
  admin: '',
};

beforeAll(async () => {
  db = await createTestDatabase();
  const pool = db.pool();
  await addMarket(pool);
  const account = await addAccount(pool, '1000000');
  keys.trader = await addKey(pool, 'trader', account);
  keys.viewer = await addKey(pool, 'viewer', account);
  keys.stranger = await addKey(pool, 'trader', await addAccount(pool, '1000000'));
  keys.operator = await addKey(pool, 'operator', null);
  keys.admin = await addKey(pool, 'admin', null);
  service = await startApp(db.url);
});
afterAll(async () => {
  await service.close();
  await db.drop();
});

describe('the door', () => {
  it('asks for a key on every route of the live router but the public ones', async () => {
    const guarded = liveRoutes(service.app.express).filter((route) => !PUBLIC.includes(route.path));
    expect(guarded.length).toBeGreaterThanOrEqual(9);
    for (const { method, path } of guarded) {
      const answer = await service.ask(method, path.replace(':id', '0'));
      expect([method, path, answer.status, answer.headers['content-type']]).toEqual([
        method,
        path,
        401,
        'application/problem+json',
      ]);
      expect(answer.json).toMatchObject({ status: 401, code: 'unauthenticated', title: 'Unauthorized' });
      expect(answer.json.instance).toBe(answer.headers['x-request-id']);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="order-service"');
    }
  });

  it.each(PUBLIC)('opens %s to everybody', async (path) => {
    expect((await service.ask('GET', path)).status).toBe(200);
  });

  it('tells nobody without a key which routes exist', async () => {
    expect((await service.ask('GET', '/api/v1/nothing')).status).toBe(401);
    expect((await service.ask('DELETE', '/health')).status).toBe(401);
    const answer = await service.ask('GET', '/api/v1/nothing', { key: keys.trader });
    expect([answer.status, answer.json.code]).toEqual([404, 'not_found']);
    expect(answer.headers['x-powered-by']).toBeUndefined();
  });

  it.each([
    ['no scheme', keys.trader],
    ['another scheme', 'Basic dHJhZGVyOng='],
    ['a key that was never issued', `Bearer pk_abcdefgh_${'A'.repeat(43)}`],
    ['a key that is not of our form', 'Bearer hello'],
    ['an endless key', `Bearer ${'x'.repeat(5000)}`],
    ['two words', 'Bearer one two'],
  ])('refuses %s', async (_what, authorization) => {
    const answer = await service.ask('GET', '/api/v1/portfolio', { headers: { authorization } });
    expect([answer.status, answer.json.code]).toEqual([401, 'unauthenticated']);
  });

  it('refuses a key at once when it is revoked, and when it has expired', async () => {
    const pool = db.pool();
    const account = await addAccount(pool, '1');
    const key = await addKey(pool, 'viewer', account);
    expect((await service.ask('GET', '/api/v1/portfolio', { key })).status).toBe(200);
    await db.query('UPDATE access.api_keys SET revoked_at = now() WHERE prefix = $1', [key.slice(3, 11)]);
    expect((await service.ask('GET', '/api/v1/portfolio', { key })).status).toBe(401);
    const expired = await addKey(pool, 'viewer', account);
    await db.query(
      "UPDATE access.api_keys SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second' WHERE prefix = $1",
      [expired.slice(3, 11)],
    );
    expect((await service.ask('GET', '/api/v1/portfolio', { key: expired })).status).toBe(401);
  });
});

describe('roles', () => {
  it.each([
    ['viewer', 'POST', '/api/v1/orders'],
    ['operator', 'POST', '/api/v1/orders'],
    ['trader', 'PUT', '/api/v1/kill-switch'],
    ['viewer', 'PUT', '/api/v1/kill-switch'],
    ['trader', 'POST', '/api/trade/process-orders'],
    ['admin', 'POST', '/api/trade/process-orders'],
    ['admin', 'GET', '/api/trade/process-orders'],
  ] as const)('refuses a %s: %s %s', async (role, method, path) => {
    const answer = await service.ask(method, path, { key: keys[role], body: method === 'GET' ? undefined : {} });
    expect([answer.status, answer.headers['content-type'], answer.json.code]).toEqual([
      403,
      'application/problem+json',
      'forbidden',
    ]);
  });

  it('keeps the process key to its one path', async () => {
    const key = service.processorKey;
    expect((await service.ask('GET', '/api/v1/portfolio', { key })).json.code).toBe('forbidden');
    expect((await service.ask('PUT', '/api/v1/kill-switch', { key, body: {} })).json.code).toBe('forbidden');
    const health = await service.ask('GET', '/api/trade/process-orders', { key });
    expect([health.status, health.json]).toEqual([
      200,
      expect.objectContaining({ status: 'ok', lastCycle: null, cycles: [] }),
    ]);
  });

  it('says what a key without an account is missing', async () => {
    const answer = await service.ask('GET', '/api/v1/orders', { key: keys.operator });
    expect([answer.status, answer.json.code]).toEqual([403, 'account_required']);
  });
});

describe("another account's order", () => {
  it('does not exist, neither by its id nor its events nor in a list', async () => {
    const placed = await service.place(keys.trader, orderBody());
    expect(placed.status).toBe(201);
    const path = `/api/v1/orders/${placed.json.id}`;
    expect((await service.ask('GET', path, { key: keys.viewer })).json).toEqual(placed.json);
    for (const hidden of [path, `${path}/events`]) {
      const answer = await service.ask('GET', hidden, { key: keys.stranger });
      expect([answer.status, answer.json.code]).toEqual([404, 'order_not_found']);
    }
    expect((await service.ask('GET', '/api/v1/orders', { key: keys.stranger })).json).toEqual({
      orders: [],
      nextCursor: null,
    });
  });

  it.each(['0', 'not-a-uuid', '00000000-0000-7000-8000-000000000000', "'%20OR%201=1"])(
    'is as absent as %s',
    async (id) => {
      const answer = await service.ask('GET', `/api/v1/orders/${id}`, { key: keys.trader });
      expect([answer.status, answer.json.code]).toEqual([404, 'order_not_found']);
    },
  );
});
