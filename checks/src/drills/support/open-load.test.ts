import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WriteTarget } from '../../io/writes.ts';
import { writeAtRate, writeSaturated } from './open-load.ts';

/** Takes every second write, and refuses the others with the advice to come back. */
let server: Server;
let from: WriteTarget;
let writes: number;
let keys: Set<string>;
beforeEach(async () => {
  [writes, keys] = [0, new Set()];
  server = createServer((request, response) => {
    writes += 1;
    keys.add(String(request.headers['idempotency-key']));
    if (writes % 2 === 1) response.writeHead(201).end(JSON.stringify({ id: String(writes) }));
    else response.writeHead(503, { 'retry-after': '1' }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const request = { method: 'POST', path: '/things' } as const;
  const write = { request, idempotencyHeader: 'Idempotency-Key', acceptedStatus: 201, idField: 'id', storedIds: '' };
  const target = { url, databaseUrl: '', credentials: { writers: ['one', 'other'] } };
  from = { config: { write }, target, signal: new AbortController().signal };
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('writes at a rate are as many as were asked for, each with a key of its own, whatever became of the others', async () => {
  const { attempts, goodput } = await writeAtRate(from, 200, 300);
  expect([attempts.length, writes, keys.size]).toEqual([60, 60, 60]);
  expect(new Set(attempts.map(({ writer }) => writer))).toEqual(new Set([0, 1]));
  expect(attempts.filter(({ accepted }) => accepted)).toHaveLength(30);
  expect(attempts.filter(({ retryAfter }) => retryAfter === '1')).toHaveLength(30);
  // Not more than all that were taken; fewer when this machine was kept from reading the last answers in time.
  expect(goodput).toBeLessThanOrEqual(100);
});

test('what is taken of a saturating load is counted for the time in which it was sent', async () => {
  const { attempts, goodput, ms } = await writeSaturated(from, 2, 100);
  const taken = attempts.filter(({ accepted }) => accepted).length;
  expect(taken).toBeGreaterThan(0);
  expect(goodput).toBeLessThanOrEqual((taken * 1_000) / ms);
});
