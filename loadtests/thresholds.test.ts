import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';

/** What k6 exits with when a threshold is crossed, and when a script throws before its first iteration. */
const THRESHOLDS_CROSSED = 99;
const SCRIPT_EXCEPTION = 107;
const RUN_TIMEOUT_MS = 45_000;

const k6 = findK6();
let server: Server | undefined;

afterEach(async () => {
  const running = server;
  server = undefined;
  running?.closeAllConnections();
  if (running) await new Promise((resolve) => running.close(resolve));
});

// Without k6 these are shown as skipped; `make setup` builds it.
describe.skipIf(k6 === undefined)('a load test goes red when its promise is broken', () => {
  test('smoke passes on a service that does what it promises', async () => {
    const { code, output } = await run('smoke.ts', await start({}), { ITERATIONS: '2' });
    expect(output).toContain('checks_succeeded...: 100.00% 34 out of 34');
    expect(code).toBe(0);
  });

  test.each([
    ['a replay makes a second order', { forgetsKeys: true }, '✗ the same key gives the same bytes'],
    ['a trader may move the kill switch', { putStatus: 422 }, '✗ a trader may not move the kill switch: 403'],
  ])('smoke fails when %s', async (_what, fault, line) => {
    const { code, output } = await run('smoke.ts', await start(fault), { ITERATIONS: '1' });
    expect(output).toContain(line);
    expect(code).toBe(THRESHOLDS_CROSSED);
  });

  test.each([
    ['answers too slowly', '1', { delayMs: 30 }, "✗ 'p(95)<20'"],
    ['refuses orders', '1', { orderStatus: 503 }, "✗ 'rate<0.001'"],
    ['answers 201 without an order', '1', { orderStatus: 201, emptyReply: true }, "✗ 'rate==1'"],
    // Long enough that the virtual users run out: they bridge 1.5 s.
    ['stalls for longer than the virtual users can bridge', '2', { delayMs: 2_500 }, "✗ 'count==0'"],
  ])('placement fails when the service %s', async (_what, durationS, fault, line) => {
    const { code, output } = await run('placement.ts', await start(fault), { DURATION_S: durationS, WARM_UP_S: '1' });
    expect(output).toContain(line);
    expect(code).toBe(THRESHOLDS_CROSSED);
  });

  test('an hour tells its windows apart, and fails on a slow one', async () => {
    const { code, output } = await run('hour.ts', await start({ delayMs: 30 }), {
      ...{ WINDOWS: '2', WINDOW_S: '1', WARM_UP_S: '1' },
    });
    expect(output).toMatch(/http_req_duration\{scenario:window_1\}|\{ scenario:window_1 \}/);
    expect(output).toContain("✗ 'p(95)<20'");
    expect(code).toBe(THRESHOLDS_CROSSED);
  });

  test('a hundred users fail on a single refused order', async () => {
    const { code, output } = await run('users-100.ts', await start({ orderStatus: 429 }), {
      USERS: '5',
      DURATION_S: '4',
    });
    expect(output).toContain("✗ 'rate==0'");
    expect(code).toBe(THRESHOLDS_CROSSED);
  });

  test.each(['smoke.ts', 'placement.ts', 'users-100.ts', 'hour.ts'])(
    '%s measures nothing without a key',
    async (script) => {
      const { code, output } = await run(script, 'http://127.0.0.1:1', { TRADER_KEYS: '' });
      expect(output).toContain('no trader key: set TRADER_KEYS or TRADER_KEYS_FILE');
      expect(code).toBe(SCRIPT_EXCEPTION);
    },
  );

  test('a rate that is no number ends the run at once', async () => {
    const { code, output } = await run('placement.ts', 'http://127.0.0.1:1', { RATE_PER_S: 'fast' });
    expect(output).toContain('RATE_PER_S is not a whole number from 1 to 5000');
    expect(code).toBe(SCRIPT_EXCEPTION);
  });
});

interface Fault {
  readonly delayMs?: number;
  readonly orderStatus?: number;
  readonly emptyReply?: boolean;
  readonly forgetsKeys?: boolean;
  readonly putStatus?: number;
}

type Reply = readonly [status: number, body: string, headers?: Record<string, string>];

/** Starts the part of the service that the load tests use, with one fault, on a free loopback port. */
async function start(fault: Fault): Promise<string> {
  const orders = new Map<string, string>();
  const started = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    if (fault.delayMs !== undefined) await delay(fault.delayMs);
    const [status, body, headers] = replyTo(request, orders, fault);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

function replyTo(request: IncomingMessage, orders: Map<string, string>, fault: Fault): Reply {
  const [path = ''] = (request.url ?? '').split('?');
  if (/^\/(health|openapi|api\/v1\/health)/.test(path)) return [200, '{}'];
  if (request.headers.authorization === undefined) return [401, '{}'];
  if (request.method === 'POST') return placementReply(request, orders, fault);
  if (request.method === 'PUT') return [fault.putStatus ?? 403, '{}'];
  if (path === '/api/v1/orders') return [200, JSON.stringify([...orders.values()].map((order) => JSON.parse(order)))];
  const id = /^\/api\/v1\/orders\/([^/]+)/.exec(path)?.[1];
  if (id === undefined) return [200, '{}'];
  const order = [...orders.values()].find((candidate) => candidate.includes(id));
  return order === undefined ? [404, '{}'] : [200, order];
}

function placementReply(request: IncomingMessage, orders: Map<string, string>, fault: Fault): Reply {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string') return [400, '{}'];
  if (fault.orderStatus !== undefined) return [fault.orderStatus, fault.emptyReply ? '{}' : '{"code":"refused"}'];
  const known = orders.get(key);
  if (known !== undefined && !fault.forgetsKeys) return [201, known, { 'Idempotency-Replayed': 'true' }];
  const order = JSON.stringify({ id: randomUUID() });
  orders.set(key, order);
  return [201, order];
}

function run(
  script: string,
  baseUrl: string,
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(k6 ?? 'k6', ['run', '--quiet', '--no-usage-report', '--no-color', path], {
    env: { HOME: '/nonexistent', BASE_URL: baseUrl, TRADER_KEYS: 'key-one,key-two', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

function findK6(): string | undefined {
  const built = fileURLToPath(new URL('../.tools/bin/k6', import.meta.url));
  const onPath = (process.env.PATH ?? '').split(':').map((directory) => `${directory}/k6`);
  return [built, ...onPath].find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
