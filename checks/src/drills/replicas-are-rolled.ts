import { partOf } from '../config.ts';
import { defineDrill, type Finding } from '../engine/gate.ts';
import { startWrites, storedIds } from '../io/writes.ts';
import { withReplicas } from './support/replicas.ts';
import { badSettled, findingsOfSettled, type Settled, settle, settledSample } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface Facts {
  attempts: number;
  /** At each stop, how many writes were in flight. */
  inFlight: number[];
  /** Not accepted: their answers, null for none. */
  failed: (number | null)[];
  settled: Settled;
  rows: StrikeRow[];
}

const replicaCount = 2;
const writers = 5;
const pauseMs = 100;
const warmUpWrites = 25;
const answersKept = 20;

export default defineDrill<Facts>({
  id: 'drills/replicas-are-rolled',
  severity: 'blocker',
  profile: 'commit',
  long: true,
  needs: ['service', 'database', 'sandbox', 'config:write', 'config:replicas'],
  covers: ['deployment.rolling'],
  unit: 'orders',
  timeoutMs: 90_000,
  why: 'A release that fails one request in a thousand is one that people put off until the night.',
  fix: 'Say "not ready" before the port closes, for longer than the proxy takes to notice; start answering "ready" only when it is so.',
  source: 'https://kubernetes.io/docs/tutorials/kubernetes-basics/update/update-intro/',

  steadyState: mustBeSteady,

  strike: (context, recovery) =>
    withReplicas(context, replicaCount, async ({ replicas, through }) => {
      const before = await storedIds(through);
      const load = startWrites(through, writers, { pauseMs });
      const inFlight: number[] = [];
      try {
        for (const [index, replica] of replicas.entries()) {
          context.progress(`replica ${index + 1} of ${replicaCount}`);
          const soFar = load.attempts.length;
          await load.until((all) => all.length >= soFar + warmUpWrites && load.inFlight() > 0);
          inFlight.push(load.inFlight());
          replica.signal('SIGTERM');
          await replica.ended();
          await recovery.byThePage(() => replica.start());
        }
        const soFar = load.attempts.length;
        await load.until((all) => all.length >= soFar + warmUpWrites);
      } finally {
        await load.stop();
      }
      const { attempts } = load;
      const failed = attempts.filter(({ accepted }) => !accepted).map(({ status }) => status);
      const settled = await settle(through, before, attempts);
      const facts = { attempts: attempts.length, inFlight, failed: failed.slice(0, answersKept), settled };
      const struckInFlight = inFlight.reduce((sum, count) => sum + count, 0);
      return { examined: attempts.length, struckInFlight, facts: { ...facts, rows: [rowOf(facts)] } };
    }),

  undo: async () => undefined,

  judge({ attempts, failed, settled }) {
    const findings: Finding[] = findingsOfSettled(settled, 'a rolling restart');
    if (failed.length > 0) {
      const answers = [...new Set(failed.map((status) => String(status ?? 'no answer')))].join(', ');
      findings.push({
        message: `${failed.length} of ${attempts} orders failed while the replicas were rolled: ${answers}`,
        identity: 'failed while rolling',
      });
    }
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [facts({ failed: [null, 503] }), ...badSettled.map((settled) => facts({ settled }))],
  },

  /** Nobody waits: each closes its port at the very moment at which it says "not ready", or is cut off before. */
  async sabotage(sandbox) {
    const own = partOf(sandbox.config, 'replicas').environment;
    const start = sandbox.config.service.start;
    sandbox.config.service.start = [
      'sh',
      '-c',
      '"$@" & child=$!; trap "kill -KILL $child" TERM; wait $child',
      'sh',
      ...start,
    ];
    partOf(sandbox.config, 'replicas').environment = {};
    return async () => {
      sandbox.config.service.start = start;
      partOf(sandbox.config, 'replicas').environment = own;
    };
  },
});

function rowOf({ attempts, inFlight, failed }: Omit<Facts, 'rows'>): StrikeRow {
  return {
    fault: 'two replicas rolled one after the other',
    proof: `${inFlight.join(' and ')} writes in flight at the stops`,
    bound: '0 failed requests',
    observed: `${failed.length} of ${attempts} failed`,
  };
}

function facts(change: Partial<Facts>): Facts {
  return { attempts: 200, inFlight: [3, 2], failed: [], settled: settledSample(), rows: [], ...change };
}
