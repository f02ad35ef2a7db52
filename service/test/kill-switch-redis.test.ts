import { execFile } from 'node:child_process';
import { randomUUIDv7 } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SENTINEL_KEY, SWITCH_KEY } from '../src/domain/kill-switch-redis.ts';
import type { Answer } from './support/client.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { hasRedis, startRedis, type TestRedis } from './support/redis.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

const ENGAGED = '{"active":true,"reason":"manual","activatedAt":"2026-11-20T10:00:00Z","activatedBy":"ops"}';

describe.skipIf(!hasRedis)('the kill switch in Redis', () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let app: RunningApp;
  let operator: string;
  let account: string;
  let trader: string;

  beforeAll(async () => {
    [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
    const pool = database.pool();
    await addMarket(pool);
    account = await addAccount(pool, '100000000', '10');
    trader = await addKey(pool, 'trader', account);
    operator = await addKey(pool, 'operator', null);
    app = await startApp(database.url, { REDIS_URL: redis.url });
  });
  beforeEach(async () => {
    await clear();
    expect((await place()).status).toBe(201);
  });
  afterEach(async () => {
    redis.signal('SIGCONT');
    // In one command, so that nothing is evicted between the two.
    await cli('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
  });
  afterAll(async () => {
    await app?.close();
    await redis?.kill();
    await database?.drop();
  });

  const port = () => new URL(redis.url).port;
  const cli = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('redis-cli', ['-p', port(), ...args])).stdout.trim();
  const place = (changes: Readonly<Record<string, unknown>> = {}, on = app): Promise<Answer> =>
    on.place(trader, orderBody({ quantity: '0.01', ...changes }));
  const set = (state: string, reason: string): Promise<Answer> =>
    app.ask('PUT', '/api/v1/kill-switch', { key: operator, body: { state, reason } });
  const read = async () => (await app.ask('GET', '/api/v1/kill-switch', { key: operator })).json;
  const clear = async (): Promise<void> => {
    await eventually('the switch is cleared', async () => (await set('ACTIVE', 'test begins')).status === 200);
  };
  const lastEvent = async () => {
    const [event] = await database.query(
      `SELECT to_state, reason, changed_by, source, stated_at FROM risk.kill_switch_events ORDER BY version DESC LIMIT 1`,
    );
    return event;
  };
  const recorded = (event: Readonly<Record<string, unknown>>) =>
    eventually(`recorded ${JSON.stringify(event)}`, async () => {
      const last = await lastEvent();
      return Object.entries(event).every(([name, value]) => last?.[name] === value) && last;
    });
  const refused = async (on = app): Promise<void> => {
    const { status, json } = await place({}, on);
    expect([status, json.code]).toEqual([409, 'kill_switch_engaged']);
  };

  it("takes an operator's SET at once, records who, when and why, and stops the strategies", async () => {
    const strategy = randomUUIDv7();
    await database.query(
      `INSERT INTO strategy.strategies (id, account_id, name, status) VALUES ($1, $2, $1::uuid::text, 'RUNNING')`,
      [strategy, account],
    );
    expect(await cli('SET', SWITCH_KEY, ENGAGED)).toBe('OK');
    await refused();
    expect(await recorded({ to_state: 'HALTED' })).toEqual({
      to_state: 'HALTED',
      reason: 'manual',
      changed_by: 'ops',
      source: 'redis',
      stated_at: '2026-11-20T10:00:00.000000Z',
    });
    expect(await read()).toMatchObject({ state: 'HALTED', reason: 'manual', changedBy: 'ops', redis: 'stops' });
    expect(
      await database.query(
        'SELECT from_status, to_status, reason FROM strategy.strategy_events WHERE strategy_id = $1 ORDER BY id',
        [strategy],
      ),
    ).toEqual([
      { from_status: null, to_status: 'RUNNING', reason: 'created' },
      { from_status: 'RUNNING', to_status: 'STOPPED', reason: 'kill switch: manual' },
    ]);
    expect(await database.query(`SELECT FROM strategy.strategies WHERE status = 'RUNNING'`)).toEqual([]);
  });

  it("takes an operator's DEL as a clearing, whoever engaged the switch", async () => {
    expect((await set('HALTED', 'by the API')).json).toMatchObject({ state: 'HALTED', redis: 'stops' });
    expect(JSON.parse(await cli('GET', SWITCH_KEY))).toMatchObject({ active: true, reason: 'by the API' });
    expect(await cli('DEL', SWITCH_KEY)).toBe('1');
    await recorded({ to_state: 'ACTIVE', source: 'redis', changed_by: 'redis: not named' });
    expect((await place()).status).toBe(201);
  });

  it('clears both sides through the API, and reads back as clear at once', async () => {
    await cli('SET', SWITCH_KEY, ENGAGED);
    expect((await set('ACTIVE', 'over')).json).toMatchObject({ state: 'ACTIVE', redis: 'agrees' });
    expect(await cli('EXISTS', SWITCH_KEY)).toBe('0');
    expect((await place()).status).toBe(201);
    // The operator's SET was never lost from the record, however soon it was cleared.
    const events = await database.query(
      'SELECT to_state, source FROM risk.kill_switch_events ORDER BY version DESC LIMIT 2',
    );
    expect(events).toEqual([
      { to_state: 'ACTIVE', source: 'api' },
      { to_state: 'HALTED', source: 'redis' },
    ]);
  });

  it('follows statements typed into PostgreSQL', async () => {
    const type = (state: string) =>
      database.query(`UPDATE risk.kill_switch SET state = $1, reason = 'by hand', changed_by = 'dba'`, [state]);
    await type('HALTED');
    await refused();
    await eventually('the halt is in Redis', async () => (await cli('GET', SWITCH_KEY)).includes('by hand'));
    await type('ACTIVE');
    await eventually('the clearing is in Redis', async () => (await cli('EXISTS', SWITCH_KEY)) === '0');
    expect(await lastEvent()).toMatchObject({ source: 'database', stated_at: null });
    expect((await place()).status).toBe(201);
  });

  it('takes only orders that reduce a position while REDUCING, set on either side', async () => {
    const sell = (quantity: string) => place({ side: 'SELL', quantity, price: '200' });
    await cli('SET', SWITCH_KEY, '{"active":true,"state":"REDUCING","activatedBy":"ops"}');
    for (const where of ['Redis alone', 'both']) {
      await refused();
      expect([where, (await sell('1')).status]).toEqual([where, 201]);
      expect((await sell('10')).json).toMatchObject({ code: 'kill_switch_engaged', details: { state: 'REDUCING' } });
      await recorded({ to_state: 'REDUCING' });
    }
    await set('HALTED', 'more');
    expect((await sell('1')).status).toBe(409);
  });

  it('goes on cancelling while it is engaged', async () => {
    const { json } = await place();
    await cli('SET', SWITCH_KEY, ENGAGED);
    await refused();
    const answer = await app.ask('POST', `/api/v1/orders/${json.id}/cancel`, { key: trader });
    expect([answer.status, answer.json.status]).toEqual([200, 'CANCELED']);
  });

  it('does not let a switch with a time to live clear itself', async () => {
    await cli('SET', SWITCH_KEY, ENGAGED, 'EX', '100');
    await eventually('the time to live is gone', async () => (await cli('TTL', SWITCH_KEY)) === '-1');
    await refused();
  });

  it('does not understand, and therefore stops, when the key is of another type', async () => {
    await cli('LPUSH', SWITCH_KEY, 'x');
    await refused();
    await recorded({ to_state: 'HALTED', source: 'service' });
    await cli('DEL', SWITCH_KEY);
  });

  it('is engaged by a flush; only the API clears it, and gives Redis its memory back', async () => {
    await cli('FLUSHALL');
    await refused();
    await recorded({ to_state: 'HALTED', source: 'service', changed_by: 'order-service' });
    await eventually('others see that trading is stopped', async () => (await cli('EXISTS', SWITCH_KEY)) === '1');
    expect(await read()).toMatchObject({ state: 'HALTED' });
    await cli('DEL', SWITCH_KEY);
    await eventually('it was put back', async () => (await cli('EXISTS', SWITCH_KEY)) === '1');
    await refused();
    expect((await set('ACTIVE', 'books reconciled')).status).toBe(200);
    expect(await cli('EXISTS', SENTINEL_KEY)).toBe('1');
    expect((await place()).status).toBe(201);
  });

  it('is engaged after a crash, stays so when Redis comes back empty, and recovers by the API', async () => {
    await redis.kill();
    await refused();
    await recorded({ to_state: 'HALTED', source: 'service' });
    const answer = await set('ACTIVE', 'too early');
    expect([answer.status, answer.json.code]).toEqual([409, 'kill_switch_not_cleared']);
    await redis.start();
    await eventually(
      'Redis is found, empty',
      async () => (await read()).redis === 'stops' || (await read()).redis === 'lost',
    );
    await refused();
    await clear();
    expect((await place()).status).toBe(201);
  });

  it('is engaged when Redis freezes, and a DEL clears once it thaws', async () => {
    redis.signal('SIGSTOP');
    await refused();
    await recorded({ to_state: 'HALTED', source: 'service' });
    redis.signal('SIGCONT');
    await eventually('the halt is in Redis', async () => (await cli('EXISTS', SWITCH_KEY)) === '1');
    await cli('DEL', SWITCH_KEY);
    await recorded({ to_state: 'ACTIVE', source: 'redis' });
    expect((await place()).status).toBe(201);
  });

  it('is engaged while Redis may evict it, and cannot be cleared before that is mended', async () => {
    await cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    await cli('CONFIG', 'SET', 'maxmemory', '100mb');
    await recorded({ to_state: 'HALTED', source: 'service' });
    await refused();
    const answer = await set('ACTIVE', 'too early');
    expect(answer.json).toMatchObject({
      code: 'kill_switch_not_cleared',
      details: { why: expect.stringContaining('noeviction') },
    });
    await cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    expect((await set('ACTIVE', 'mended')).status).toBe(200);
  });

  it('is engaged when its keys were really evicted', async () => {
    await cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
    await cli('CONFIG', 'SET', 'maxmemory', '1');
    await cli('SET', 'filler', 'x').catch(() => undefined);
    await cli('CONFIG', 'SET', 'maxmemory', '0');
    await cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await recorded({ to_state: 'HALTED', source: 'service' });
    await refused();
  });

  it('holds for every replica, and is recorded once', async () => {
    const other = await startApp(database.url, { REDIS_URL: redis.url });
    try {
      const count = async () => (await database.query('SELECT FROM risk.kill_switch_events')).length;
      const before = await count();
      await cli('SET', SWITCH_KEY, ENGAGED);
      await Promise.all([refused(), refused(other)]);
      await recorded({ to_state: 'HALTED', source: 'redis' });
      await cli('DEL', SWITCH_KEY);
      await recorded({ to_state: 'ACTIVE', source: 'redis' });
      expect((await place({}, other)).status).toBe(201);
      await set('HALTED', 'through one');
      await refused(other);
      await eventually('the halt is in Redis', async () => (await cli('EXISTS', SWITCH_KEY)) === '1');
      expect(await count()).toBe(before + 3);
    } finally {
      await other.close();
    }
  });

  it('lets a service without Redis start, and takes no order there', async () => {
    const lonely = await startApp(database.url, { REDIS_URL: 'redis://127.0.0.1:1' });
    try {
      await refused(lonely);
      expect((await lonely.ask('GET', '/health/ready')).status).toBe(200);
    } finally {
      await lonely.close();
    }
  });

  it('under load, accepts no order whose request began after the SET was answered', async () => {
    for (let round = 0; round < 5; round += 1) {
      await clear();
      const orders: { beganAtMs: number; status: number }[] = [];
      let stop = false;
      const writers = Array.from({ length: 8 }, async () => {
        // Bounded: the switch stops every writer long before.
        for (let order = 0; order < 5000 && !stop; order += 1) {
          const beganAtMs = performance.now();
          orders.push({ beganAtMs, status: (await place()).status });
        }
      });
      await eventually('orders are being placed', async () => orders.length > 30);
      await cli('SET', SWITCH_KEY, ENGAGED);
      const setAtMs = performance.now();
      const after = () => orders.filter(({ beganAtMs }) => beganAtMs > setAtMs);
      await eventually('orders were tried afterwards', async () => after().length > 30);
      stop = true;
      await Promise.all(writers);
      expect(after().filter(({ status }) => status === 201)).toEqual([]);
      expect(orders.filter(({ status }) => status === 201).length).toBeGreaterThan(10);
    }
  });
});
