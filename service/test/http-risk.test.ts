import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DatabasePool, transaction } from '../src/db/pool.ts';
import { insertStrategies } from '../src/db/strategies.ts';
import { BUILT_IN_LIMITS } from '../src/domain/risk-limits.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

const LIMITS = '/api/v1/risk/limits';
const CHECK = '/api/v1/risk/check';
const STRATEGIES = '/api/v1/strategies';
let db: TestDatabase;
let pool: DatabasePool;
let service: RunningApp;
let accountId: string;
const keys = { trader: '', viewer: '', stranger: '', operator: '', admin: '' };

beforeAll(async () => {
  db = await createTestDatabase();
  pool = db.pool();
  await addMarket(pool);
  keys.operator = await addKey(pool, 'operator', null);
  keys.admin = await addKey(pool, 'admin', null);
  service = await startApp(db.url);
});
beforeEach(async () => {
  accountId = await addAccount(pool, '100000', '10');
  keys.trader = await addKey(pool, 'trader', accountId);
  keys.viewer = await addKey(pool, 'viewer', accountId);
  keys.stranger = await addKey(pool, 'trader', await addAccount(pool, '1'));
});
afterAll(async () => {
  await service.close();
  await db.drop();
});

const put = (body: object, key = keys.operator) => service.ask('PUT', LIMITS, { key, body });

describe('limits', () => {
  it('are set by operators, hold at once, and are seen by their account', async () => {
    const set = await put({ accountId, maxOpenOrders: 1, maxOrderNotional: 250.5, reason: 'new desk' });
    expect([set.status, set.json]).toMatchObject([
      200,
      {
        accountId,
        inForce: { maxOpenOrders: 1, maxOrderNotional: '250.5', allowedModes: BUILT_IN_LIMITS.allowedModes },
        own: { maxOpenOrders: 1, maxOrderNotional: '250.5', maxDailyNotional: null, restrictedSymbols: null },
        lastChange: { changedBy: expect.stringMatching(/^operator:/), reason: 'new desk' },
      },
    ]);
    for (const key of [keys.trader, keys.viewer]) {
      expect((await service.ask('GET', LIMITS, { key })).json).toEqual(set.json);
    }
    const asked = await service.ask('GET', `${LIMITS}?accountId=${accountId.toUpperCase()}`, { key: keys.admin });
    expect(asked.json).toEqual(set.json);
    expect((await service.place(keys.trader, orderBody())).status).toBe(201);
    const denied = await service.place(keys.trader, orderBody());
    expect([denied.status, denied.json]).toMatchObject([
      422,
      { code: 'order_denied', details: { reason: 'MAX_OPEN_ORDERS', limit: '1', observed: '1', attempted: '2' } },
    ]);
    expect((await put({ accountId, maxOpenOrders: null })).json).toMatchObject({ own: { maxOpenOrders: null } });
    expect((await service.place(keys.trader, orderBody())).status).toBe(201);
    expect(service.log.join('')).toContain('Risk limits changed');
  });

  it('of everybody are what an operator sees who names no account', async () => {
    const seen = await service.ask('GET', LIMITS, { key: keys.operator });
    expect(seen.json).toMatchObject({ accountId: null, inForce: { maxOrderNotional: '100000' } });
    const changed = await put({ accountId: null, fatFingerMultiple: 1_000_000 });
    expect(changed.json).toMatchObject({ accountId: null, own: { fatFingerMultiple: 1_000_000 } });
  });

  it('of others are nobody’s business, and only operators and admins change any', async () => {
    const other = await service.ask('GET', `${LIMITS}?accountId=${accountId}`, { key: keys.stranger });
    expect(other.json).not.toMatchObject({ accountId });
    for (const key of [keys.trader, keys.viewer]) {
      expect((await put({ accountId, maxOpenOrders: 9 }, key)).status).toBe(403);
    }
    expect((await put({ accountId, maxOpenOrders: 9 }, keys.admin)).status).toBe(200);
    const nobody = await put({ accountId: randomUUID(), maxOpenOrders: 9 });
    expect([nobody.status, nobody.json.code]).toEqual([404, 'account_not_found']);
  });

  it.each([
    [{}],
    [{ reason: 'nothing' }],
    [{ maxOpenOrders: 0 }],
    [{ maxOpenOrders: 1.5 }],
    [{ maxOpenOrders: 1e9 }],
    [{ maxOrdersPerMinute: '20' }],
    [{ maxOrderNotional: '0' }],
    [{ maxOrderNotional: '-1' }],
    [{ maxOrderNotional: '1e400' }],
    [{ maxOrderNotional: '1000000000000' }],
    [{ maxOrderNotional: '1.000000001' }],
    [{ priceCollarBps: -1 }],
    [{ allowedModes: [] }],
    [{ allowedModes: ['PAPER', 'PAPER'] }],
    [{ allowedModes: ['MARGIN'] }],
    [{ restrictedSymbols: ['btc usdt'] }],
    [{ restrictedSymbols: Array.from({ length: 1001 }, () => 'A') }],
    [{ maxOpenOrders: 1, reason: ' ' }],
    [{ maxOpenOrders: 1, unknown: true }],
    [{ accountId: 'me', maxOpenOrders: 1 }],
  ])('%j is not well formed', async (body) => {
    const answer = await put(body);
    expect([answer.status, answer.json.code]).toEqual([400, 'invalid_request']);
  });
});

