import exec from 'k6/execution';
import http, { type RefinedResponse } from 'k6/http';
import { authorization, baseUrl } from './target.ts';

/**
 * The order that every load test places: a paper BUY far below the market. It rests in the book, so that the same
 * request can be repeated without a quote, and reserves little cash.
 */
export const restingOrder = {
  symbol: 'BTCUSDT',
  side: 'BUY',
  type: 'LIMIT',
  quantity: '0.001',
  price: '100.00',
  mode: 'PAPER',
} as const;

// Past this time k6 counts the request as failed. It is far above every threshold: a slow answer shall be measured, not cut.
const REQUEST_TIMEOUT = '10s';
const ORDER_BODY = JSON.stringify(restingOrder);

/** A key that no other request has: random, so that two runs against one database cannot replay each other's orders. */
export function newIdempotencyKey(): string {
  return `load-${crypto.randomUUID()}`;
}

/** Places one resting order as the trader of this virtual user. The reply is 201 when the service took it. */
export function placeOrder(idempotencyKey = newIdempotencyKey()): RefinedResponse<'text'> {
  return http.post(`${baseUrl}/api/v1/orders`, ORDER_BODY, {
    headers: {
      ...authorization(exec.vu.idInTest),
      'Content-Type': 'application/json',
      'Idempotency-Key': idempotencyKey,
    },
    tags: { name: 'POST /api/v1/orders' },
    timeout: REQUEST_TIMEOUT,
    responseType: 'text',
  });
}

/**
 * Reads a path of the service as the trader of this virtual user.
 *
 * @param path the path with its query
 * @param name the route's template, so that k6 counts all orders as one series and not each id as its own
 */
export function readAsTrader(path: string, name = path): RefinedResponse<'text'> {
  return http.get(`${baseUrl}${path}`, {
    headers: authorization(exec.vu.idInTest),
    tags: { name: `GET ${name}` },
    timeout: REQUEST_TIMEOUT,
    responseType: 'text',
  });
}

/** The id of the order in a 201 reply, or undefined when the body carries none. */
export function placedOrderId(response: RefinedResponse<'text'>): string | undefined {
  if (response.status !== 201) return undefined;
  const id = response.json('id');
  return typeof id === 'string' ? id : undefined;
}
