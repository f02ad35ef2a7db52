import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { projectEvents } from '../src/db/activity.ts';
import { type DatabasePool, transaction } from '../src/db/pool.ts';
import { claimDeliveries, settleDelivery } from '../src/db/webhook-deliveries.ts';
import { listActivity } from '../src/orders/list-activity.ts';
import type { WebhookOutcome } from '../src/telemetry/metrics.ts';
import type { Loop } from '../src/workers/loop.ts';
import {
  retryDelayMs,
  startWebhookSender,
  WEBHOOK_BOUNDS,
  WEBHOOK_MESSAGES,
  type WebhookBounds,
} from '../src/workers/webhook-sender.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket, placed } from './support/fixtures.ts';

const SECRET = randomBytes(32).toString('hex');
/** As in production, in a hurry. */
const FAST: WebhookBounds = {
  ...WEBHOOK_BOUNDS,
  timeoutMs: 300,
  leaseMs: 5_000,
  retryMinMs: 20,
  retryMaxMs: 50,
  attemptsMax: 3,
};

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly path: string;
}
type Behaviour = (response: ServerResponse, request: Received) => void;

let database: TestDatabase;
let pool: DatabasePool;
let account: string;
let orderId: string;
let sender: Loop | undefined;
let received: Received[];
let behave: Behaviour;
let url: string;
let logged: [level: string, fields: Readonly<Record<string, unknown>>, message: string][];
let outcomes: WebhookOutcome[];

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk;
  });
  request.on('end', () => {
    const seen = { headers: request.headers, body, path: request.url ?? '' };
    received.push(seen);
    behave(response, seen);
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  database = await createTestDatabase();
  pool = database.pool();
  await addMarket(pool);
});
beforeEach(async () => {
  [received, logged, outcomes] = [[], [], []];
  behave = (response) => response.writeHead(204).end();
  account = await addAccount(pool, '1000');
  orderId = (await placed(pool, account)).id;
  await transaction(pool, (tx) => projectEvents(tx, 100, true));
});
afterEach(async () => {
  await sender?.stop();
  sender = undefined;
  await database.query('DELETE FROM portfolio.webhook_deliveries');
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await database.drop();
});

function start(changes: Partial<Parameters<typeof startWebhookSender>[0]> = {}): void {
  const at = (level: string) => (fields: object, message: string) => void logged.push([level, { ...fields }, message]);
  sender = startWebhookSender({
    pool,
    url,
    secret: SECRET,
    intervalMs: 10,
    log: { info: at('info'), warn: at('warn'), error: at('error') },
    bounds: FAST,
    onOutcome: (outcome) => outcomes.push(outcome),
    ...changes,
  });
}

const delivery = async () =>
  (await database.query('SELECT status, attempts, last_error FROM portfolio.webhook_deliveries'))[0];
const settled = (status: string) =>
  eventually(`a delivery that is ${status}`, async () => (await delivery())?.status === status);

/** As a receiver checks it, by the published recipe. */
function isSigned({ headers, body }: Received, secret: string): boolean {
  const [, time = '', hex = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['webhook-signature'])) ?? [];
  const expected = createHmac('sha256', secret).update(`${time}.${body}`).digest();
  return hex !== '' && timingSafeEqual(Buffer.from(hex, 'hex'), expected);
}

