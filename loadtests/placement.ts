/**
 * How fast does the service take orders? An open model: orders arrive at a fixed rate, whether or not the earlier ones
 * have been answered, so that a stalled service shows in the percentiles instead of slowing the test down with it.
 *
 *   TRADER_KEYS_FILE=keys.txt k6 run loadtests/placement.ts
 *
 * Environment, besides that of target.ts: RATE_PER_S (100), DURATION_S (8), WARM_UP_S (2).
 * The figures of the warm-up (connections, compilation) are not in the latency, but its failures count.
 */
import { check } from 'k6';
import type { Options } from 'k6/options';
import { placedOrderId, placeOrder } from './place-order.ts';
import { wholeNumber } from './target.ts';

const ratePerS = wholeNumber('RATE_PER_S', 100, 1, 5_000);
const durationS = wholeNumber('DURATION_S', 8, 1, 86_400);
const warmUpS = wholeNumber('WARM_UP_S', 2, 1, 600);

// Enough virtual users to keep the rate through a stall of this length. A longer stall drops iterations, and a run with
// dropped iterations fails: it did not send the load whose latency it would report.
const LONGEST_STALL_S = 1.5;
const virtualUsers = Math.ceil(ratePerS * LONGEST_STALL_S);

export const options: Options = {
  scenarios: {
    warm_up: arrivals(warmUpS, 0),
    placement: arrivals(durationS, warmUpS),
  },
  thresholds: {
    // The strictest of the readiness checklists asks for 20 ms; the tail bound is ours.
    'http_req_duration{scenario:placement}': ['p(95)<20', 'p(99)<100'],
    // Without this count a run that sent nothing would meet every other threshold. The executor rounds by one at an edge.
    'http_reqs{scenario:placement}': [`count>=${ratePerS * durationS - 1}`],
    http_req_failed: ['rate<0.001'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
};

export default function placement(): void {
  check(placeOrder(), {
    'the order is taken (201)': (response) => response.status === 201,
    'the reply carries its id': (response) => placedOrderId(response) !== undefined,
  });
}

function arrivals(lengthS: number, startS: number) {
  return {
    executor: 'constant-arrival-rate' as const,
    rate: ratePerS,
    duration: `${lengthS}s`,
    startTime: `${startS}s`,
    preAllocatedVUs: virtualUsers,
    // Ends what is still under way, so that a hanging service cannot hold the run past its request timeout.
    gracefulStop: '10s',
  };
}
