import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, quote } from './support/fixtures.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

let db: TestDatabase;
let service: RunningApp;
let accountId: string;
let trader: string;
let operator: string;

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
  // As fine as the database books it, so that every digit of a quantity counts.
  await db.query("INSERT INTO market.instruments VALUES ('FINE', 'crypto', 'paper', 0.00000001, 0.00000001, 0)");
  await db.query("INSERT INTO market.quotes VALUES ('FINE', 0.00000001, 0.00000002, now())");
  operator = await addKey(db.pool(), 'operator', null);
  service = await startApp(db.url);
});
beforeEach(async () => {
  accountId = await addAccount(db.pool(), '100000', '10');
  trader = await addKey(db.pool(), 'trader', accountId);
});
afterAll(async () => {
  await service.close();
  await db.drop();
});

async function countOrders(): Promise<number> {
  const rows = await db.query<{ n: string }>('SELECT count(*) AS n FROM execution.orders WHERE account_id = $1', [
    accountId,
  ]);
  return Number(rows[0]?.n);
}

describe('POST /api/v1/orders', () => {
  it('places, and everything can be read back', async () => {
    const placed = await service.place(trader, orderBody({ quantity: 0.5, clientOrderId: 'mine-1' }));
    expect(placed.status).toBe(201);
    expect(placed.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(placed.json).toMatchObject({
      accountId,
      clientOrderId: 'mine-1',
      quantity: '0.5',
      price: '100',
      status: 'OPEN',
      reservedCash: '50',
      timeInForce: 'GTC',
    });
    const path = `/api/v1/orders/${placed.json.id}`;
    expect((await service.ask('GET', path, { key: trader })).json).toEqual(placed.json);
    const events = await service.ask('GET', `${path}/events`, { key: trader });
    expect(events.json).toMatchObject({ events: [{ version: 1, fromStatus: null, toStatus: 'OPEN' }] });
    expect((await service.ask('GET', '/api/v1/portfolio', { key: trader })).json).toMatchObject({
      cash: '99950',
      reserved: '50',
      positions: [{ symbol: 'BTCUSDT', quantity: '10' }],
    });
  });

  it('denies what the account cannot pay, with the reason, and stores the denial', async () => {
    const denied = await service.place(trader, orderBody({ quantity: '999', price: '100' }));
    expect(denied.status).toBe(201);
    const second = await service.place(trader, orderBody({ quantity: '2', price: '100' }));
    expect([second.status, second.headers['content-type']]).toEqual([422, 'application/problem+json']);
    expect(second.json).toMatchObject({
      code: 'order_denied',
      details: { reason: 'INSUFFICIENT_CASH', limit: '100', observed: '0', attempted: '200' },
    });
    const listed = await service.ask('GET', '/api/v1/orders?status=DENIED', { key: trader });
    expect(listed.json).toMatchObject({ orders: [{ status: 'DENIED', denialReason: 'INSUFFICIENT_CASH' }] });
  });

  it.each([
    [{ price: '100.001' }, 'invalid_price_increment'],
    [{ quantity: '0.0001' }, 'invalid_quantity_increment'],
    [{ quantity: '0.001' }, 'notional_too_small'],
    [{ symbol: 'NOPE' }, 'unknown_symbol'],
    [{ mode: 'LIVE' }, 'live_mode_unavailable'],
    [{ type: 'MARKET' }, 'invalid_price'],
    [{ expireAt: '2020-01-01T00:00:00Z' }, 'invalid_expiry'],
    [{ quantity: '0.1234567890123456789' }, 'invalid_quantity'],
  ])('refuses %j as %s, and stores nothing', async (changes, code) => {
    const answer = await service.place(trader, orderBody(changes));
    expect([answer.status, answer.json.code]).toEqual([422, code]);
    expect(await countOrders()).toBe(0);
  });

  it.each([
    [{ surprise: 1 }, 'Unrecognized key'],
    [{ accountId: '0' }, 'Unrecognized key'],
    [{ side: 'HOLD' }, 'side'],
    [{ symbol: 'btc usdt' }, 'symbol'],
    [{ quantity: '-1' }, 'quantity'],
    [{ quantity: -1 }, 'quantity'],
    [{ quantity: 0 }, 'quantity'],
    [{ quantity: '1e3' }, 'quantity'],
    [{ quantity: 'NaN' }, 'quantity'],
    [{ quantity: null }, 'quantity'],
    [{ quantity: ['1'] }, 'quantity'],
    [{ expireAt: 'tomorrow' }, 'expireAt'],
    [{ clientOrderId: 'with space' }, 'clientOrderId'],
    [{ symbol: undefined }, 'symbol'],
  ])('refuses the form of %j', async (changes, part) => {
    const answer = await service.place(trader, orderBody(changes));
    expect([answer.status, answer.json.code]).toEqual([400, 'invalid_request']);
    expect(JSON.stringify(answer.json.errors)).toContain(part);
  });

  it.each(['[]', '"order"', '1', 'null'])('refuses the body %s', async (body) => {
    const answer = await service.place(trader, body);
    expect([answer.status, answer.json.code]).toEqual([400, 'invalid_request']);
  });

  it('is not fooled by a prototype in the body', async () => {
    const body = JSON.stringify(orderBody()).replace('{', '{"__proto__":{"admin":true},');
    expect((await service.place(trader, body)).status).toBe(400);
  });
});

describe('numbers', () => {
  const QUANTITY = '123456789012.12345678';

  it('refuses a JSON number that a double cannot carry, with the advice to send a string', async () => {
    for (const source of ['0.1234567890123456789', QUANTITY, '1e400']) {
      const body = JSON.stringify(orderBody()).replace('"quantity":"1"', `"quantity":${source}`);
      const answer = await service.place(trader, body);
      expect([answer.status, answer.json.code]).toEqual([400, 'inexact_number']);
      expect(answer.json).toMatchObject({
        detail: `A double cannot carry ${source} exactly: send it as a string, "${source}".`,
        details: { field: 'quantity' },
      });
    }
    expect(await countOrders()).toBe(0);
  });

  it('takes the same number as a string, and every digit arrives', async () => {
    const order = orderBody({ symbol: 'FINE', quantity: QUANTITY, price: '0.0000001' });
    const answer = await service.place(trader, order);
    expect([answer.status, answer.json.quantity, answer.json.price]).toEqual([201, QUANTITY, '0.0000001']);
    const rows = await db.query<{ q: string }>('SELECT quantity::text AS q FROM execution.orders WHERE id = $1', [
      answer.json.id,
    ]);
    expect(rows).toEqual([{ q: QUANTITY }]);
  });

  it('takes a small JSON number that JavaScript writes with an exponent', async () => {
    const answer = await service.place(trader, orderBody({ symbol: 'FINE', quantity: 1, price: 1e-7 }));
    expect([answer.status, answer.json.price]).toEqual([201, '0.0000001']);
  });
});

describe('Idempotency-Key', () => {
  it('is needed, and must be sane', async () => {
    const missing = await service.ask('POST', '/api/v1/orders', { key: trader, body: orderBody() });
    expect([missing.status, missing.json.code]).toEqual([400, 'idempotency_key_missing']);
    for (const bad of ['two words', 'x'.repeat(256), 'caf\u00e9']) {
      const answer = await service.place(trader, orderBody(), { 'idempotency-key': bad });
      expect([answer.status, answer.json.code]).toEqual([400, 'idempotency_key_invalid']);
    }
    expect(await countOrders()).toBe(0);
  });

  it('gives the first reply again, byte by byte, and says so', async () => {
    const key = { 'idempotency-key': 'replay-1' };
    const first = await service.place(trader, orderBody({ quantity: 0.1 }), key);
    // The same content in another order and spelling is the same request.
    const again = await service.place(
      trader,
      '{"mode":"PAPER","price":100.0,"quantity":"0.10","type":"LIMIT","side":"BUY","symbol":"BTCUSDT"}',
      key,
    );
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.text).toBe(first.text);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.headers['content-type']).toBe(first.headers['content-type']);
    expect(await countOrders()).toBe(1);
  });

  it('gives a denial again, byte by byte, even when the account could pay by now', async () => {
    const key = { 'idempotency-key': 'replay-denied' };
    const body = orderBody({ quantity: '1001', price: '99' });
    const poor = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '5'));
    const first = await service.place(poor, body, key);
    await db.query(
      `WITH gift AS (INSERT INTO portfolio.deposits (id, account_id, amount, note)
         SELECT gen_random_uuid(), id, 1000000, 'test' FROM portfolio.accounts WHERE cash = 5 RETURNING account_id, amount)
       UPDATE portfolio.accounts a SET cash = cash + amount FROM gift WHERE a.id = account_id`,
    );
    const again = await service.place(poor, body, key);
    expect([first.status, again.status, again.headers['idempotency-replayed']]).toEqual([422, 422, 'true']);
    expect(again.headers['content-type']).toBe('application/problem+json');
    expect(again.text).toBe(first.text);
  });

  it('refuses another payload under the same key with 422, and is scoped to the account', async () => {
    const key = { 'idempotency-key': 'same-key' };
    expect((await service.place(trader, orderBody(), key)).status).toBe(201);
    const other = await service.place(trader, orderBody({ quantity: '2' }), key);
    expect([other.status, other.json.code]).toEqual([422, 'idempotency_mismatch']);
    const stranger = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '1000'));
    expect((await service.place(stranger, orderBody({ quantity: '2' }), key)).status).toBe(201);
  });

  it('answers 409 while the first request is in flight, and Retry-After', async () => {
    const holder = await db.connect();
    const lock = createHash('sha256').update(`${accountId}\nbusy`).digest().readBigInt64BE(0).toString();
    await holder.query('BEGIN');
    await holder.query('SELECT pg_advisory_xact_lock($1::bigint)', [lock]);
    const busy = await service.place(trader, orderBody(), { 'idempotency-key': 'busy' });
    expect([busy.status, busy.json.code, busy.headers['retry-after']]).toEqual([409, 'idempotency_in_flight', '1']);
    await holder.query('COMMIT');
    expect((await service.place(trader, orderBody(), { 'idempotency-key': 'busy' })).status).toBe(201);
  });

  it('makes one order of twenty requests at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.place(trader, orderBody(), { 'idempotency-key': 'burst' })),
    );
    const statuses = new Set(answers.map((answer) => answer.status));
    expect([...statuses].every((status) => status === 201 || status === 409)).toBe(true);
    expect(statuses.has(201)).toBe(true);
    expect(new Set(answers.filter((answer) => answer.status === 201).map((answer) => answer.text)).size).toBe(1);
    expect(await countOrders()).toBe(1);
  });
});

