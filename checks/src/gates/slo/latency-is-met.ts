import { defineGate } from '../../engine/gate.ts';
import {
  alsoPromised,
  type Facts,
  grown,
  judgeMeasures,
  measure,
  promised,
  sampleFacts,
  windowOf,
} from './support/measure.ts';
import { changePast, healthy, withPast } from './support/past.ts';

/** Of 100 requests so many have to be answered within the promised time. */
const share = 0.95;

export default defineGate<Facts>({
  id: 'slo/latency-is-met',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target', 'config:slo'],
  // A proof describes another past to the same configuration.
  resources: ['the past of the target'],
  covers: ['slo.latency', 'slo.normal-range', 'slo.network-latency'],
  unit: 'measures',
  why: 'A load test tells how quick the service can be; only its past tells how quick it was for those who waited.',
  fix: 'Find the routes and the hours that are slow on the dashboards, then the slow spans of those requests.',
  source: 'https://sre.google/sre-book/service-level-objectives/',

  observe: (context) =>
    measure(context, (slo) => [
      {
        what: `requests answered within ${promised('load.placement-p95')} ms`,
        ...{ bound: share, sense: 'least', unit: 'share' },
        expression: `${grown(slo, `${slo.requests.histogram}_bucket`, `le="${promised('load.placement-p95') / 1000}"`)} / ${grown(slo, `${slo.requests.histogram}_count`)}`,
      },
      {
        // From outside, with the way there and back: what a client of the API was promised.
        what: '95 % of the probes took',
        ...{ bound: alsoPromised('load.placement-p95', 'S2:191') / 1000, sense: 'most', unit: 's' },
        expression: `max(quantile_over_time(${share}, ${slo.probe.seconds}[${windowOf(slo)}]))`,
      },
    ]),

  judge: judgeMeasures,

  samples: {
    good: [sampleFacts({})],
    bad: [sampleFacts({ value: 0.94, bound: 0.95 }), sampleFacts({ value: 0.4, bound: 0.1, sense: 'most', unit: 's' })],
  },

  prepare: (sandbox) => withPast(sandbox, healthy),

  /** The same day, and one request of ten was slow. */
  sabotage: (sandbox) => changePast(sandbox, { slowRequests: 0.1 }),
});
