import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from './support/client.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { startOtlpReceiver } from './support/otlp-receiver.ts';
import { addKey, orderBody, testEnvironment } from './support/running-app.ts';
import { endProcess, REGISTER, type RunningProcess, startProcess } from './support/running-process.ts';

let db: TestDatabase;
let service: RunningProcess | undefined;

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
});
afterAll(async () => {
  await endProcess(service);
  await db.drop();
});

test('the id of an order leads from its request to its fill: in the log, the events, the activity and the spans', async () => {
  const receiver = await startOtlpReceiver();
  const env = testEnvironment(db.url, {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    LOG_LEVEL: 'info',
    PROCESSOR_INTERVAL_MS: '50',
  });
  const running = await startProcess({ env, node: ['--import', REGISTER] });
  service = running;
  const key = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '1000'));
  const headers = { 'idempotency-key': randomUUID(), 'x-request-id': 'request-to-follow' };
  const placed = await ask(running.url, 'POST', '/api/v1/orders', { key, headers, body: orderBody({ price: '101' }) });
  expect(placed.status).toBe(201);
  const orderId = String(placed.json.id);
  const activity = await eventually('the fill is told', async () => {
    const { json } = await ask(running.url, 'GET', '/api/v1/activity', { key });
    const entries = json.activity as { id: string; type: string; orderId: string; data: { fillId?: string } }[];
    return entries.length === 2 ? entries : undefined;
  });
  const { json } = await ask(running.url, 'GET', `/api/v1/orders/${orderId}/events`, { key });
  const { json: filled } = await ask(running.url, 'GET', '/api/v1/fills', { key });
  running.child.kill('SIGTERM');
  expect(await running.exited).toBe(0);
  await receiver.close();

  const [fill] = filled.fills as { id: string; orderId: string }[];
  expect(fill?.orderId).toBe(orderId);
  expect(json.events).toMatchObject([
    { orderId, type: 'PLACED' },
    { orderId, type: 'FILLED', data: { fillId: fill?.id } },
  ]);
  expect(activity).toMatchObject([
    { orderId, type: 'ORDER_FILLED', data: { fillId: fill?.id } },
    { orderId, type: 'ORDER_PLACED' },
  ]);
  const lines = running.log().filter((line) => line.orderId === orderId);
  expect(lines).toEqual([
    expect.objectContaining({ msg: 'request', requestId: 'request-to-follow', route: '/api/v1/orders' }),
    expect.objectContaining({ msg: 'Order event projected', type: 'ORDER_PLACED', eventId: activity[1]?.id }),
    expect.objectContaining({
      msg: 'Order event projected',
      type: 'ORDER_FILLED',
      eventId: activity[0]?.id,
      fillId: fill?.id,
    }),
  ]);
  const spans = receiver.spans.filter((span) => span.attributes['order.id'] === orderId);
  expect(spans.filter(({ name }) => name === 'project order event')).toHaveLength(2);
  const request = spans.find(({ name }) => name !== 'project order event');
  expect(lines[0]?.traceId).toBe(request?.traceId);
});