describe('a delivery', () => {
  it('is sent once, signed over its time and body, and recorded', async () => {
    start({ nowMs: () => 1_800_000_000_999 });
    await settled('DELIVERED');
    expect(received).toHaveLength(1);
    const [only] = received;
    expect(only?.headers['webhook-signature']).toMatch(/^t=1800000000,v1=/);
    expect(only && isSigned(only, SECRET)).toBe(true);
    expect(only && isSigned(only, `${SECRET}x`)).toBe(false);
    expect(only && isSigned({ ...only, body: `${only.body} ` }, SECRET)).toBe(false);
    const { activity } = await listActivity(pool, { accountId: account });
    const { webhook, ...entry } = activity[0] ?? {};
    expect(JSON.parse(only?.body ?? '')).toEqual({ ...entry, accountId: account });
    expect([webhook, only?.headers['webhook-id']]).toEqual(['DELIVERED', activity[0]?.id]);
    expect(logged).toEqual([['info', { orderId, eventId: activity[0]?.id, attempt: 1 }, WEBHOOK_MESSAGES.delivered]]);
    expect(outcomes).toEqual(['delivered']);
  });

  it('is tried again after a failure, with a signature of its own time', async () => {
    let failures = 2;
    behave = (response) => response.writeHead(failures-- > 0 ? 503 : 200).end('said too much');
    let seconds = 0;
    start({ nowMs: () => (seconds += 1000) });
    await settled('DELIVERED');
    expect(received).toHaveLength(3);
    expect(new Set(received.map(({ headers }) => headers['webhook-signature'])).size).toBe(3);
    expect(received.every((each) => isSigned(each, SECRET))).toBe(true);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(outcomes).toEqual(['failed', 'failed', 'delivered']);
    expect(logged[0]).toEqual([
      'warn',
      expect.objectContaining({ reason: 'answered 503', retryInMs: 20 }),
      WEBHOOK_MESSAGES.failed,
    ]);
    expect(JSON.stringify(logged)).not.toContain('said too much');
  });

  it('that never succeeds is given up visibly, and can be tried again by hand', async () => {
    behave = (response) => response.writeHead(500).end();
    start();
    await settled('DEAD');
    expect(await delivery()).toEqual({ status: 'DEAD', attempts: 3, last_error: 'answered 500' });
    expect(received).toHaveLength(3);
    expect(logged.at(-1)).toEqual(['error', expect.objectContaining({ orderId, attempt: 3 }), WEBHOOK_MESSAGES.dead]);
    expect((await listActivity(pool, { accountId: account })).activity[0]?.webhook).toBe('DEAD');
    expect(outcomes).toEqual(['failed', 'failed', 'dead']);
    behave = (response) => response.writeHead(200).end();
    await database.query(
      `UPDATE portfolio.webhook_deliveries SET status = 'PENDING', settled_at = NULL, next_attempt_at = now()`,
    );
    await settled('DELIVERED');
  });

  it('to a receiver that hangs ends in time', async () => {
    behave = () => undefined;
    start();
    await settled('DEAD');
    expect(await delivery()).toMatchObject({ last_error: 'no answer within 300 ms' });
  });

  it('to a receiver that answers and then talks without end is done with the status', async () => {
    let closed = 0;
    behave = (response) => {
      response.writeHead(200).write('x'.repeat(1000));
      response.on('close', () => (closed += 1));
    };
    start();
    await settled('DELIVERED');
    await eventually('the answer was let go', async () => closed === 1);
  });

  it('follows no redirect', async () => {
    behave = (response, { path }) =>
      path === '/hook' ? response.writeHead(307, { location: '/elsewhere' }).end() : response.writeHead(200).end();
    start();
    await settled('DEAD');
    expect(await delivery()).toMatchObject({ last_error: 'answered 307' });
    expect(new Set(received.map(({ path }) => path))).toEqual(new Set(['/hook']));
  });

  it('to nobody says so', async () => {
    start({ url: 'http://127.0.0.1:1/hook' });
    await settled('DEAD');
    expect(await delivery()).toMatchObject({ last_error: expect.stringMatching(/^cannot be reached/) });
  });

  it('is sent once by two senders side by side', async () => {
    start();
    const first = sender;
    start();
    await settled('DELIVERED');
    await first?.stop();
    expect(received).toHaveLength(1);
  });
});

describe('a claim', () => {
  it('runs out, and its late result changes nothing', async () => {
    const [lost] = await transaction(pool, (tx) => claimDeliveries(tx, 10, 0));
    const [second] = await transaction(pool, (tx) => claimDeliveries(tx, 10, 60_000));
    expect([lost?.attempt, second?.attempt]).toEqual([1, 2]);
    if (lost === undefined || second === undefined) throw new Error('two claims were expected');
    expect(await transaction(pool, (tx) => settleDelivery(tx, lost, { kind: 'delivered' }))).toBe(false);
    expect(await delivery()).toMatchObject({ status: 'PENDING', attempts: 2 });
    expect(await transaction(pool, (tx) => claimDeliveries(tx, 10, 0))).toEqual([]);
    expect(await transaction(pool, (tx) => settleDelivery(tx, second, { kind: 'delivered' }))).toBe(true);
  });
});

describe('the pauses between tries', () => {
  it('double up to an hour, and end', () => {
    const delays = Array.from({ length: 20 }, (_, index) => retryDelayMs(index + 1, WEBHOOK_BOUNDS));
    expect(delays.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
    expect(delays.slice(11)).toEqual([2_048_000, ...Array(7).fill(3_600_000), null]);
  });

  it('are longer than a claim holds nothing up: a try ends before its claim', () => {
    expect(WEBHOOK_BOUNDS.leaseMs).toBeGreaterThan(WEBHOOK_BOUNDS.timeoutMs * 2);
  });
});
