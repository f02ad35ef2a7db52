import { defineGate } from '../../engine/gate.ts';
import { type Facts, judgeMeasures, measure, promised, type Slo, sampleFacts, windowOf } from './support/measure.ts';
import { changePast, healthy, withPast } from './support/past.ts';

type Resource = keyof Slo['resources'];

/** Use that raises an alert is not normal: on average over the window it has to stay below. */
const resources: readonly Resource[] = ['cpu', 'memory', 'disk'];

export default defineGate<Facts>({
  id: 'slo/resources-are-normal',
  severity: 'warning',
  profile: 'release',
  needs: ['config:target', 'config:slo'],
  // A proof describes another past to the same configuration.
  resources: ['the past of the target'],
  covers: ['load.resources'],
  unit: 'measures',
  why: 'A machine that is nearly full serves well until the day on which it does not.',
  fix: 'See on the dashboard what took it; give the machine more, or the service less to do.',
  source: 'https://sre.google/sre-book/monitoring-distributed-systems/',

  observe: (context) =>
    measure(context, (slo) => [
      ...resources.map((resource) => ({
        what: `use of the ${resource}`,
        ...{ bound: promised(`alerts.${resource}`) / 100, sense: 'most' as const, unit: 'share' as const },
        expression: `max(avg_over_time((${slo.resources[resource]})[${windowOf(slo)}:${slo.everySeconds * 4}s]))`,
      })),
    ]),

  judge: judgeMeasures,

  samples: {
    good: [sampleFacts({})],
    bad: [sampleFacts({ value: 0.9, bound: 0.8, sense: 'most' })],
  },

  prepare: (sandbox) => withPast(sandbox, healthy),

  /** The same day, and the machine was nearly full. */
  sabotage: (sandbox) => changePast(sandbox, { used: 0.95 }),
});
