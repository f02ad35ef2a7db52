import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, placed, quote } from './support/fixtures.ts';
import { addKey, type RunningApp, startApp } from './support/running-app.ts';

const BOUNDS = { quoteMaxAgeMs: 15_000, batch: 500 };
let db: TestDatabase;
let service: RunningApp;
let accountId: string;
let viewer: string;

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
  service = await startApp(db.url, { PNL_METHOD: 'fifo' });
});
beforeEach(async () => {
  await quote(db.pool(), '100', '100');
  accountId = await addAccount(db.pool(), '100000');
  viewer = await addKey(db.pool(), 'viewer', accountId);
});
afterAll(async () => {
  await service.close();
  await db.drop();
});

async function fill(side: 'BUY' | 'SELL', quantity: string, price: string): Promise<string> {
  await quote(db.pool(), price, price);
  const { id } = await placed(db.pool(), accountId, { side, quantity, price });
  await executeLimitOrders(db.pool(), BOUNDS);
  return id;
}

describe('GET /api/v1/portfolio', () => {
  it('shows profit by the configured method, with the price and its age', async () => {
    await fill('BUY', '1', '100');
    await fill('BUY', '1', '200');
    await fill('SELL', '1', '150');
    const { status, json } = await service.ask('GET', '/api/v1/portfolio', { key: viewer });
    expect([status, json]).toEqual([
      200,
      {
        cash: '99850',
        reserved: '0',
        realised: '50',
        unrealised: '-50',
        pnlMethod: 'fifo',
        positions: [
          {
            symbol: 'BTCUSDT',
            quantity: '1',
            reserved: '0',
            cost: '200',
            realised: '50',
            unrealised: '-50',
            price: '150',
            priceAgeMs: expect.any(Number),
            reason: null,
          },
        ],
      },
    ]);
  });
});

describe('whose it is', () => {
  it.each(['portfolio', 'fills', 'activity'])(
    '/api/v1/%s is read of any account by operators who name it, and by nobody else',
    async (list) => {
      const operator = await addKey(db.pool(), 'operator', null);
      const named = `/api/v1/${list}?accountId=${accountId}`;
      expect((await service.ask('GET', named, { key: operator })).status).toBe(200);
      expect((await service.ask('GET', named, { key: viewer })).json.code).toBe('forbidden');
      expect((await service.ask('GET', `/api/v1/${list}`, { key: operator })).json.code).toBe('account_required');
      const unknown = `/api/v1/${list}?accountId=00000000-0000-7000-8000-000000000000`;
      const nobody = await service.ask('GET', unknown, { key: operator });
      expect(nobody.status).toBe(list === 'portfolio' ? 403 : 200);
    },
  );
});

describe('GET /api/v1/fills', () => {
  it('pages through, newest first; what comes in between neither repeats nor hides anything', async () => {
    const orders: string[] = [];
    for (let n = 0; n < 5; n += 1) orders.unshift(await fill('BUY', '0.1', '100'));
    const seen: unknown[] = [];
    let cursor: unknown = '';
    for (let page = 0; page < 5 && cursor !== null; page += 1) {
      const { json } = await service.ask('GET', `/api/v1/fills?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`, {
        key: viewer,
      });
      seen.push(...(json.fills as { orderId: string }[]).map((each) => each.orderId));
      cursor = json.nextCursor;
      await fill('SELL', '0.1', '100');
    }
    expect(seen).toEqual(orders);
  });

  it('shows what was paid, filters by symbol, and never shows another account', async () => {
    const orderId = await fill('BUY', '0.5', '100');
    const { json } = await service.ask('GET', '/api/v1/fills?symbol=BTCUSDT', { key: viewer });
    expect(json).toEqual({
      fills: [
        {
          id: expect.any(String),
          orderId,
          symbol: 'BTCUSDT',
          side: 'BUY',
          quantity: '0.5',
          price: '100',
          fee: '0',
          at: expect.any(String),
        },
      ],
      nextCursor: null,
    });
    expect((await service.ask('GET', '/api/v1/fills?symbol=ETHUSDT', { key: viewer })).json).toMatchObject({
      fills: [],
    });
    const stranger = await addKey(db.pool(), 'viewer', await addAccount(db.pool(), '1'));
    expect((await service.ask('GET', '/api/v1/fills', { key: stranger })).json).toEqual({
      fills: [],
      nextCursor: null,
    });
  });

  it.each([
    'limit=0',
    'limit=101',
    'cursor=abc',
    `cursor=${Buffer.from('other 5').toString('base64url')}`,
    `cursor=${Buffer.from('fills 9223372036854775808').toString('base64url')}`,
    'page=2',
  ])('refuses ?%s', async (query) => {
    const answer = await service.ask('GET', `/api/v1/fills?${query}`, { key: viewer });
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
  });
});