describe('GET /api/v1/orders', () => {
  it('pages through, newest first, without repeating or skipping', async () => {
    const placed: unknown[] = [];
    for (let n = 0; n < 5; n += 1) placed.unshift((await service.place(trader, orderBody())).json.id);
    const seen: unknown[] = [];
    let cursor: unknown = '';
    for (let page = 0; page < 5 && cursor !== null; page += 1) {
      const query = cursor === '' ? '' : `&cursor=${cursor}`;
      const { json } = await service.ask('GET', `/api/v1/orders?limit=2${query}`, { key: trader });
      seen.push(...(json.orders as { id: string }[]).map((order) => order.id));
      cursor = json.nextCursor;
    }
    expect(seen).toEqual(placed);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'status=LOST', 'symbol=%00', 'page=2', 'limit=1&limit=2', 'cursor=abc'])(
    'refuses ?%s',
    async (query) => {
      const answer = await service.ask('GET', `/api/v1/orders?${query}`, { key: trader });
      expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
    },
  );
});

describe('the kill switch', () => {
  it('stops new orders and nothing else, and the same key works once it is cleared', async () => {
    const resting = await service.place(trader, orderBody());
    const halt = { state: 'HALTED', reason: 'a test of the switch' };
    const halted = await service.ask('PUT', '/api/v1/kill-switch', { key: operator, body: halt });
    expect([halted.status, halted.json]).toEqual([200, expect.objectContaining(halt)]);
    expect(halted.json.changedBy).toMatch(/^operator:[0-9a-f-]{36}$/);
    expect((await service.ask('GET', '/api/v1/kill-switch', { key: trader })).json).toEqual(halted.json);
    const refused = await service.place(trader, orderBody(), { 'idempotency-key': 'stopped' });
    expect([refused.status, refused.json.code, refused.json.details]).toEqual([409, 'kill_switch_engaged', halt]);

    await quote(db.pool(), '90', '95');
    const cycle = await service.ask('POST', '/api/trade/process-orders', { key: service.processorKey });
    expect([cycle.status, cycle.json]).toEqual([200, expect.objectContaining({ status: 'ran', failed: 0 })]);
    expect((await service.ask('GET', `/api/v1/orders/${resting.json.id}`, { key: trader })).json.status).toBe('FILLED');
    const health = await service.ask('GET', '/api/trade/process-orders', { key: service.processorKey });
    const { examined, executed, expired, failed } = cycle.json;
    expect(health.json).toMatchObject({ status: 'ok', lastCycle: { examined, executed, expired, failed } });

    const clear = { state: 'ACTIVE', reason: 'the test is over' };
    const cleared = await service.ask('PUT', '/api/v1/kill-switch', { key: operator, body: clear });
    expect(cleared.json).toMatchObject({ ...clear, version: Number(halted.json.version) + 1 });
    expect((await service.place(trader, orderBody(), { 'idempotency-key': 'stopped' })).status).toBe(201);
    const events = await db.query('SELECT to_state, reason FROM risk.kill_switch_events ORDER BY version DESC LIMIT 2');
    expect(events).toEqual([
      { to_state: 'ACTIVE', reason: clear.reason },
      { to_state: 'HALTED', reason: halt.reason },
    ]);
    expect(service.log.filter((line) => line.includes('Kill switch changed'))).toHaveLength(2);
  });

  it.each([
    { state: 'HALTED' },
    { state: 'OFF', reason: 'x' },
    { state: 'HALTED', reason: '  ' },
    { state: 'ACTIVE', reason: 'x', by: 'me' },
  ])('refuses %j', async (body) => {
    const answer = await service.ask('PUT', '/api/v1/kill-switch', { key: operator, body });
    expect([answer.status, answer.json.code]).toEqual([400, 'invalid_request']);
    expect((await service.ask('GET', '/api/v1/kill-switch', { key: operator })).json.state).toBe('ACTIVE');
  });
});

