import { defineGate } from '../../engine/gate.ts';
import { type Facts, grown, judgeMeasures, measure, sampleFacts } from './support/measure.ts';
import { changePast, healthy, withPast } from './support/past.ts';

/** Of 100 statements so many have to be done within the time that the configuration promises. */
const share = 0.95;

export default defineGate<Facts>({
  id: 'slo/database-is-quick',
  severity: 'warning',
  profile: 'release',
  needs: ['config:target', 'config:slo'],
  // A proof describes another past to the same configuration.
  resources: ['the past of the target'],
  covers: ['slo.database'],
  unit: 'measures',
  why: 'A database grows slow by degrees, with its tables: nobody notices on any one day.',
  fix: 'Ask pg_stat_statements which statements take the time, and look at their plans.',
  source: 'https://www.postgresql.org/docs/current/pgstatstatements.html',

  observe: (context) =>
    measure(context, (slo) => [
      {
        what: `statements done within ${slo.statements.withinSeconds * 1000} ms`,
        ...{ bound: share, sense: 'least', unit: 'share' },
        expression: `${grown(slo, `${slo.statements.histogram}_bucket`, `le="${slo.statements.withinSeconds}"`)} / ${grown(slo, `${slo.statements.histogram}_count`)}`,
      },
    ]),

  judge: judgeMeasures,

  samples: {
    good: [sampleFacts({})],
    bad: [sampleFacts({ value: 0.9, bound: 0.95 })],
  },

  prepare: (sandbox) => withPast(sandbox, healthy),

  /** The same day, and one statement of five was slow. */
  sabotage: (sandbox) => changePast(sandbox, { slowStatements: 0.2 }),
});
