import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding, type Recovery } from '../engine/gate.ts';
import { withDatabase } from '../io/database.ts';
import type { InvariantSeen } from '../io/invariants.ts';
import { nowMs } from '../io/writes.ts';
import type { Replica } from '../sandbox/sandbox.ts';
import { type GaugeWatch, type Reading, watchGauge } from './support/gauge.ts';
import {
  badOutages,
  findingsOfOutage,
  type OutageSeen,
  outageSample,
  rowOfOutage,
  seeOutage,
} from './support/outage.ts';
import { findingsOfInvariants, invariantsNow } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface Facts {
  outage: OutageSeen;
  refusedWithinMs: number;
  /** Connections of the database whose statement waited for the lock when the fault stood. */
  held: number;
  /** All that one process has for its writes. */
  connections: number;
  /** Of those who waited for a connection: the most that were seen, and the most that may wait. */
  mostWaiting: number;
  mayWait: number;
  /** From the end of the fault until nobody waited; null: not within the bound. */
  emptiedMs: number | null;
  emptyWithinMs: number;
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

const fault = 'a pool whose every connection is held';
/** More than the pool and its queue take together. */
const load = { writers: 150, pauseMs: 1_000 };
/** Shorter than a statement may take. */
const standsMs = 1_500;
const heldWithinMs = 5_000;
const pollMs = 20;

export default defineDrill<Facts>({
  id: 'drills/pool-exhausted',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write', 'config:outage', 'config:metrics', 'config:poolExhausted'],
  covers: ['failover.pool-exhausted'],
  unit: 'orders',
  long: true,
  measures: true,
  timeoutMs: 90_000,
  why: 'One transaction that somebody forgot holds a lock, every request that needs it holds a connection, and the rest queues behind them until all memory and all patience are gone.',
  fix: 'Bound the pool, its queue and the wait in it; refuse with 503 and Retry-After within a second; keep probes on connections of their own.',
  source: 'https://node-postgres.com/apis/pool',

  steadyState: mustBeSteady,

  async strike(context, recovery) {
    const { sandbox, config } = context;
    const replica = await sandbox.startReplica(partOf(config, 'poolExhausted').environment);
    try {
      const seen = await exhaust(context, replica, recovery);
      const facts = { ...seen, invariants: await invariantsNow(context) };
      return {
        examined: seen.outage.attempts,
        struckInFlight: seen.outage.inFlight,
        facts: { ...facts, rows: [rowOf(facts)] },
      };
    } finally {
      await replica.close();
    }
  },

  /** The lock went with its connection, and the process with the strike. */
  undo: async () => undefined,

  judge: (facts) => [
    ...findingsOf(facts),
    ...findingsOfOutage(facts.outage),
    ...findingsOfInvariants(facts.invariants),
  ],

  samples: {
    good: [facts({})],
    bad: [
      facts({ held: 3 }),
      facts({ mostWaiting: 0 }),
      facts({ mostWaiting: 101 }),
      facts({ outage: outageSample({ slowestRefusedMs: 1_001 }) }),
      facts({ emptiedMs: null }),
      ...badOutages.map((outage) => facts({ outage })),
      facts({ invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] }),
    ],
  },

  /** The same service without the bounds of its queue. */
  async sabotage(sandbox) {
    const own = partOf(sandbox.config, 'poolExhausted');
    sandbox.config.poolExhausted = { ...own, environment: { ...own.environment, ...own.unbounded } };
    return async () => {
      sandbox.config.poolExhausted = own;
    };
  },
});