describe('POST /api/v1/orders/:id/cancel', () => {
  const cancel = (id: unknown, key = trader) => service.ask('POST', `/api/v1/orders/${id}/cancel`, { key });

  it('answers with the canceled order, again and again, also while the kill switch is engaged', async () => {
    const placed = await service.place(trader, orderBody());
    const halt = { state: 'HALTED', reason: 'a test of cancel' };
    await service.ask('PUT', '/api/v1/kill-switch', { key: operator, body: halt });
    try {
      const canceled = await cancel(placed.json.id);
      expect([canceled.status, canceled.json]).toEqual([
        200,
        expect.objectContaining({ id: placed.json.id, status: 'CANCELED', reservedCash: '0' }),
      ]);
      const again = await cancel(placed.json.id);
      expect([again.status, again.text]).toEqual([200, canceled.text]);
    } finally {
      const clear = { state: 'ACTIVE', reason: 'the test is over' };
      await service.ask('PUT', '/api/v1/kill-switch', { key: operator, body: clear });
    }
    const portfolio = await service.ask('GET', '/api/v1/portfolio', { key: trader });
    expect(portfolio.json).toMatchObject({ cash: '100000', reserved: '0' });
  });

  it('tells a filled order with 409, and a foreign, unknown or malformed id with 404', async () => {
    const filled = await service.place(trader, orderBody({ price: '200' }));
    await quote(db.pool(), '90', '95');
    await service.ask('POST', '/api/trade/process-orders', { key: service.processorKey });
    const late = await cancel(filled.json.id);
    expect([late.status, late.json.code, late.json.details]).toEqual([
      409,
      'order_not_cancelable',
      { status: 'FILLED' },
    ]);
    const stranger = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '1000'));
    const ids = [randomUUID(), 'mine', '%00'];
    const answers = await Promise.all([cancel(filled.json.id, stranger), ...ids.map((id) => cancel(id))]);
    expect(answers.map(({ status, json }) => [status, json.code])).toEqual(answers.map(() => [404, 'order_not_found']));
  });

  it('is for those who may trade', async () => {
    const placed = await service.place(trader, orderBody());
    const viewer = await addKey(db.pool(), 'viewer', accountId);
    expect((await cancel(placed.json.id, viewer)).status).toBe(403);
    expect((await service.ask('POST', `/api/v1/orders/${placed.json.id}/cancel`)).status).toBe(401);
  });
});
