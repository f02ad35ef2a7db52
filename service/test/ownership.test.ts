import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveRoute, liveRoutes } from '../src/http/live-routes.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

let db: TestDatabase;
let service: RunningApp;
let owner: { account: string; key: string };
let orderId: string;
const keys: Record<'stranger' | 'viewer' | 'operator' | 'admin', string> = {
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
  owner = { account, key: await addKey(pool, 'trader', account) };
  const other = await addAccount(pool, '1000000');
  keys.stranger = await addKey(pool, 'trader', other);
  keys.viewer = await addKey(pool, 'viewer', other);
  keys.operator = await addKey(pool, 'operator', null);
  keys.admin = await addKey(pool, 'admin', null);
  service = await startApp(db.url);
  orderId = String((await service.place(owner.key, orderBody())).json.id);
});
afterAll(async () => {
  await service.close();
  await db.drop();
});

/** What belongs to an account and has an id, by where it is found; the owner's own. A new kind has to be entered. */
const OWNED: readonly { readonly under: string; readonly id: () => string }[] = [
  { under: '/api/v1/orders/:id', id: () => orderId },
];
/** What has an id and belongs to no account, or is for operators, whose keys reach the orders of all accounts. */
const COMMON = ['/api/v1/strategies/:id', '/api/v1/operations'];

function routesWithId(): { route: LiveRoute; id: string | undefined }[] {
  const withId = liveRoutes(service.app.express).filter(({ path }) => path.includes('/:'));
  return withId.map((route) => ({ route, id: OWNED.find(({ under }) => route.path.startsWith(under))?.id() }));
}

const under = (route: LiveRoute, id: string, key: string) =>
  service.ask(route.method, route.path.replace(/:\w+/, id), {
    key,
    headers: { 'idempotency-key': randomUUID() },
    ...(route.method === 'GET' ? {} : { body: {} }),
  });

describe('a thing of another account', () => {
  it('is known by its kind, wherever a route takes an id', () => {
    const unknown = routesWithId().filter(
      ({ route, id }) => id === undefined && !COMMON.some((each) => route.path.startsWith(each)),
    );
    expect(unknown).toEqual([]);
    expect(routesWithId().filter(({ id }) => id !== undefined).length).toBeGreaterThanOrEqual(3);
  });

  it('is answered exactly as one that does not exist, on every route, and is left as it was', async () => {
    const before = await db.query('SELECT * FROM execution.orders');
    for (const { route, id } of routesWithId()) {
      if (id === undefined) continue;
      const [theirs, nobodys] = [
        await under(route, id, keys.stranger),
        await under(route, randomUUID(), keys.stranger),
      ];
      expect([route, theirs.status]).toEqual([route, 404]);
      const { instance: _, ...said } = theirs.json;
      expect(nobodys.json).toMatchObject(said);
      expect(theirs.text).not.toContain(id);
    }
    expect(await db.query('SELECT * FROM execution.orders')).toEqual(before);
  });
});

describe('operators and admins', () => {
  it.each(['operator', 'admin'] as const)('an %s reads any order and its history by id', async (role) => {
    const path = `/api/v1/orders/${orderId}`;
    const theirs = await service.ask('GET', path, { key: owner.key });
    expect(await service.ask('GET', path, { key: keys[role] })).toMatchObject({ status: 200, text: theirs.text });
    const events = await service.ask('GET', `${path}/events`, { key: keys[role] });
    expect([events.status, JSON.stringify(events.json)]).toEqual([200, expect.stringContaining(orderId)]);
    const nothing = await service.ask('GET', `/api/v1/orders/${randomUUID()}`, { key: keys[role] });
    expect([nothing.status, nothing.json.code]).toEqual([404, 'order_not_found']);
  });

  it.each(['operator', 'admin'] as const)('an %s lists the orders of the account that it names', async (role) => {
    const list = (account: string) => service.ask('GET', `/api/v1/orders?accountId=${account}`, { key: keys[role] });
    expect((await list(owner.account)).json).toMatchObject({ orders: [{ id: orderId }], nextCursor: null });
    expect((await list(randomUUID())).json).toEqual({ orders: [], nextCursor: null });
    expect((await list('not-an-id')).json.code).toBe('invalid_request');
    const unnamed = await service.ask('GET', '/api/v1/orders', { key: keys[role] });
    expect([unnamed.status, unnamed.json.code]).toEqual([403, 'account_required']);
  });

  it.each(['stranger', 'viewer'] as const)('a %s names no account, not even one that does not exist', async (who) => {
    for (const account of [owner.account, randomUUID()]) {
      const answer = await service.ask('GET', `/api/v1/orders?accountId=${account}`, { key: keys[who] });
      expect([answer.status, answer.json.code]).toEqual([403, 'forbidden']);
    }
  });
});
