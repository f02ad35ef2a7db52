import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditBooks } from '../src/db/audit.ts';
import { newOrder } from '../src/http/orders.ts';
import type { Answer } from './support/client.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, quote } from './support/fixtures.ts';
import { bodyOf, type Schema, textOf } from './support/hostile.ts';
import { addKey, type RunningApp, startApp } from './support/running-app.ts';

/**
 * Random requests made from the OpenAPI document, and hostile ones beside them. The long form is the same with a higher
 * count: `CONTRACT_REQUESTS=20000 npx vitest run service/test/contract.test.ts`.
 */
const requests = Number(process.env.CONTRACT_REQUESTS ?? 1_500);
const batch = 8;
const longestRunMs = 30 * 60_000;

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Schema;
}
interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema; readonly example?: object }>>;
  };
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Sent {
  readonly method: string;
  readonly route: string;
  readonly path: string;
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly role: 'trader' | 'operator' | 'admin' | 'none';
}

/** Statuses that any route may give before it comes to what it is about. */
const COMMON = [400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 429, 431];

let db: TestDatabase;
let service: RunningApp;
let operations: { method: string; route: string; operation: Operation }[];
const keys = { trader: '', operator: '', admin: '', none: '' };

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
  await quote(db.pool(), '63999', '64001');
  const account = await addAccount(db.pool(), '1000000000', '1000');
  keys.trader = await addKey(db.pool(), 'trader', account);
  keys.operator = await addKey(db.pool(), 'operator', null);
  keys.admin = await addKey(db.pool(), 'admin', account);
  service = await startApp(db.url, {
    LOG_LEVEL: 'error',
    RATE_LIMIT_PER_HOUR_KEY: '1000000',
    RATE_LIMIT_PER_MINUTE_ADDRESS: '1000000',
  });
  const { paths } = (await service.ask('GET', '/openapi.json')).json as {
    paths: Record<string, Record<string, Operation>>;
  };
  operations = Object.entries(paths).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), route, operation })),
  );
});

afterAll(async () => {
  await service.close();
  await db.drop();
});

/** Writes are what can break something, and the placing of orders most of all. */
function weightOf({ method, route }: { method: string; route: string }): number {
  if (method === 'GET') return 2;
  return route === '/api/v1/orders' ? 12 : 3;
}

function requestOf({ method, route, operation }: (typeof operations)[number]): fc.Arbitrary<Sent> {
  const parameters = operation.parameters ?? [];
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  const content = operation.requestBody?.content['application/json'];
  return fc
    .record({
      path: fc.tuple(...inPath.map((parameter) => textOf(parameter.schema))),
      query: fc.record(Object.fromEntries(inQuery.map(({ name, schema }) => [name, textOf(schema)])), {
        requiredKeys: [],
      }),
      body: content ? bodyOf(content.schema, content.example ?? {}) : fc.constant(undefined),
      idempotencyKey: fc.oneof(
        { weight: 8, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom('once', ' ', '~'.repeat(300)) },
      ),
      role: fc.constantFrom('trader', 'trader', 'trader', 'operator', 'admin', 'none' as const),
    })
    .map(({ path, query, body, idempotencyKey, role }) => ({
      ...{ method, route, body, role },
      path: `${fillIn(route, path)}${queryText(query)}`,
      headers: { 'idempotency-key': idempotencyKey ?? randomUUID() },
    }));
}

function fillIn(route: string, values: readonly string[]): string {
  let index = 0;
  return route.replace(/\{\w+\}/g, () => encodeURIComponent((values[index++] ?? '').toWellFormed()) || '-');
}

function queryText(query: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value.toWellFormed()]],
  );
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

async function send({ method, path, body, headers, role }: Sent): Promise<Answer> {
  return service.ask(method, path, {
    ...(keys[role] ? { key: keys[role] } : {}),
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

/** What is wrong with an answer, in words. An answer that nobody promised is as wrong as a 500. */
function complaint(sent: Sent, answer: Answer): string | undefined {
  const operation = operations.find(({ method, route }) => method === sent.method && route === sent.route)?.operation;
  const promised = new Set([...Object.keys(operation?.responses ?? {}).map(Number), ...COMMON]);
  const shown = `${sent.method} ${sent.path} (${sent.role}) ${sent.body ?? ''} → ${answer.status} ${answer.text.slice(0, 200)}`;
  if (answer.status >= 500) return `a server error: ${shown}`;
  if (!promised.has(answer.status)) return `a status that the document does not promise: ${shown}`;
  const isProblem = answer.headers['content-type']?.startsWith('application/problem+json') ?? false;
  if (answer.status >= 400 && !isProblem) return `an error that is no problem+json: ${shown}`;
  return undefined;
}

it(
  `answers ${requests} random and hostile requests as the document promises, and stores nothing that the schema forbids`,
  async () => {
    const statuses: Record<string, number> = {};
    const complaints: string[] = [];
    // The switch is thrown by some of these requests: it is put back, so that orders go on being placed.
    const clearSwitch = { key: keys.admin, body: { state: 'ACTIVE', reason: 'the test goes on' } };
    const all = fc.sample(
      fc.oneof(...operations.map((each) => ({ weight: weightOf(each), arbitrary: requestOf(each) }))),
      requests,
    );
    for (let start = 0; start < all.length; start += batch) {
      const sent = all.slice(start, start + batch);
      const answers = await Promise.all(sent.map(send));
      for (const [index, answer] of answers.entries()) {
        const request = sent[index] as Sent;
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
        const wrong = complaint(request, answer);
        if (wrong) complaints.push(wrong);
      }
      if (sent.some(({ route, method }) => route === '/api/v1/kill-switch' && method === 'PUT')) {
        await service.ask('PUT', '/api/v1/kill-switch', clearSwitch);
      }
    }
    expect(complaints.slice(0, 20)).toEqual([]);
    expect(statuses['201'] ?? 0, `orders were placed: ${JSON.stringify(statuses)}`).toBeGreaterThan(requests / 500);
    expect(statuses['400'] ?? 0).toBeGreaterThan(requests / 50);
    await storedIsAllowed();
  },
  longestRunMs,
);

async function storedIsAllowed(): Promise<void> {
  const rows = await db.query<Record<string, string | null>>(`
    SELECT o.symbol, o.side, o.type, trim_scale(o.quantity) AS quantity, trim_scale(o.price) AS price, o.mode,
           o.time_in_force AS "timeInForce", to_char(o.expire_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "expireAt",
           o.client_order_id AS "clientOrderId",
           (mod(o.quantity, i.lot_size) = 0 AND (o.price IS NULL OR mod(o.price, i.tick_size) = 0))::text AS fits
      FROM execution.orders o JOIN market.instruments i USING (symbol)`);
  expect(rows.length).toBeGreaterThan(0);
  for (const { fits, ...stored } of rows) {
    expect(fits).toBe('true');
    const given = Object.fromEntries(Object.entries(stored).filter(([, value]) => value !== null));
    expect(newOrder.safeParse(given).error?.issues ?? []).toEqual([]);
  }
  const broken = (await auditBooks(db.pool())).filter(({ violations }) => violations > 0);
  expect(broken).toEqual([]);
}
