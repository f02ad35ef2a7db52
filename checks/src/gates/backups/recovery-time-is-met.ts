import { partOf } from '../../config.ts';
import type { Chart } from '../../engine/chart.ts';
import { defineGate } from '../../engine/gate.ts';
import { disasterOf, type Phases } from './support/disaster.ts';

interface Facts {
  phasesMs: Phases;
  /** Whether the copy took an order at the end of them. */
  recovered: boolean;
  promisedMinutes: number;
  charts: Chart[];
}

const minuteMs = 60_000;

export default defineGate<Facts>({
  id: 'backups/recovery-time-is-met',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'pgbackrest', 'pg_amcheck', 'config:recovery', 'config:write'],
  covers: ['backups.objectives', 'failover.recovery.tested'],
  unit: 'phases of a recovery',
  why: 'How long a recovery takes is asked while everybody waits. Only who has done one, from the lost disk to the next order, knows.',
  fix: 'See which phase takes the time: --process-max for the restore, incremental backups for the log that is replayed, images at hand for the service.',
  source: 'https://sre.google/sre-book/data-integrity/',
  resources: ['backups'],
  long: true,
  timeoutMs: 120_000,

  async observe(context) {
    const { phasesMs, service } = await disasterOf(context);
    const points = Object.entries(phasesMs).map(([label, value]) => ({ label, value }));
    const facts = {
      phasesMs,
      recovered: service.accepted,
      promisedMinutes: partOf(context.config, 'recovery').timeMinutes,
    };
    return { examined: points.length, facts: { ...facts, charts: [{ title: 'a recovery', unit: 'ms', points }] } };
  },

  judge({ phasesMs, recovered, promisedMinutes }) {
    if (!recovered) return [{ message: 'the recovery did not end: the copy took no order', identity: 'end' }];
    const totalMs = Object.values(phasesMs).reduce((sum: number, ms: number) => sum + ms, 0);
    if (totalMs <= promisedMinutes * minuteMs) return [];
    const phases = Object.entries(phasesMs).map(([phase, ms]) => `${phase} ${ms} ms`);
    const message = `a recovery took ${(totalMs / minuteMs).toFixed(2)} min, and ${promisedMinutes} are promised: ${phases.join(', ')}`;
    return [{ message, identity: 'time' }];
  },

  samples: {
    good: [facts({})],
    bad: [facts({ recovered: false }), facts({ promisedMinutes: 0.1 })],
  },

  /** A promise that no recovery keeps. */
  async sabotage({ config }) {
    const recovery = partOf(config, 'recovery');
    const { timeMinutes } = recovery;
    recovery.timeMinutes = 1e-6;
    return async () => {
      recovery.timeMinutes = timeMinutes;
    };
  },
});

function facts(change: Partial<Facts>): Facts {
  const phasesMs = { restore: 2_000, recover: 900, check: 1_000, startService: 3_000, firstOrder: 40 };
  return { phasesMs, recovered: true, promisedMinutes: 60, charts: [], ...change };
}
