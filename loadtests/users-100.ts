/**
 * A hundred people trade at once. A closed model: each places an order, looks at it and at the account, and thinks.
 *
 *   TRADER_KEYS_FILE=keys.txt k6 run loadtests/users-100.ts
 *
 * Environment, besides that of target.ts: USERS (100), DURATION_S (20).
 */
import { check, sleep } from 'k6';
import type { Options } from 'k6/options';
import { placedOrderId, placeOrder, readAsTrader } from './place-order.ts';
import { wholeNumber } from './target.ts';

const users = wholeNumber('USERS', 100, 1, 1_000);
const durationS = wholeNumber('DURATION_S', 20, 1, 86_400);

const MIN_THINK_S = 1;
const MAX_THINK_S = 3;

export const options: Options = {
  scenarios: {
    users: { executor: 'constant-vus', vus: users, duration: `${durationS}s`, gracefulStop: '10s' },
  },
  thresholds: {
    'http_req_duration{scenario:users}': ['p(95)<150'],
    // Each user gets through at least one whole turn; a run without requests shall not pass.
    'http_reqs{scenario:users}': [`count>=${users * 4}`],
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
};

export default function user(): void {
  // People do not arrive in step: the first pause spreads a hundred first orders over the thinking time.
  think(0);
  const placed = placeOrder();
  check(placed, { 'the order is taken (201)': (response) => response.status === 201 });
  const id = placedOrderId(placed);
  if (id !== undefined) {
    check(readAsTrader(`/api/v1/orders/${id}`, '/api/v1/orders/:id'), {
      'the order can be read': (response) => response.status === 200 && response.json('id') === id,
    });
  }
  check(readAsTrader('/api/v1/orders?limit=20', '/api/v1/orders'), {
    'the orders are listed': (response) => response.status === 200,
  });
  check(readAsTrader('/api/v1/portfolio'), { 'the portfolio is shown': (response) => response.status === 200 });
  think(MIN_THINK_S);
}

function think(atLeastS: number): void {
  sleep(atLeastS + Math.random() * (MAX_THINK_S - MIN_THINK_S));
}
