import { setTimeout as delay } from 'node:timers/promises';
import { defineDrill, type Finding } from '../engine/gate.ts';
import { nowMs, startWrites, storedIds } from '../io/writes.ts';
import { acknowledgeEarly } from './support/acknowledge-early.ts';
import { withReplicas } from './support/replicas.ts';
import { badSettled, findingsOfSettled, type Settled, settle, settledSample } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface Facts {
  attempts: number;
  inFlight: number;
  /** Not accepted, whenever they began. */
  failed: number;
  /** How long after the kill the last failed one began; null: none failed. */
  lastFailedMs: number | null;
  acceptedAfter: number;
  settled: Settled;
  rows: StrikeRow[];
}

const replicaCount = 2;
const writers = 8;
const pauseMs = 20;
const warmUpWrites = 40;
const watchedMs = 2_000;
/** Until the balancer has left it out. */
const failsForMs = 1_000;

export default defineDrill<Facts>({
  id: 'drills/replica-killed',
  severity: 'blocker',
  profile: 'commit',
  long: true,
  needs: ['service', 'database', 'sandbox', 'config:write', 'config:replicas'],
  covers: ['failover.redundancy'],
  unit: 'orders',
  timeoutMs: 60_000,
  why: 'Two replicas are worth their price only if the second one really carries on alone, with the orders of both.',
  fix: 'Keep nothing in a process that another would need; leave a dead replica out by its readiness; let clients repeat with their key.',
  source: 'https://sre.google/sre-book/handling-overload/',

  steadyState: mustBeSteady,

  strike: (context, recovery) =>
    withReplicas(context, replicaCount, async ({ replicas: [first], through }) => {
      const before = await storedIds(through);
      const load = startWrites(through, writers, { pauseMs });
      try {
        await load.until((all) => all.length >= warmUpWrites && load.inFlight() > 1);
        const inFlight = load.inFlight();
        const struckAtMs = nowMs();
        first?.signal('SIGKILL');
        await delay(watchedMs, undefined, { signal: context.signal });
        const attempts = await load.stop();
        await recovery.byThePage(async () => first?.start());
        const failed = attempts.filter(({ accepted }) => !accepted);
        const failedAfter = failed.map(({ startedAtMs }) => startedAtMs - struckAtMs);
        const facts = {
          ...{ attempts: attempts.length, inFlight, failed: failed.length },
          lastFailedMs: failedAfter.length > 0 ? Math.round(Math.max(...failedAfter)) : null,
          acceptedAfter: attempts.filter(({ accepted, startedAtMs }) => accepted && startedAtMs > struckAtMs).length,
          settled: await settle(through, before, attempts),
        };
        return { examined: attempts.length, struckInFlight: inFlight, facts: { ...facts, rows: [rowOf(facts)] } };
      } finally {
        await load.stop();
      }
    }),

  undo: async () => undefined,

  judge({ failed, lastFailedMs, acceptedAfter, settled }) {
    const findings: Finding[] = findingsOfSettled(settled, 'the kill of a replica');
    if (lastFailedMs !== null && lastFailedMs > failsForMs) {
      const message = `${failed} orders failed, the last one begun ${lastFailedMs} ms after a replica was killed; ${failsForMs} ms is promised`;
      findings.push({ message, identity: 'fails for too long' });
    }
    if (acceptedAfter === 0)
      findings.push({
        message: 'no order was accepted after one of two replicas was killed',
        identity: 'not carried on',
      });
    return findings;
  },

  samples: {
    good: [facts({}), facts({ failed: 0, lastFailedMs: null })],
    bad: [
      facts({ lastFailedMs: 1_001 }),
      facts({ acceptedAfter: 0 }),
      ...badSettled.map((settled) => facts({ settled })),
    ],
  },

  sabotage: acknowledgeEarly,
});

function rowOf({ inFlight, attempts, failed, lastFailedMs, settled }: Omit<Facts, 'rows'>): StrikeRow {
  return {
    fault: 'one of two replicas is killed',
    proof: `${inFlight} writes in flight, ${failed} cut off`,
    bound: `failures ≤ ${failsForMs} ms, 0 lost, 0 twice`,
    observed: `last failure ${lastFailedMs ?? '–'} ms after, ${failed} of ${attempts} failed, ${settled.lost.length} lost, ${settled.doubled} twice`,
  };
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{
      attempts: 300,
      inFlight: 6,
      failed: 4,
      lastFailedMs: 40,
      acceptedAfter: 180,
      settled: settledSample(),
      rows: [],
    },
    ...change,
  };
}
