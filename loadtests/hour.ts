/**
 * Does the service keep its pace? The same open model as placement.ts for an hour, in windows of ten minutes whose latencies
 * are told apart: a service that grows slower with what it has stored shows in the last of them.
 *
 *   TRADER_KEYS_FILE=keys.txt k6 run loadtests/hour.ts
 *
 * Environment, besides that of target.ts: RATE_PER_S (100), WINDOWS (6), WINDOW_S (600), WARM_UP_S (5).
 */
import { check } from 'k6';
import type { Options } from 'k6/options';
import { placedOrderId, placeOrder } from './place-order.ts';
import { wholeNumber } from './target.ts';

const ratePerS = wholeNumber('RATE_PER_S', 100, 1, 5_000);
const windows = wholeNumber('WINDOWS', 6, 2, 48);
const windowS = wholeNumber('WINDOW_S', 600, 1, 86_400);
const warmUpS = wholeNumber('WARM_UP_S', 5, 1, 600);

// Enough virtual users to keep the rate through a stall of this length; a longer one drops iterations, and fails the run.
const LONGEST_STALL_S = 1.5;
const virtualUsers = Math.ceil(ratePerS * LONGEST_STALL_S);
const names = Array.from({ length: windows }, (_, index) => `window_${index + 1}`);

export const options: Options = {
  scenarios: Object.fromEntries([
    ['warm_up', arrivals(warmUpS, 0)],
    ...names.map((name, index) => [name, arrivals(windowS, warmUpS + index * windowS)]),
  ]),
  thresholds: {
    ...Object.fromEntries(
      names.flatMap((name) => [
        [`http_req_duration{scenario:${name}}`, ['p(95)<20', 'p(99)<100']],
        // The executor rounds by one at an edge.
        [`http_reqs{scenario:${name}}`, [`count>=${ratePerS * windowS - 1}`]],
      ]),
    ),
    http_req_failed: ['rate<0.001'],
    checks: ['rate>0.999'],
    dropped_iterations: ['count==0'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
};

export default function place(): void {
  check(placeOrder(), { 'the order is taken': (response) => placedOrderId(response) !== undefined });
}

function arrivals(lengthS: number, startS: number) {
  return {
    executor: 'constant-arrival-rate' as const,
    rate: ratePerS,
    duration: `${lengthS}s`,
    startTime: `${startS}s`,
    preAllocatedVUs: virtualUsers,
    gracefulStop: '10s',
  };
}
