/**
 * Does everything answer? A few turns through every read and write endpoint of a running service, as one trader.
 *
 *   TRADER_KEYS_FILE=keys.txt k6 run loadtests/smoke.ts
 *
 * It places paper orders and is otherwise harmless: it never changes the kill switch.
 * Environment, besides that of target.ts: ITERATIONS (5), ORDER_PROCESSING_API_KEY (optional: also reads the order
 * processor's health; without it that endpoint must refuse).
 */
import { check, group } from 'k6';
import http from 'k6/http';
import type { Options } from 'k6/options';
import { newIdempotencyKey, placedOrderId, placeOrder, readAsTrader, restingOrder } from './place-order.ts';
import { authorization, baseUrl, wholeNumber } from './target.ts';

const iterations = wholeNumber('ITERATIONS', 5, 1, 1_000);
const REQUEST_TIMEOUT = '10s';
const UNKNOWN_ORDER_ID = '00000000-0000-7000-8000-000000000000';

export const options: Options = {
  scenarios: { smoke: { executor: 'shared-iterations', vus: 1, iterations, maxDuration: '60s' } },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    iterations: [`count==${iterations}`],
  },
};

export default function smoke(): void {
  group('health', readHealth);
  group('orders', placeReadAndReplay);
  group('refusals', expectRefusals);
  group('account', readAccount);
  group('order processor', readOrderProcessor);
}

function readHealth(): void {
  for (const path of ['/health', '/health/ready', '/api/v1/health', '/openapi.json']) {
    const response = http.get(`${baseUrl}${path}`, { tags: { name: `GET ${path}` }, timeout: REQUEST_TIMEOUT });
    check(response, { [`GET ${path} answers without a key`]: (r) => r.status === 200 });
  }
}

function placeReadAndReplay(): void {
  const key = newIdempotencyKey();
  const placed = placeOrder(key);
  const id = placedOrderId(placed);
  check(placed, { 'the order is taken (201)': () => id !== undefined });
  const replayed = placeOrder(key);
  check(replayed, {
    'the same key gives the same bytes': (r) => r.status === 201 && r.body === placed.body,
    'a replay says that it is one': (r) => r.headers['Idempotency-Replayed'] === 'true',
  });
  check(readAsTrader(`/api/v1/orders/${id}`, '/api/v1/orders/:id'), {
    'the order can be read': (r) => r.status === 200 && r.json('id') === id,
  });
  check(readAsTrader(`/api/v1/orders/${id}/events`, '/api/v1/orders/:id/events'), {
    'its events can be read': (r) => r.status === 200,
  });
  check(readAsTrader('/api/v1/orders?limit=5', '/api/v1/orders'), {
    'it is in the list': (r) => r.status === 200 && typeof r.body === 'string' && r.body.includes(`"${id}"`),
  });
}

function expectRefusals(): void {
  check(refusedRequest('POST', '/api/v1/orders', 401, {}), { 'no key: 401': (r) => r.status === 401 });
  check(refusedRequest('POST', '/api/v1/orders', 400, authorization(0)), {
    'no Idempotency-Key: 400': (r) => r.status === 400,
  });
  // The body is not a valid change, so that even a service that forgot to look at the role would change nothing.
  check(refusedRequest('PUT', '/api/v1/kill-switch', 403, authorization(0), '{}'), {
    'a trader may not move the kill switch: 403': (r) => r.status === 403,
  });
  check(refusedRequest('GET', `/api/v1/orders/${UNKNOWN_ORDER_ID}`, 404, authorization(0)), {
    'an unknown order: 404': (r) => r.status === 404,
  });
}

function readAccount(): void {
  for (const path of ['/api/v1/portfolio', '/api/v1/kill-switch']) {
    check(readAsTrader(path), { [`GET ${path} answers`]: (r) => r.status === 200 });
  }
}

function readOrderProcessor(): void {
  const path = '/api/trade/process-orders';
  const key = __ENV.ORDER_PROCESSING_API_KEY;
  if (!key) {
    check(refusedRequest('GET', path, 401, {}), { [`GET ${path} without its key: 401`]: (r) => r.status === 401 });
    return;
  }
  const response = http.get(`${baseUrl}${path}`, {
    headers: { Authorization: `Bearer ${key}` },
    tags: { name: `GET ${path}` },
    timeout: REQUEST_TIMEOUT,
  });
  check(response, { [`GET ${path} answers`]: (r) => r.status === 200 });
}

/** Sends a request that the service must refuse with `status`; that refusal is no failure in k6's own count. */
function refusedRequest(
  method: string,
  path: string,
  status: number,
  headers: Record<string, string>,
  body = method === 'GET' ? null : JSON.stringify(restingOrder),
) {
  return http.request(method, `${baseUrl}${path}`, body, {
    headers: { 'Content-Type': 'application/json', ...headers },
    responseCallback: http.expectedStatuses(status),
    tags: { name: `${method} ${path} (refused)` },
    timeout: REQUEST_TIMEOUT,
  });
}
