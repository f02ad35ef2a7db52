import { partOf } from '../config.ts';
import { defineDrill, type Finding } from '../engine/gate.ts';
import { startProbes } from '../io/probes.ts';
import { nowMs, startWrites, storedIds } from '../io/writes.ts';
import { badSettled, findingsOfSettled, type Settled, settle, settledSample } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface Facts {
  attempts: number;
  inFlight: number;
  /** Sent while the process said that it was ready, and not accepted. */
  dropped: number;
  /** From SIGTERM until readiness said 503; null: the process was gone before it said so. */
  notReadyMs: number | null;
  exitMs: number | null;
  exitCode: number | null;
  exitWithinMs: number;
  settled: Settled;
  rows: StrikeRow[];
}

/** Five writers that pause for 100 ms make about 50 requests a second, each on a connection that is kept. */
const writers = 5;
const pauseMs = 100;
const warmUpWrites = 25;

export default defineDrill<Facts>({
  id: 'drills/graceful-stop',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write', 'config:replicas'],
  covers: ['workers.graceful-stop', 'deployment.rolling'],
  unit: 'orders',
  timeoutMs: 60_000,
  why: 'Every release stops the process that it replaces. What was sent to it while it said "ready" must be answered.',
  fix: 'On SIGTERM say "not ready" first, go on serving for as long as the proxy needs to notice, then finish what is in flight and exit with 0.',
  source: 'https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination',

  steadyState: mustBeSteady,

  async strike({ sandbox, config, target, signal }, recovery) {
    const { environment, exitWithinMs } = partOf(config, 'replicas');
    const replica = await sandbox.startReplica(environment);
    const from = { config, target: { ...credentialsOf(target), url: replica.url }, signal };
    const before = await storedIds(from);
    const ready = startProbes({ url: replica.url, path: config.service.readiness, signal, everyMs: 10 });
    const load = startWrites(from, writers, { pauseMs });
    try {
      await load.until((all) => all.length >= warmUpWrites && load.inFlight() > 0);
      const inFlight = load.inFlight();
      const struckAt = performance.now();
      const struckAtMs = nowMs();
      const ended = replica.ended();
      replica.signal('SIGTERM');
      const notReady = await ready.answeredAfter(struckAt, ({ status }) => status !== 200, exitWithinMs);
      // From here on a proxy sends it nothing more; what it was sent before is what counts.
      const attempts = await load.stop();
      const exitCode = await within(exitWithinMs, ended);
      const exitMs = exitCode === undefined ? null : Math.round(nowMs() - struckAtMs);
      const saidSo = notReady?.status === 503;
      if (exitMs !== null) await recovery.byThePage(() => replica.start());
      const facts: Omit<Facts, 'rows'> = {
        ...{ attempts: attempts.length, inFlight, exitWithinMs, exitMs, exitCode: exitCode ?? null },
        dropped: attempts.filter(({ accepted }) => !accepted).length,
        notReadyMs: saidSo ? Math.round(notReady.endedAtMs - struckAt) : null,
        settled: await settle({ config, target, signal }, before, attempts),
      };
      return { examined: attempts.length, struckInFlight: inFlight, facts: { ...facts, rows: [rowOf(facts)] } };
    } finally {
      await Promise.all([ready.stop(), load.stop()]);
      await replica.close();
    }
  },

  undo: async () => undefined,

  judge({ attempts, dropped, notReadyMs, exitMs, exitCode, exitWithinMs, settled }) {
    const findings: Finding[] = findingsOfSettled(settled, 'a stop by SIGTERM');
    if (notReadyMs === null)
      findings.push({
        message: 'it stopped without having said "not ready": a proxy goes on sending until it is refused',
      });
    if (dropped > 0)
      findings.push({
        message: `${dropped} of ${attempts} orders that were sent while it said "ready" were not taken`,
      });
    if (exitMs === null) findings.push({ message: `it had not ended ${exitWithinMs} ms after SIGTERM` });
    else if (exitCode !== 0)
      findings.push({
        message: `it ended with the exit code ${exitCode ?? 'of a signal'} after SIGTERM, as if it had failed`,
      });
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ notReadyMs: null }),
      facts({ dropped: 1 }),
      facts({ exitMs: null, exitCode: null }),
      facts({ exitCode: 1 }),
      ...badSettled.map((settled) => facts({ settled })),
    ],
  },

  /** What starts it turns the polite signal into the other one, as a shell that passes nothing on does in the end. */
  async sabotage(sandbox) {
    const { service } = sandbox.config;
    const own = service.start;
    service.start = ['sh', '-c', '"$@" & child=$!; trap "kill -KILL $child" TERM; wait $child', 'sh', ...own];
    return async () => {
      service.start = own;
    };
  },
});

function credentialsOf<T extends { databaseUrl: string; credentials: unknown }>({ databaseUrl, credentials }: T) {
  return { databaseUrl, credentials } as Pick<T, 'databaseUrl' | 'credentials'>;
}

/** Undefined when it takes longer. */
async function within(limitMs: number, ended: Promise<number | null>): Promise<number | null | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), limitMs);
  try {
    return await Promise.race([ended, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function rowOf({
  inFlight,
  attempts,
  dropped,
  notReadyMs,
  exitMs,
  exitCode,
  exitWithinMs,
}: Omit<Facts, 'rows'>): StrikeRow {
  return {
    fault: 'SIGTERM at 50 requests a second with keep-alive',
    proof: `${inFlight} writes in flight`,
    bound: `not ready first, 0 dropped, exit 0 ≤ ${exitWithinMs} ms`,
    observed: `not ready after ${notReadyMs ?? '–'} ms, ${dropped} of ${attempts} dropped, exit ${exitCode ?? '–'} after ${exitMs ?? '–'} ms`,
  };
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ attempts: 60, inFlight: 3, dropped: 0, notReadyMs: 12, exitMs: 1_100, exitCode: 0, exitWithinMs: 30_000 },
    ...{ settled: settledSample(), rows: [] },
    ...change,
  };
}
