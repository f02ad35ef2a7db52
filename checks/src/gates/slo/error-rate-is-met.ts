import { defineGate } from '../../engine/gate.ts';
import { type Facts, grown, judgeMeasures, measure, promised, sampleFacts } from './support/measure.ts';
import { changePast, healthy, withPast } from './support/past.ts';

export default defineGate<Facts>({
  id: 'slo/error-rate-is-met',
  severity: 'warning',
  profile: 'release',
  needs: ['config:target', 'config:slo'],
  // A proof describes another past to the same configuration.
  resources: ['the past of the target'],
  covers: ['slo.error-rate'],
  unit: 'measures',
  why: 'One request in a thousand is what was promised; an average over a good month hides the bad hour in which many failed.',
  fix: 'Look for the error codes in the log, and for the hour in which they were on the dashboards.',
  source: 'https://sre.google/sre-book/service-level-objectives/',

  observe: (context) =>
    measure(context, (slo) => [
      {
        what: 'requests that ended in an error of ours',
        ...{ bound: promised('slo.error-rate') / 100, sense: 'most', unit: 'share' },
        // Without one failed request there is no such series, and that is none of them.
        expression: `(${grown(slo, `${slo.requests.histogram}_count`, `${slo.requests.statusLabel}=~"5.."`)} or vector(0)) / ${grown(slo, `${slo.requests.histogram}_count`)}`,
      },
      {
        what: 'executions that failed',
        ...{ bound: promised('slo.error-rate') / 100, sense: 'most', unit: 'share' },
        expression: `${grown(slo, slo.executions.counter, `${slo.executions.label}="${slo.executions.failed}"`)} / ${grown(slo, slo.executions.counter, `${slo.executions.label}=~"${slo.executions.succeeded}|${slo.executions.failed}"`)}`,
      },
    ]),

  judge: judgeMeasures,

  samples: {
    good: [sampleFacts({})],
    bad: [
      sampleFacts({ value: 0.002, bound: 0.001, sense: 'most' }),
      sampleFacts({ value: 1, bound: 0.001, sense: 'most' }),
    ],
  },

  prepare: (sandbox) => withPast(sandbox, healthy),

  /** The same day, and five requests of a thousand failed. */
  sabotage: (sandbox) => changePast(sandbox, { failedRequests: 0.005 }),
});