describe('a dry run', () => {
  const check = (body: object, key = keys.trader) => service.ask('POST', CHECK, { key, body });

  it('says what would be reserved, and places nothing', async () => {
    const answer = await check(orderBody({ quantity: 2 }));
    expect([answer.status, answer.json]).toEqual([
      200,
      {
        decision: 'accepted',
        denial: null,
        notional: '200',
        reservedCash: '200',
        reservedQuantity: '0',
        expireAt: null,
      },
    ]);
    expect((await service.ask('GET', '/api/v1/orders', { key: keys.trader })).json).toMatchObject({ orders: [] });
  });

  it('says why it would be denied, refused or stopped, as the placement does', async () => {
    const denied = await check(orderBody({ quantity: '2000' }));
    const placed = await service.place(keys.trader, orderBody({ quantity: '2000' }));
    expect(denied.json).toMatchObject({
      decision: 'denied',
      denial: { reason: 'MAX_ORDER_NOTIONAL', attempted: '200000' },
    });
    expect(placed.json.details).toMatchObject(denied.json.denial as object);
    const refused = await check(orderBody({ price: '100.001' }));
    expect([refused.status, refused.json.code]).toEqual([422, 'invalid_price_increment']);
    await service.ask('PUT', '/api/v1/kill-switch', { key: keys.operator, body: { state: 'HALTED', reason: 'x' } });
    const stopped = await check(orderBody());
    expect([stopped.status, stopped.json.code]).toEqual([409, 'kill_switch_engaged']);
    await service.ask('PUT', '/api/v1/kill-switch', { key: keys.operator, body: { state: 'ACTIVE', reason: 'x' } });
    expect((await check(orderBody(), keys.viewer)).status).toBe(403);
  });
});

describe('strategies', () => {
  const ids: string[] = [];
  beforeEach(async () => {
    // Of the same millisecond, ids are in no order by themselves.
    ids.splice(0, ids.length, ...[randomUUIDv7(), randomUUIDv7(), randomUUIDv7()].sort());
    const names = ['one', 'two', 'three'];
    const made = ids.map((id, index) => ({ id, accountId, name: names[index] ?? '' }));
    await transaction(pool, (tx) => insertStrategies(tx, made));
  });
  const change = (id: string | undefined, verb: string, key = keys.trader) =>
    service.ask('POST', `${STRATEGIES}/${id}/${verb}`, { key });
  const list = async (query = '', key = keys.trader) =>
    (await service.ask('GET', `${STRATEGIES}${query}`, { key })).json;

  it('are started and stopped by their trader or an operator, and say who did it', async () => {
    const started = await change(ids[0], 'start');
    expect([started.status, started.json]).toMatchObject([200, { id: ids[0], accountId, status: 'RUNNING' }]);
    expect(started.json.statusReason).toMatch(/^started by trader:/);
    expect((await change(ids[0], 'start', keys.operator)).json).toEqual(started.json);
    const stopped = await change(ids[0], 'stop', keys.operator);
    expect(stopped.json).toMatchObject({ status: 'STOPPED' });
    expect(stopped.json.statusReason).toMatch(/^stopped by operator:/);
    expect((await change(ids[0], 'start', keys.viewer)).status).toBe(403);
  });

  it('of another account do not exist', async () => {
    for (const [id, key] of [
      [ids[0], keys.stranger],
      [randomUUID(), keys.operator],
      ['x', keys.trader],
    ] as const) {
      const answer = await change(id, 'start', key);
      expect([answer.status, answer.json.code]).toEqual([404, 'strategy_not_found']);
    }
    expect(await list('', keys.stranger)).toEqual({ strategies: [], nextCursor: null });
    expect((await service.ask('GET', `${STRATEGIES}?accountId=${accountId}`, { key: keys.stranger })).status).toBe(403);
  });

  it('do not start while the kill switch is engaged, which stops those that run', async () => {
    await change(ids[0], 'start');
    await service.ask('PUT', '/api/v1/kill-switch', { key: keys.operator, body: { state: 'HALTED', reason: 'test' } });
    expect(await list()).toMatchObject({ strategies: [{ status: 'STOPPED' }, {}, {}] });
    const refused = await change(ids[1], 'start', keys.operator);
    expect([refused.status, refused.json.code]).toEqual([409, 'kill_switch_engaged']);
    expect((await change(ids[1], 'stop')).status).toBe(200);
    await service.ask('PUT', '/api/v1/kill-switch', { key: keys.operator, body: { state: 'ACTIVE', reason: 'test' } });
    expect((await change(ids[1], 'start')).status).toBe(200);
  });

  it('come a page at a time, each once, with new ones last', async () => {
    const first = await list('?limit=2');
    expect(first).toMatchObject({ strategies: [{ name: 'one' }, { name: 'two' }], nextCursor: ids[1] });
    await transaction(pool, (tx) => insertStrategies(tx, [{ id: randomUUIDv7(), accountId, name: 'four' }]));
    const rest = await list(`?limit=2&cursor=${first.nextCursor}`);
    expect(rest).toMatchObject({ strategies: [{ name: 'three' }, { name: 'four' }], nextCursor: null });
    expect((await list(`?accountId=${accountId}`, keys.operator)).strategies).toHaveLength(4);
    expect(await list('?cursor=x')).toMatchObject({ code: 'invalid_cursor' });
  });
});
