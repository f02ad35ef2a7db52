import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding, type Recovery } from '../engine/gate.ts';
import { nowMs, startWrites, storedIds } from '../io/writes.ts';
import { evaluateIn } from './support/inspector.ts';
import { badSettled, findingsOfSettled, type Settled, settle, settledSample } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface Crash {
  kind: string;
  inFlight: number;
  /** Of the process; null: a signal had to end it, or nothing did within the bound. */
  exitCode: number | null;
  exitMs: number | null;
  /** Whether its log names the error. */
  logged: boolean;
  restartMs: number;
  settled: Settled;
}

interface Facts {
  crashes: Crash[];
  rows: StrikeRow[];
}

const exitWithinMs = 5_000;
const pollMs = 20;
const logWithinMs = 1_000;
const writers = 6;
const warmUpWrites = 12;
/** What no code of the service can have foreseen, each a line that the process itself runs. */
const kinds = [
  {
    kind: 'an uncaught exception',
    line: (message: string) => `setImmediate(() => { throw new Error('${message}'); })`,
  },
  { kind: 'an unhandled rejection', line: (message: string) => `void Promise.reject(new Error('${message}'))` },
];

export default defineDrill<Facts>({
  id: 'drills/process-crashes-cleanly',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write'],
  covers: ['code.uncaught'],
  unit: 'orders',
  timeoutMs: 60_000,
  why: 'After an error that nobody foresaw, nobody knows what a process holds in its memory. One that goes on corrupts quietly; one that dies without a word is not mended.',
  fix: 'On uncaughtException and unhandledRejection log the error and exit with a code that is not 0; let a supervisor start a fresh process.',
  source: 'https://nodejs.org/api/process.html#warning-using-uncaughtexception-correctly',

  steadyState: mustBeSteady,

  async strike(context, recovery) {
    const crashes: Crash[] = [];
    for (const each of kinds) crashes.push(await crashOnce(context, each, recovery));
    const sum = (value: (crash: Crash) => number) => crashes.reduce((total, crash) => total + value(crash), 0);
    return {
      examined: sum(({ settled }) => settled.replayed),
      struckInFlight: sum(({ inFlight }) => inFlight),
      facts: { crashes, rows: crashes.map(rowOf) },
    };
  },

  undo: async () => undefined,

  judge: ({ crashes }) => crashes.flatMap(findingsOf),

  samples: {
    good: [{ crashes: [crash({})], rows: [] }],
    bad: [
      { crashes: [crash({ exitMs: null, exitCode: null })], rows: [] },
      { crashes: [crash({ exitCode: 0 })], rows: [] },
      { crashes: [crash({ logged: false })], rows: [] },
      ...badSettled.map((settled) => ({ crashes: [crash({ settled })], rows: [] })),
    ],
  },

  /** What starts it tells every end as a success, so that no supervisor would start it again. */
  async sabotage(sandbox) {
    const { service } = sandbox.config;
    const own = service.start;
    service.start = ['sh', '-c', '"$@"; exit 0', 'sh', ...own];
    return async () => {
      service.start = own;
    };
  },
});

async function crashOnce(context: Context, { kind, line }: (typeof kinds)[number], recovery: Recovery): Promise<Crash> {
  const { sandbox, config, target, signal, progress } = context;
  progress(kind);
  const replica = await sandbox.startReplica({ NODE_OPTIONS: '--inspect=127.0.0.1:0' });
  const through = {
    config,
    target: { databaseUrl: target.databaseUrl, credentials: target.credentials, url: replica.url },
    signal,
  };
  const before = await storedIds(through);
  const load = startWrites(through, writers);
  try {
    await load.until((all) => all.length >= warmUpWrites && load.inFlight() > 0);
    const message = `preflight: ${kind}`;
    const ended = replica.ended();
    const inFlight = load.inFlight();
    const struckAt = performance.now();
    await evaluateIn(replica.logFile, line(message));
    const exitCode = await Promise.race([ended, delay(exitWithinMs, 'late' as const, { ref: false })]);
    const exitMs = exitCode === 'late' ? null : Math.round(performance.now() - struckAt);
    const attempts = await load.stop();
    const logged = await isLogged(replica.logFile, message);
    replica.signal('SIGKILL');
    await replica.ended();
    const restartedAtMs = nowMs();
    const startedAtMs = (await recovery.byThePage(() => replica.start())) ?? nowMs();
    const restartMs = Math.round(startedAtMs - restartedAtMs);
    const settled = await settle(through, before, attempts);
    return { kind, inFlight, exitCode: exitCode === 'late' ? null : exitCode, exitMs, logged, restartMs, settled };
  } finally {
    await load.stop();
    await replica.close();
  }
}

async function isLogged(logFile: string, message: string): Promise<boolean> {
  const deadline = performance.now() + logWithinMs;
  for (;;) {
    if ((await readFile(logFile, 'utf8')).includes(message)) return true;
    if (performance.now() > deadline) return false;
    await delay(pollMs);
  }
}

function findingsOf({ kind, exitCode, exitMs, logged, settled }: Crash): Finding[] {
  const findings: Finding[] = findingsOfSettled(settled, kind);
  if (exitMs === null)
    findings.push({
      message: `the process went on for ${exitWithinMs} ms after ${kind}`,
      identity: `${kind}: goes on`,
    });
  else if (exitCode === 0)
    findings.push({ message: `the process told ${kind} as a success: exit code 0`, identity: `${kind}: exit code` });
  if (!logged)
    findings.push({ message: `the process ended without a word about ${kind}`, identity: `${kind}: not logged` });
  return findings;
}

function rowOf({ kind, inFlight, exitCode, exitMs, logged, restartMs, settled }: Crash): StrikeRow {
  return {
    fault: kind,
    proof: `${inFlight} writes in flight`,
    bound: `exit by itself ≤ ${exitWithinMs} ms, not 0, logged; 0 lost, 0 twice`,
    observed: `exit ${exitCode ?? '–'} after ${exitMs ?? '–'} ms, ${logged ? 'logged' : 'not logged'}, ready again ${restartMs} ms after its start, ${settled.lost.length} lost, ${settled.doubled} twice`,
  };
}

function crash(change: Partial<Crash>): Crash {
  return {
    ...{ kind: 'an uncaught exception', inFlight: 4, exitCode: 1, exitMs: 30, logged: true, restartMs: 700 },
    settled: settledSample(),
    ...change,
  };
}
