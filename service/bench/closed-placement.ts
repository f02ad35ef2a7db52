/**
 * As many orders as CLIENTS virtual users can place one after the other: a closed model, so that its throughput can be
 * laid beside that of pgbench with as many clients. For latency under a given load see loadtests/placement.ts.
 *
 * Environment, besides that of loadtests/target.ts: CLIENTS (8), DURATION_S (10), WARM_UP_S (2).
 */
import { check } from 'k6';
import type { Options } from 'k6/options';
import { placeOrder } from '../../loadtests/place-order.ts';
import { wholeNumber } from '../../loadtests/target.ts';

const clients = wholeNumber('CLIENTS', 8, 1, 1_000);
const durationS = wholeNumber('DURATION_S', 10, 1, 3_600);
const warmUpS = wholeNumber('WARM_UP_S', 2, 1, 600);

export const options: Options = {
  scenarios: {
    warm_up: { executor: 'constant-vus', vus: clients, duration: `${warmUpS}s`, gracefulStop: '0s' },
    placement: {
      executor: 'constant-vus',
      vus: clients,
      startTime: `${warmUpS}s`,
      duration: `${durationS}s`,
      gracefulStop: '10s',
    },
  },
  thresholds: {
    // Orders that were refused cost less than orders that were taken: a run with any of them compares nothing.
    'checks{scenario:placement}': ['rate==1'],
    'http_reqs{scenario:placement}': ['count>0'],
    'http_req_duration{scenario:placement}': ['max>=0'],
  },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
};

export default function placement(): void {
  check(placeOrder(), { 'the order is taken (201)': (response) => response.status === 201 });
}
