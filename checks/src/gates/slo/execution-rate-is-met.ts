import { defineGate } from '../../engine/gate.ts';
import { type Facts, grown, judgeMeasures, measure, sampleFacts } from './support/measure.ts';
import { changePast, healthy, withPast } from './support/past.ts';

/** S0:184: more than 95 % of valid orders execute. */
const executedShare = 0.95;

export default defineGate<Facts>({
  id: 'slo/execution-rate-is-met',
  severity: 'warning',
  profile: 'release',
  needs: ['config:target', 'config:slo'],
  // A proof describes another past to the same configuration.
  resources: ['the past of the target'],
  covers: ['slo.execution-rate'],
  unit: 'measures',
  why: 'An order that was accepted and not executed is a promise broken in money.',
  fix: 'Look in the log for the orders that failed, and why: their events say it too.',
  source: 'https://sre.google/sre-book/service-level-objectives/',

  observe: (context) =>
    measure(context, (slo) => [
      {
        what: 'executions that succeeded',
        ...{ bound: executedShare, sense: 'least', unit: 'share' },
        expression: `${grown(slo, slo.executions.counter, `${slo.executions.label}="${slo.executions.succeeded}"`)} / ${grown(slo, slo.executions.counter, `${slo.executions.label}=~"${slo.executions.succeeded}|${slo.executions.failed}"`)}`,
      },
    ]),

  judge: judgeMeasures,

  samples: {
    good: [sampleFacts({})],
    bad: [sampleFacts({ value: 0.9, bound: 0.95 })],
  },

  prepare: (sandbox) => withPast(sandbox, healthy),

  /** The same day, and one execution of ten failed. */
  sabotage: (sandbox) => changePast(sandbox, { failedExecutions: 0.1 }),
});
