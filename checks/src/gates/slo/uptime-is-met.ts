import { defineGate } from '../../engine/gate.ts';
import { type Facts, judgeMeasures, measure, promised, sampleFacts, windowOf } from './support/measure.ts';
import { changePast, healthy, withPast } from './support/past.ts';

export default defineGate<Facts>({
  id: 'slo/uptime-is-met',
  severity: 'warning',
  profile: 'release',
  needs: ['config:target', 'config:slo'],
  // A proof describes another past to the same configuration.
  resources: ['the past of the target'],
  covers: ['slo.uptime'],
  unit: 'measures',
  why: 'Whoever could not reach the service at all makes no failed request: only a question from outside counts those minutes.',
  fix: 'See when the probe failed, and what the log and the deployments say of those minutes.',
  source: 'https://sre.google/sre-book/availability-table/',

  observe: (context) =>
    measure(context, (slo) => [
      {
        what: 'probes that were answered',
        ...{ bound: promised('slo.uptime') / 100, sense: 'least', unit: 'share' },
        expression: `min(avg_over_time(${slo.probe.success}[${windowOf(slo)}]))`,
      },
    ]),

  judge: judgeMeasures,

  samples: {
    good: [sampleFacts({})],
    bad: [sampleFacts({ value: 0.998 })],
  },

  prepare: (sandbox) => withPast(sandbox, healthy),

  /** The same day, and half an hour of it was dark. */
  sabotage: (sandbox) => changePast(sandbox, { failedProbes: 0.02 }),
});
