import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './support/client.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { startOtlpReceiver } from './support/otlp-receiver.ts';
import { addKey, orderBody, startApp, testEnvironment } from './support/running-app.ts';
import { endProcess, REGISTER, type RunningProcess, startProcess } from './support/running-process.ts';

let db: TestDatabase;
let trader: string;
let running: RunningProcess | undefined;

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
  trader = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '1000000'));
});
afterEach(() => endProcess(running));
afterAll(() => db.drop());

describe('metrics', () => {
  it('are on a port of their own, with every counter at 0 before the first request', async () => {
    const service = await startApp(db.url);
    const scrape = async () => (await ask(service.metricsUrl, 'GET', '/metrics')).text.split('\n');
    const fresh = await scrape();
    expect(fresh).toEqual(
      expect.arrayContaining([
        'orders_total{outcome="placed"} 0',
        'orders_total{outcome="denied"} 0',
        'orders_total{outcome="replayed"} 0',
        'orders_total{outcome="refused"} 0',
        'orders_total{outcome="failed"} 0',
        'limit_processor_orders_total{result="executed"} 0',
        'limit_processor_failed_cycles_total 0',
        'database_pool_connections{pool="api",state="used"} 0',
        'database_pool_waiting{pool="api"} 0',
        'database_pool_max_connections{pool="api"} 8',
        'database_pool_max_connections{pool="access"} 2',
        'kill_switch_engaged 0',
        'database_up 1',
        'log_lines_total{level="error"} 0',
        'log_alarms_total{message="Critical error in order processing"} 0',
        'log_alarms_total{message="Failed to execute limit order"} 0',
        'log_alarms_total{message="Unable to get price for asset"} 0',
      ]),
    );
    expect((await service.ask('GET', '/metrics', { key: trader })).status).toBe(404);
    expect((await ask(service.metricsUrl, 'GET', '/')).status).toBe(404);

    const key = { 'idempotency-key': randomUUID() };
    await service.place(trader, orderBody(), key);
    await service.place(trader, orderBody(), key);
    await service.place(trader, orderBody({ quantity: '1000000' }));
    await service.place(trader, orderBody({ symbol: 'NOPE' }));
    await service.ask('GET', `/api/v1/orders/${randomUUID()}`, { key: trader });
    await service.ask('POST', '/api/trade/process-orders', { key: service.processorKey });
    const after = await scrape();
    const labels = (method: string, route: string, status: number) =>
      `{http_request_method="${method}",http_route="${route}",http_response_status_code="${status}"}`;
    expect(after).toEqual(
      expect.arrayContaining([
        'orders_total{outcome="placed"} 1',
        'orders_total{outcome="replayed"} 1',
        'orders_total{outcome="denied"} 1',
        'orders_total{outcome="refused"} 1',
        `http_server_request_duration_seconds_count${labels('POST', '/api/v1/orders', 201)} 2`,
        `http_server_request_duration_seconds_count${labels('GET', '/api/v1/orders/:id', 404)} 1`,
        'limit_processor_cycle_duration_seconds_count 1',
      ]),
    );
    await service.close();
  });

  it('tell how the work behind the requests stands', async () => {
    const service = await startApp(db.url, {}, 'all');
    const seen = await eventually('workers, books and outbox are seen', async () => {
      const lines = (await ask(service.metricsUrl, 'GET', '/metrics')).text.split('\n');
      return (
        ['reconciliation_age_seconds ', 'worker_heartbeat_age_seconds{'].every((name) =>
          lines.some((line) => line.startsWith(name)),
        ) && lines
      );
    });
    for (const worker of ['limit-processor', 'reconciler', 'idempotency-reaper']) {
      const age = seen.find((line) => line.startsWith(`worker_heartbeat_age_seconds{worker="${worker}"} `));
      expect([worker, Number(age?.split(' ')[1])]).toEqual([worker, expect.closeTo(0, -1)]);
      expect(seen).toContain(`worker_paused{worker="${worker}"} 0`);
    }
    expect(seen).toEqual(expect.arrayContaining(['reconciliation_actions 0', 'reconciliation_unresolved 0']));
    // The test before placed two that were stored, for one account that has a million and holds nothing.
    const exact = ['orders_waiting 0', 'orders_busiest_account_per_minute 2', 'webhook_backlog_deliveries 0'];
    expect(seen).toEqual(expect.arrayContaining([...exact, 'portfolio_value 1000000', 'portfolio_profit 0']));
    const numbers = ['outbox_backlog_events', 'portfolio_staleness_seconds', 'reconciliation_duration_seconds'];
    for (const name of numbers) expect(seen.some((line) => line.startsWith(`${name} `))).toBe(true);
    // There is no Redis here, and nothing is said of one.
    expect(seen.some((line) => line.startsWith('redis_up'))).toBe(false);
    await service.close();
    expect(await db.query('SELECT FROM workers.workers')).toEqual([]);
  });
});

describe('what an alert waits for', () => {
  it('is counted when it is logged, and a database that is gone shows at the next scrape', async () => {
    const lost = await createTestDatabase();
    const service = await startApp(lost.url);
    await lost.drop();
    expect((await service.ask('POST', '/api/trade/process-orders', { key: service.processorKey })).status).not.toBe(
      200,
    );
    const lines = (await ask(service.metricsUrl, 'GET', '/metrics')).text.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining(['database_up 0', 'log_alarms_total{message="Critical error in order processing"} 1']),
    );
    const errors = lines.find((line) => line.startsWith('log_lines_total{level="error"} '));
    expect(Number(errors?.split(' ').at(-1))).toBeGreaterThanOrEqual(1);
    await service.close();
  });
});

