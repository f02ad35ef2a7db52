import { randomInt } from 'node:crypto';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Recovery } from '../engine/gate.ts';
import type { InvariantSeen } from '../io/invariants.ts';
import { type Attempt, nowMs, startWrites, storedIds } from '../io/writes.ts';
import { type CrashPoint, crashPoints, startTap, type Tap } from '../sandbox/tap.ts';
import { acknowledgeEarly } from './support/acknowledge-early.ts';
import { seeded } from './support/seeded.ts';
import {
  badSettled,
  findingsOfInvariants,
  findingsOfSettled,
  invariantsNow,
  type Settled,
  settle,
  settledSample,
} from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

/** One line of the ledger. */
interface Kill {
  point: CrashPoint;
  /** How many writes came to the point before it, with this one. */
  at: number;
  acknowledged: number;
  /** Begun and not answered at the moment of the kill, and never answered. */
  cutOff: number;
  restartMs: number;
}

interface Facts {
  /** Of the points and of the moments: the same seed, the same kills. */
  seed: number;
  kills: Kill[];
  settled: Settled;
  /** The invariants of the configuration: rows that break one were half applied. */
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

const kills = { short: 20, long: 200 };
/** Each a process of its own that is killed again and again: two starts share two processors. */
const lanes = 2;
const writersPerLane = 4;
const latestAt = 12;
/** In plain text in the messages of a write to PostgreSQL, and in no others. */
const keyPrefix = 'preflight-kill-';

export default defineDrill<Facts>({
  id: 'drills/backend-killed-mid-order',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write'],
  covers: [
    'failover.backend-killed',
    'failover.recovers-after-downtime',
    'orders.acknowledged-survives',
    'orders.idempotent-replay',
  ],
  unit: 'orders',
  timeoutMs: 120_000,
  longTimeoutMs: 900_000,
  why: 'A process dies between taking an order and telling so. The client asks again; it must find one order, whole, not none and not two.',
  fix: 'Acknowledge after the commit; write the order, its event, its reservation and its idempotency key in one transaction.',
  source: 'https://www.postgresql.org/docs/current/wal-reliability.html',

  steadyState: mustBeSteady,

  async strike(context, recovery) {
    const seed = randomInt(2 ** 32 - 1);
    const count = context.long ? kills.long : kills.short;
    const plan = planOf(seed, count);
    const before = await storedIds(context);
    const done = await Promise.all(
      Array.from({ length: lanes }, (_, lane) =>
        runLane(
          context,
          plan.filter((_, index) => index % lanes === lane),
          recovery,
        ),
      ),
    );
    const attempts = done.flatMap((lane) => lane.attempts);
    const ledger = done.flatMap((lane) => lane.kills);
    const settled = await settle(context, before, attempts);
    const facts = { seed, kills: ledger, settled, invariants: await invariantsNow(context) };
    return {
      examined: settled.replayed,
      struckInFlight: ledger.reduce((sum, { cutOff }) => sum + cutOff, 0),
      facts: { ...facts, rows: [rowOf(facts)] },
    };
  },

  undo: async () => undefined,

  judge: ({ settled, invariants }) => [...findingsOfSettled(settled, 'the kills'), ...findingsOfInvariants(invariants)],

  samples: {
    good: [facts({ invariants: [{ name: 'conservation', looksAt: 10, violations: 0, examples: [] }] })],
    bad: [
      ...badSettled.map((settled) => facts({ settled })),
      facts({ invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] }),
    ],
  },

  sabotage: acknowledgeEarly,
});

type Planned = Pick<Kill, 'point' | 'at'>;

/** Every point equally often, each at another moment. */
function planOf(seed: number, count: number): Planned[] {
  const next = seeded(seed);
  return Array.from({ length: count }, (_, index) => ({
    point: crashPoints[index % crashPoints.length] ?? 'before-commit',
    at: 1 + Math.floor(next() * latestAt),
  }));
}

/** After its last kill each is started again as the runbook page says; as often as it dies here, no person would do it. */
async function runLane(
  context: Context,
  plan: readonly Planned[],
  recovery: Recovery,
): Promise<{ kills: Kill[]; attempts: Attempt[] }> {
  const { sandbox, config, target, signal } = context;
  const tap = await startTap(sandbox.serviceDatabaseUrl, keyPrefix);
  try {
    const replica = await sandbox.startReplica({}, { databaseUrl: tap.url });
    try {
      const { databaseUrl, credentials } = target;
      const through = { config, target: { url: replica.url, databaseUrl, credentials }, signal };
      const lane: { kills: Kill[]; attempts: Attempt[] } = { kills: [], attempts: [] };
      for (const planned of plan) {
        const attempts = await killAt(tap, replica, through, planned);
        const killedAtMs = nowMs();
        const isLast = planned === plan.at(-1);
        const startedAtMs = isLast ? await recovery.byThePage(() => replica.start()) : void (await replica.start());
        const restartMs = Math.round((startedAtMs ?? nowMs()) - killedAtMs);
        lane.attempts.push(...attempts);
        lane.kills.push({ ...planned, ...countsOf(attempts), restartMs });
        context.progress(`killed ${planned.point}, write ${planned.at}`);
      }
      return lane;
    } finally {
      await replica.close();
    }
  } finally {
    await tap.close();
  }
}

const comesWithinMs = 20_000;

/** @throws when no write comes to the point: the service then tells its database of writes in a way that the tap cannot read. */
async function killAt(
  tap: Tap,
  replica: { signal(signal: NodeJS.Signals): void; ended(): Promise<number | null> },
  through: Parameters<typeof startWrites>[0],
  { point, at }: Planned,
): Promise<readonly Attempt[]> {
  const hit = Promise.withResolvers<void>();
  const timer = setTimeout(() => hit.reject(new Error(`no write came to the point ${point}`)), comesWithinMs);
  const ended = replica.ended();
  tap.arm(point, at, () => {
    // In this very turn: nothing that the process could still send is passed on.
    replica.signal('SIGKILL');
    hit.resolve();
  });
  const load = startWrites(through, writersPerLane, { prefix: keyPrefix });
  try {
    await hit.promise;
    await ended;
  } finally {
    clearTimeout(timer);
    await load.stop();
  }
  return load.attempts;
}

function countsOf(attempts: readonly Attempt[]): Pick<Kill, 'acknowledged' | 'cutOff'> {
  return {
    acknowledged: attempts.filter(({ accepted }) => accepted).length,
    cutOff: attempts.filter(({ status }) => status === null).length,
  };
}

function rowOf({ seed, kills: ledger, settled }: Pick<Facts, 'seed' | 'kills' | 'settled'>): StrikeRow {
  const cutOff = ledger.reduce((sum, kill) => sum + kill.cutOff, 0);
  return {
    fault: `the process is killed, ${ledger.length} times at ${crashPoints.length} points of a transaction (seed ${seed})`,
    proof: `${cutOff} writes cut off`,
    bound: '0 acknowledged lost, 0 half applied, 0 twice',
    observed: `${settled.lost.length} of ${settled.acknowledged} lost, ${settled.differing.length} told otherwise, ${settled.doubled} twice, of ${settled.replayed} asked again`,
  };
}

function facts(change: Partial<Facts>): Facts {
  const kill: Kill = { point: 'commit-sent', at: 3, acknowledged: 9, cutOff: 4, restartMs: 700 };
  return { seed: 1, kills: [kill], settled: settledSample(), invariants: [], rows: [], ...change };
}