async function exhaust(
  context: Context,
  replica: Replica,
  recovery: Recovery,
): Promise<Omit<Facts, 'invariants' | 'rows'>> {
  const { config, target, signal } = context;
  const { connections, waiting, emptyWithinMs, hold } = partOf(config, 'poolExhausted');
  const bounds = partOf(config, 'outage');
  const gauge = watchGauge({ config, signal, url: replica.url, metricsUrl: replica.metricsUrl }, waiting);
  let [held, stoodFromMs, endedAtMs] = [0, 0, 0];
  const lock = new pg.Client({ connectionString: target.databaseUrl, application_name: 'preflight' });
  // A lock whose connection breaks is let go, which the count of those who wait for it tells.
  lock.on('error', () => undefined);
  lock.on('end', () => {
    endedAtMs = nowMs();
  });
  await lock.connect();
  try {
    const outage = await seeOutage(context, {
      ...{ fault, url: replica.url, standsMs, load },
      async strike() {
        await lock.query('BEGIN');
        await lock.query(hold);
        held = await untilHeld(context, connections);
        // A service that lets nobody wait either has not been struck: the judge tells it by the gauge.
        await gauge.until((value) => value > 0, heldWithinMs).catch(() => undefined);
        stoodFromMs = nowMs();
      },
      stoodFromMs: () => stoodFromMs,
      hit: () => `${held} connections waited for the lock`,
      /** Whoever holds the lock is found and ended by the page; what is promised counts from then on. */
      end: async () => void (await recovery.byThePage(() => lock.end(), replica)),
      overAtMs: () => endedAtMs,
      // Who waited when the lock was let go is served then; how soon the others are refused is judged apart.
      bounds: { ...bounds, answerMs: bounds.inFlightMs, notReadyMs: null, refuses: true },
    });
    const emptiedMs = await emptied(gauge, endedAtMs, emptyWithinMs);
    const mostWaiting = Math.max(0, ...gauge.readings.map(({ value }) => value));
    return {
      outage,
      refusedWithinMs: bounds.answerMs,
      held,
      connections,
      mostWaiting,
      mayWait: waiting.most,
      emptiedMs,
      emptyWithinMs,
    };
  } finally {
    await lock.end();
    await gauge.stop();
  }
}

/** Until every connection waits. Returns how many do, which is fewer when the time is up: that is for the judge. */
async function untilHeld({ target, signal }: Context, connections: number): Promise<number> {
  const sql = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  const deadline = performance.now() + heldWithinMs;
  return withDatabase(target.databaseUrl, async (database) => {
    for (;;) {
      const [row] = await database.query(sql);
      const held = Number(row?.count ?? 0);
      if (held >= connections || performance.now() > deadline) return held;
      await delay(pollMs, undefined, { signal });
    }
  });
}

async function emptied(gauge: GaugeWatch, endedAtMs: number, withinMs: number): Promise<number | null> {
  const isEmpty = ({ atMs, value }: Reading) => atMs >= endedAtMs && value === 0;
  const seen =
    gauge.readings.find(isEmpty) ?? (await gauge.until((value) => value === 0, withinMs).catch(() => undefined));
  const ms = seen === undefined ? null : Math.round(seen.atMs - endedAtMs);
  return ms !== null && ms <= withinMs ? ms : null;
}

function findingsOf({
  outage,
  refusedWithinMs,
  held,
  connections,
  mostWaiting,
  mayWait,
  emptiedMs,
  emptyWithinMs,
}: Facts): Finding[] {
  const found: Finding[] = [];
  if (held < connections || mostWaiting === 0) {
    found.push({
      message: `${fault} missed: ${held} of ${connections} connections waited for the lock, and at most ${mostWaiting} requests for a connection`,
      identity: `${fault}: missed`,
      fix: 'Mend what `poolExhausted` of the configuration locks: a fault that nobody notices proves nothing.',
    });
  }
  if (mostWaiting > mayWait) {
    found.push({
      message: `${mostWaiting} requests waited for a connection at once, and ${mayWait} at most may`,
      identity: `${fault}: queue`,
      fix: 'Refuse whoever comes to a full queue, at once.',
    });
  }
  if (outage.slowestRefusedMs > refusedWithinMs) {
    found.push({
      message: `a write was refused after ${outage.slowestRefusedMs} ms while every connection was held, and ${refusedWithinMs} ms is promised`,
      identity: `${fault}: late refusal`,
      fix: 'Bound the wait for a connection below the promise, and refuse at once while the queue does not move.',
    });
  }
  if (emptiedMs === null) {
    found.push({
      message: `requests still waited for a connection ${emptyWithinMs} ms after the lock was let go`,
      identity: `${fault}: not emptied`,
      fix: 'Give every wait in the queue a limit, and drop whoever has gone.',
    });
  }
  return found;
}

function rowOf(facts: Omit<Facts, 'invariants' | 'rows'>): StrikeRow {
  const { outage, refusedWithinMs, mostWaiting, mayWait, emptiedMs, emptyWithinMs } = facts;
  const row = rowOfOutage(outage);
  return {
    ...row,
    bound: `refused ≤ ${refusedWithinMs} ms, ${row.bound}, at most ${mayWait} wait, nobody ≤ ${emptyWithinMs} ms after`,
    observed: `slowest refusal ${outage.slowestRefusedMs} ms, ${row.observed}, at most ${mostWaiting} waited, nobody ${emptiedMs ?? '–'} ms after`,
  };
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ outage: outageSample(), refusedWithinMs: 1_000, held: 10, connections: 10, mostWaiting: 80, mayWait: 100 },
    ...{ emptiedMs: 300, emptyWithinMs: 5_000, invariants: [], rows: [] },
    ...change,
  };
}