describe('tracing', () => {
  it('sends HTTP, Express and PostgreSQL spans of one trace, and the log names it', async () => {
    const receiver = await startOtlpReceiver();
    const env = testEnvironment(db.url, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    });
    const service = await startProcess({ env, node: ['--import', REGISTER], args: ['--role', 'api'] });
    running = service;
    const headers = { 'idempotency-key': randomUUID() };
    const body = orderBody({ clientOrderId: 'canary-parameter' });
    const placed = await ask(service.url, 'POST', '/api/v1/orders', { key: trader, headers, body });
    expect(placed.status).toBe(201);
    expect((await ask(service.url, 'GET', '/health/ready')).status).toBe(200);
    // Leaving flushes what is still buffered.
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    await receiver.close();

    const server = receiver.spans.filter((span) => span.scope === '@opentelemetry/instrumentation-http');
    expect(server.map((span) => [span.name, span.kind])).toEqual([['POST /api/v1/orders', 2]]);
    const traceId = server[0]?.traceId;
    const ofTrace = (scope: string) =>
      receiver.spans.filter((span) => span.scope === scope && span.traceId === traceId);
    const express = ofTrace('@opentelemetry/instrumentation-express');
    expect(express.map((span) => span.attributes['http.route'])).toContain('/api/v1/orders');
    const statements = ofTrace('@opentelemetry/instrumentation-pg').map((span) =>
      String(span.attributes['db.statement'] ?? span.attributes['db.query.text'] ?? ''),
    );
    expect(statements.some((text) => text.includes('access.api_keys'))).toBe(true);
    expect(statements.some((text) => text.includes('INSERT INTO execution.orders'))).toBe(true);
    expect(receiver.raw()).not.toContain('canary-parameter');
    expect(receiver.raw()).not.toContain(trader);
    const line = service.log().find((each) => each.msg === 'request' && each.route === '/api/v1/orders');
    expect(line).toMatchObject({ traceId, status: 201 });
    expect(service.stderr()).toBe('');
  });

  it('costs nothing without an endpoint', async () => {
    const service = await startProcess({
      env: testEnvironment(db.url),
      node: ['--import', REGISTER],
      args: ['--role', 'api'],
    });
    running = service;
    await ask(service.url, 'GET', '/api/v1/portfolio', { key: trader });
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    expect(service.log().some((line) => 'traceId' in line)).toBe(false);
  });
});

describe('the log', () => {
  it('never holds a secret, whatever it came in', async () => {
    const canary = `canary${randomUUID().replaceAll('-', '')}`;
    const url = new URL(db.url);
    const service = await startProcess({
      env: testEnvironment(db.url, { LOG_LEVEL: 'trace', PROCESSOR_INTERVAL_MS: '20' }),
      node: ['--import', `data:text/javascript,${encodeURIComponent(PLANT)}`],
    });
    running = service;
    await db.query(
      `ALTER TABLE execution.orders ADD CONSTRAINT no_canary CHECK (client_order_id NOT LIKE '${canary}%')`,
    );
    const headers = {
      'idempotency-key': randomUUID(),
      cookie: `session=${canary}`,
      'x-request-id': 'with-the-canaries',
      'x-api-key': canary,
    };
    // PostgreSQL quotes the whole failing row in the detail of its error.
    const body = orderBody({ clientOrderId: `${canary}-detail` });
    const failed = await ask(service.url, 'POST', `/api/v1/orders?token=${canary}`, { key: trader, headers, body });
    expect([failed.status, failed.json.code]).toEqual([500, 'internal']);
    await ask(service.url, 'GET', `/api/v1/${canary}`, { key: `pk_abcdefgh_${'x'.repeat(43)}` });
    await ask(service.url, 'POST', '/api/v1/orders', { key: trader, headers, body: `{"broken": ${canary}` });
    await db.query('ALTER TABLE execution.orders DROP CONSTRAINT no_canary');
    service.child.kill('SIGUSR2');
    expect(await service.exited).toBe(1);

    const written = service.stdout() + service.stderr();
    // What was to be logged was logged: otherwise nothing would be proven.
    const error = service.log().find((line) => line.msg === 'Request failed unexpectedly');
    expect(error).toMatchObject({
      requestId: 'with-the-canaries',
      err: { cause: { code: '23514', constraint: 'no_canary', message: 'message withheld: it may quote values' } },
    });
    expect(service.log().at(-1)).toMatchObject({
      msg: 'Uncaught exception',
      err: { message: 'planted', cause: { message: expect.stringContaining('Bearer [redacted]') } },
    });
    for (const secret of [canary, trader, url.password, 'PlantedBearerToken', 'x'.repeat(43)]) {
      expect(secret.length).toBeGreaterThan(5);
      expect(written).not.toContain(secret);
    }
  });
});

/**
 * An error with the process's own secrets in its causes, as a careless library would throw it. The token is put together
 * at run time, because the stack names this very source.
 */
const PLANT = `process.on('SIGUSR2', () => {
  const connection = new Error('cannot reach ' + process.env.DATABASE_URL);
  const cause = new Error('sent Authorization: Bearer ' + ['Planted', 'BearerToken'].join('') + ' and ' + process.env.ORDER_PROCESSING_API_KEY, { cause: connection });
  throw new Error('planted', { cause });
})`;
