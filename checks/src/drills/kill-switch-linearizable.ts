import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding } from '../engine/gate.ts';
import { send } from '../io/http.ts';
import { attemptWrite, nowMs } from '../io/writes.ts';
import type { Replica } from '../sandbox/sandbox.ts';
import { isLinearizable, type Operation } from './support/register-history.ts';
import { seeded } from './support/seeded.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface History {
  seed: number;
  /** Orders whose answer told the state of the switch. */
  reads: number;
  writes: number;
  /** When an activation was asked for: how many orders were under way. */
  inFlight: number;
  linearizable: boolean;
  /** From an activation's answer to the beginning of the last order that was accepted all the same; null: none was. */
  propagationMs: number | null;
}

interface Facts {
  replicas: number;
  histories: History[];
  rows: StrikeRow[];
}

const replicaCount = 3;
const histories = { short: 4, long: 100 };
const writersPerHistory = 6;
/** Turns of the switch in one history; each on another replica than the orders that follow it. */
const turns = 4;
const pauseAtMostMs = 60;
const propagatesWithinMs = 50;
/** Far longer than is promised: whether the promise is kept the histories tell. */
const refusesWithinMs = 5_000;
const pollMs = 20;

export default defineDrill<Facts>({
  id: 'drills/kill-switch-linearizable',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write', 'config:killSwitch', 'config:replicas'],
  covers: ['kill-switch.linearizable'],
  unit: 'orders in recorded histories',
  timeoutMs: 60_000,
  longTimeoutMs: 300_000,
  why: 'The switch is thrown at one replica, and the money is lost at another. To whoever has read "stopped", no replica may still say "go".',
  fix: 'Read the switch in the transaction that places the order, under a lock that the activation takes too; keep no copy of it in a process.',
  source: 'https://cs.brown.edu/~mph/HerlihyW90/p463-herlihy.pdf',

  steadyState: mustBeSteady,

  async strike(context, recovery) {
    const { environment } = partOf(context.config, 'replicas');
    const start = () => context.sandbox.startReplica(environment);
    const replicas = await Promise.all(Array.from({ length: replicaCount }, start));
    try {
      const count = context.long ? histories.long : histories.short;
      const seen: History[] = [];
      for (let index = 0; index < count; index += 1) {
        context.progress(`history ${index + 1} of ${count}`);
        seen.push(await recordOne(context, replicas, randomInt(2 ** 32 - 1)));
      }
      // What is left is the state that somebody is called for: engaged, by a process that may be another than the one they ask.
      await turnSwitch(context, replicas[0]?.url ?? '', true);
      await untilRefused(context);
      await recovery.byThePage(() => clear(context));
      const sum = (value: (history: History) => number) => seen.reduce((total, history) => total + value(history), 0);
      const facts = { replicas: replicaCount, histories: seen };
      return {
        examined: sum(({ reads }) => reads),
        struckInFlight: sum(({ inFlight }) => inFlight),
        facts: { ...facts, rows: [rowOf(seen)] },
      };
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
    }
  },

  undo: clear,

  judge: ({ histories: seen }) => seen.flatMap(findingsOf),

  samples: {
    good: [facts(history({})), facts(history({ propagationMs: 20 }))],
    bad: [facts(history({ linearizable: false })), facts(history({ propagationMs: 51 }))],
  },

  /** Every process learns of the activation a little later than whoever has thrown it: as from a cache. */
  async sabotage(sandbox) {
    const { engage } = partOf(sandbox.config, 'killSwitch');
    return sandbox.intercept(async (request, forward) => {
      const engages = request.path === engage.path && request.body.equals(Buffer.from(JSON.stringify(engage.body)));
      if (!engages) return forward(request);
      void delay(cacheMs)
        .then(() => forward(request))
        .catch(() => undefined);
      return { status: 200, headers: { 'content-type': 'application/json' }, body: request.body };
    });
  },
});

const cacheMs = 150;

async function clear({ target, config }: Context): Promise<void> {
  await send(target.url, partOf(config, 'killSwitch').clear, { key: target.credentials.operator });
}

/** Orders at random replicas while the switch is turned at others. Whether an order is taken tells what its replica has read. */
async function recordOne(context: Context, replicas: readonly Replica[], seed: number): Promise<History> {
  const next = seeded(seed);
  const any = () => replicas[Math.floor(next() * replicas.length)]?.url ?? '';
  const operations: Operation[] = [];
  let [turning, underWay, inFlight] = [true, 0, 0];
  const write = async (writer: number) => {
    while (turning && !context.signal.aborted) {
      underWay += 1;
      const read = await readByWriting(context, any(), writer);
      underWay -= 1;
      if (read) operations.push(read);
    }
  };
  const writers = Promise.all(Array.from({ length: writersPerHistory }, (_, writer) => write(writer)));
  try {
    for (let turn = 0; turn < turns; turn += 1) {
      await delay(20 + next() * pauseAtMostMs, undefined, { signal: context.signal });
      if (turn % 2 === 0) inFlight += underWay;
      operations.push(await turnSwitch(context, any(), turn % 2 === 0));
    }
    await delay(pauseAtMostMs, undefined, { signal: context.signal });
  } finally {
    turning = false;
    await writers;
  }
  const reads = operations.filter(({ kind }) => kind === 'read').length;
  const propagationMs = propagationOf(operations);
  return { seed, reads, writes: turns, inFlight, linearizable: isLinearizable(operations, false), propagationMs };
}

