import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

const DESK = 'https://desk.example';
let db: TestDatabase;
let service: RunningApp;
let trader: string;

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
  trader = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '1000000'));
  service = await startApp(db.url, { CORS_ORIGINS: `${DESK},https://desk.example:8443`, BODY_LIMIT_BYTES: '2048' });
});
afterAll(async () => {
  await service.close();
  await db.drop();
});

/** What a client sends on a bare connection, and all that comes back until it is closed. */
function talk(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port: Number(new URL(service.url).port), host: '127.0.0.1' });
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    socket.write(text);
  });
}

describe('the headers of every answer', () => {
  it.each([
    ['a public route', 200, () => service.ask('GET', '/health')],
    ['no key', 401, () => service.ask('GET', '/api/v1/portfolio')],
    ['an unknown path', 404, () => service.ask('GET', '/nowhere', { key: trader })],
    ['a wrong role', 403, () => service.ask('PUT', '/api/v1/kill-switch', { key: trader, body: {} })],
    ['a body that is too large', 413, () => service.place(trader, ' '.repeat(3000))],
    ['a body that is too deep', 400, () => service.place(trader, '['.repeat(17) + ']'.repeat(17))],
    ['a form', 415, () => service.place(trader, 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })],
    ['an order', 201, () => service.place(trader, orderBody())],
    ['a preflight', 204, () => service.ask('OPTIONS', '/api/v1/orders', { headers: preflight(DESK) })],
  ])('%s', async (_what, status, get) => {
    const { headers, ...answer } = await get();
    expect(answer.status).toBe(status);
    expect(headers).toMatchObject({
      'strict-transport-security': 'max-age=63072000; includeSubDomains',
      'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
    expect(headers['x-powered-by']).toBeUndefined();
  });

  it.each([
    ['headers that are too large', `GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['what is no HTTP', 'nonsense\r\n\r\n', 400],
  ])('%s, where no request came about', async (_what, text, status) => {
    const answer = await talk(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    for (const header of ['Strict-Transport-Security', 'Content-Security-Policy', 'X-Content-Type-Options'])
      expect(answer).toContain(`\r\n${header}: `);
    const [, body = ''] = answer.split('\r\n\r\n');
    expect(JSON.parse(body)).toMatchObject({ status, code: 'invalid_request' });
  });

  it('sixteen levels of a body are read, and brackets in strings are no levels', async () => {
    const deep = await service.place(trader, '['.repeat(16) + ']'.repeat(16));
    expect(deep.json.code).toBe('invalid_request');
    const quoted = await service.place(trader, orderBody({ clientOrderId: '[[[[{{{{[[[[{{{{[[[[{{{{\\"[[[' }));
    expect(quoted.status).toBe(201);
  });
});

function preflight(origin: string): Record<string, string> {
  return { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'idempotency-key' };
}

const corsHeaders = (headers: Readonly<Record<string, unknown>>) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

describe('origins', () => {
  it.each([
    'https://evil.example',
    'null',
    'http://desk.example',
    'https://desk.example:444',
    'https://desk.example.evil.example',
    'https://evil-desk.example',
    'https://sub.desk.example',
    'https://DESK.example',
    'https://desk.example/',
    'file://',
    '',
  ])('nothing is said to %j', async (origin) => {
    for (const [method, path] of [
      ['GET', '/health'],
      ['GET', '/api/v1/portfolio'],
      ['GET', '/nowhere'],
    ] as const) {
      const { headers } = await service.ask(method, path, { key: trader, headers: { origin } });
      expect([path, corsHeaders(headers)]).toEqual([path, []]);
      expect(headers.vary).toContain('Origin');
    }
    const refused = await service.ask('OPTIONS', '/api/v1/orders', { headers: preflight(origin) });
    expect([refused.status, corsHeaders(refused.headers)]).toEqual([401, []]);
  });

  it.each([DESK, 'https://desk.example:8443'])('%s may read answers, errors included', async (origin) => {
    for (const key of [trader, 'wrong']) {
      const { headers } = await service.ask('GET', '/api/v1/portfolio', { key, headers: { origin } });
      expect(headers).toMatchObject({ 'access-control-allow-origin': origin, vary: expect.stringContaining('Origin') });
      expect(headers['access-control-expose-headers']).toContain('Idempotency-Replayed');
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    }
  });

  it('a preflight of an allowed origin is answered without a key, and counted as such', async () => {
    const { status, headers, text } = await service.ask('OPTIONS', '/api/v1/orders', { headers: preflight(DESK) });
    expect([status, text]).toEqual([204, '']);
    expect(headers).toMatchObject({
      'access-control-allow-origin': DESK,
      'access-control-allow-methods': 'GET, POST, PUT',
      'access-control-allow-headers': expect.stringContaining('Idempotency-Key'),
      'access-control-max-age': '7200',
    });
    const plain = await service.ask('OPTIONS', '/api/v1/orders', { headers: { origin: DESK } });
    expect(plain.status).toBe(401);
  });
});
