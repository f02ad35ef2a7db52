import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Route, route } from '../src/http/route.ts';
import { createServer } from '../src/http/server.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { ask } from './support/client.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

let db: TestDatabase;
let service: RunningApp;
let trader: string;

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
  trader = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '1000000'));
  service = await startApp(db.url, { BODY_LIMIT_BYTES: '2048', REQUEST_TIMEOUT_MS: '2600', LOCK_TIMEOUT_MS: '300' });
});
afterAll(async () => {
  await service.close();
  await db.drop();
});

describe('what cannot be read', () => {
  it.each([
    ['a body that is too large', ' '.repeat(3000), {}, 413, 'body_too_large'],
    ['a body that is not JSON', '{"symbol":', {}, 400, 'invalid_request'],
    ['an empty body', '', {}, 400, 'invalid_request'],
    ['a body nested beyond reason', '['.repeat(2000), {}, 400, 'body_too_deep'],
    [
      'a form',
      'symbol=BTCUSDT',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported_media_type',
    ],
    ['plain text', '{}', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    ['an unknown charset', '{}', { 'content-type': 'application/json; charset=x-none' }, 415, 'unsupported_media_type'],
  ])('%s', async (_what, body, headers, status, code) => {
    const answer = await service.place(trader, body, headers);
    expect([answer.status, answer.json.code, answer.headers['content-type']]).toEqual([
      status,
      code,
      'application/problem+json',
    ]);
    expect(answer.text).not.toContain('SyntaxError');
  });

  it('a compressed body, however small', async () => {
    const body = gzipSync(JSON.stringify(orderBody())).toString('latin1');
    const answer = await service.place(trader, body, { 'content-encoding': 'gzip' });
    expect([answer.status, answer.json.code]).toEqual([415, 'unsupported_media_type']);
  });

  it('a path that is not properly encoded', async () => {
    const answer = await service.ask('GET', '/api/v1/orders/%E0%A4%A', { key: trader });
    expect([answer.status, answer.json.code]).toEqual([400, 'invalid_request']);
  });

  it('takes over a sane request id, and makes one in place of any other', async () => {
    const withId = (id: string) => service.ask('GET', '/health', { headers: { 'x-request-id': id } });
    expect((await withId('caller-0123456789')).headers['x-request-id']).toBe('caller-0123456789');
    for (const bad of ['short', 'a"b<c>0123456789', 'x'.repeat(200)]) {
      expect((await withId(bad)).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('keeps idle connections longer than the 60 s of common proxies', async () => {
    const answer = await ask(service.url, 'GET', '/health', { headers: { connection: 'keep-alive' } });
    expect(answer.headers['keep-alive']).toBe('timeout=65');
  });

  it('sends the headers that browsers and proxies need', async () => {
    const { headers } = await service.ask('GET', '/health');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    expect(headers['strict-transport-security']).toContain('max-age=');
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('what nobody foresaw', () => {
  it('is a 500 that says nothing, logged once with its cause under the same request id', async () => {
    await db.query('ALTER TABLE portfolio.positions RENAME TO positions_gone');
    const answer = await service.ask('GET', '/api/v1/portfolio', { key: trader });
    await db.query('ALTER TABLE portfolio.positions_gone RENAME TO positions');
    expect(answer.json).toEqual({
      type: 'urn:order-service:problem:internal',
      title: 'Internal Server Error',
      status: 500,
      code: 'internal',
      detail: 'Something went wrong.',
      instance: answer.headers['x-request-id'],
    });
    const lines = service.log.filter((line) => line.includes('Request failed unexpectedly'));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      requestId: answer.json.instance,
      err: { code: 'internal', cause: { code: '42P01' } },
    });
  });
});

describe('what takes too long', () => {
  it('a lock that another holds is given up with 503 and Retry-After, and nothing is changed', async () => {
    const holder = await db.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM portfolio.accounts FOR UPDATE');
    const answer = await service.place(trader, orderBody());
    await holder.query('ROLLBACK');
    expect([answer.status, answer.json.code, answer.headers['retry-after']]).toEqual([503, 'database_timeout', '1']);
    expect(await db.query('SELECT FROM execution.orders')).toHaveLength(0);
    expect((await service.place(trader, orderBody())).status).toBe(201);
  });

  it('a body that never arrives is given up, once, at the request timeout', async () => {
    const socket = connect({ port: Number(new URL(service.url).port), host: '127.0.0.1' });
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
      socket.write(
        `POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${trader}\r\nIdempotency-Key: slow\r\n` +
          'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"symbol"',
      );
    });
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain('"code":"request_timeout"');
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

describe('a handler that answers after its time', () => {
  it.each(['resolves', 'rejects'] as const)(
    'and then %s: the client has its one answer, the process goes on',
    async (how) => {
      const gate = Promise.withResolvers<void>();
      const late: Route = route({
        method: 'GET',
        path: '/late',
        summary: 'Waits.',
        access: 'public',
        responses: {},
        handler: async () => {
          await gate.promise;
          return { status: 200, body: { late: true } };
        },
      });
      const log: string[] = [];
      const express = createServer([late], {
        logger: createLogger({
          level: 'info',
          nodeEnv: 'test',
          secrets: [],
          destination: { write: (line) => log.push(line) },
        }),
        orderProcessingApiKey: 'unused',
        identifyKey: async () => ({ kind: 'unknown', locks: [] }),
        countAuthFailure: () => undefined,
        corsOrigins: [],
        rateLimitPerMinutePublic: 100,
        requestTimeoutMs: 50,
        bodyLimitBytes: 1024,
        trustProxyHops: 0,
        rateLimitPerMinuteAddress: 100,
        rateLimitPerHourKey: 100,
        observe: () => undefined,
        inFlightMax: 10,
        inFlightMaxWhenLate: 10,
        isPoolBehind: () => false,
        isLate: () => false,
        countShed: () => undefined,
        isDraining: () => false,
      });
      const server = createHttpServer(express).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const answer = await ask(url, 'GET', '/late');
      expect([answer.status, answer.json.code, answer.headers['retry-after']]).toEqual([503, 'request_timeout', '1']);
      if (how === 'resolves') gate.resolve();
      else gate.reject(new Error('too late anyway'));
      if (how === 'rejects') {
        await eventually('the late error is logged', async () => log.some((line) => line.includes('too late anyway')));
      }
      expect((await ask(url, 'GET', '/elsewhere')).status).toBe(401);
      expect(log.filter((line) => line.includes('"msg":"request timed out"'))).toHaveLength(1);
      server.close();
    },
  );
});