/** Undefined when the answer tells nothing of the switch. */
async function readByWriting(
  { config, target, signal }: Context,
  url: string,
  writer: number,
): Promise<Operation | undefined> {
  const { databaseUrl, credentials } = target;
  const from = { config, target: { url, databaseUrl, credentials }, signal };
  const attempt = await attemptWrite(from, {
    idempotencyKey: crypto.randomUUID(),
    writer: writer % credentials.writers.length,
  });
  const { accepted, status, startedAtMs, endedAtMs } = attempt;
  if (accepted) return { kind: 'read', on: false, startedAtMs, endedAtMs };
  const refused = status !== null && status >= 400 && status < 500;
  return refused ? { kind: 'read', on: true, startedAtMs, endedAtMs } : undefined;
}

/** @throws when the switch cannot be turned: then there is no history. */
async function turnSwitch({ config, target }: Context, url: string, on: boolean): Promise<Operation> {
  const { engage, clear } = partOf(config, 'killSwitch');
  const startedAtMs = nowMs();
  const { status } = await send(url, on ? engage : clear, { key: target.credentials.operator });
  if (status < 200 || status > 299) throw new Error(`the switch could not be turned: ${status}`);
  return { kind: 'write', on, startedAtMs, endedAtMs: nowMs() };
}

/** @throws when orders are taken for longer than that after an activation was answered. */
async function untilRefused(context: Context): Promise<void> {
  const deadlineMs = nowMs() + refusesWithinMs;
  while (!(await readByWriting(context, context.target.url, 0))?.on) {
    if (nowMs() > deadlineMs) throw new Error(`orders are taken ${refusesWithinMs} ms after the switch was engaged`);
    await delay(pollMs, undefined, { signal: context.signal });
  }
}

/** Of orders that were answered before the switch was turned again: one that is still under way then may have read the next turn. */
function propagationOf(operations: readonly Operation[]): number | null {
  const writes = operations.filter(({ kind }) => kind === 'write');
  const accepted = operations.filter(({ kind, on }) => kind === 'read' && !on);
  const late = writes.flatMap(({ on, endedAtMs: answeredAtMs }, index) => {
    const until = writes[index + 1]?.startedAtMs ?? Number.POSITIVE_INFINITY;
    const after = accepted.filter(({ startedAtMs, endedAtMs }) => startedAtMs > answeredAtMs && endedAtMs < until);
    return on ? after.map(({ startedAtMs }) => startedAtMs - answeredAtMs) : [];
  });
  return late.length > 0 ? Math.round(Math.max(...late)) : null;
}

function findingsOf({ seed, reads, linearizable, propagationMs }: History): Finding[] {
  const findings: Finding[] = [];
  if (!linearizable) {
    const message = `no order of events explains what ${reads} orders at ${replicaCount} replicas were told of the switch (seed ${seed})`;
    findings.push({ message, identity: 'not linearizable' });
  }
  if (propagationMs !== null && propagationMs > propagatesWithinMs) {
    const message = `an order was accepted that began ${propagationMs} ms after the answer to the activation; ${propagatesWithinMs} ms is promised`;
    findings.push({ message, identity: 'propagation' });
  }
  return findings;
}

function rowOf(seen: readonly History[]): StrikeRow {
  const bad = seen.filter(({ linearizable }) => !linearizable).length;
  const late = seen.flatMap(({ propagationMs }) => propagationMs ?? []);
  return {
    fault: `the switch is turned ${turns} times in each of ${seen.length} histories, at ${replicaCount} replicas`,
    proof: `${seen.reduce((sum, { inFlight }) => sum + inFlight, 0)} orders under way at the activations`,
    bound: `every history linearizable, propagation ≤ ${propagatesWithinMs} ms`,
    observed: `${bad} of ${seen.length} not, ${late.length > 0 ? `accepted up to ${Math.max(...late)} ms after` : 'none accepted after the answer'}`,
  };
}

function history(change: Partial<History>): History {
  return { seed: 1, reads: 60, writes: 4, inFlight: 6, linearizable: true, propagationMs: null, ...change };
}

function facts(...seen: History[]): Facts {
  return { replicas: replicaCount, histories: seen, rows: [] };
}
