import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding, type Recovery } from '../engine/gate.ts';
import { withDatabase } from '../io/database.ts';
import { type Executed, makeExecutableWrites, untilExecuted } from '../io/executed-writes.ts';
import type { InvariantSeen } from '../io/invariants.ts';
import { nowMs } from '../io/writes.ts';
import { findingsOfInvariants, invariantsNow } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface Round {
  asked: number;
  /** Of those: not executed when the process that executes them was killed. */
  waiting: number;
  /** Not executed exactly once, within the bound after the restart. */
  wrong: Executed[];
  settledMs: number;
}

interface Facts {
  rounds: Round[];
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

const rounds = { short: 3, long: 20 };
const ordersPerRound = 40;
/** From a restart to the last execution. */
const settlesWithinMs = 30_000;
/** Each round kills a little later, so that a cycle is hit at its beginning, its middle and its end. */
const laterMs = 9;

export default defineDrill<Facts>({
  id: 'drills/worker-killed',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write', 'config:processing'],
  covers: ['orders.execution-atomic'],
  unit: 'orders to be executed',
  timeoutMs: 60_000,
  longTimeoutMs: 240_000,
  why: 'A worker dies between buying and booking. Half an execution is money that nobody can explain; a second one is money that somebody owes.',
  fix: 'Claim, fill, book and say so in one transaction, whose claim ends with its connection.',
  source: 'https://www.postgresql.org/docs/current/sql-select.html#SQL-FOR-UPDATE-SHARE',

  steadyState: mustBeSteady,

  async strike(context, recovery) {
    const seen: Round[] = [];
    const count = context.long ? rounds.long : rounds.short;
    for (let round = 0; round < count; round += 1) {
      context.progress(`kill ${round + 1} of ${count}`);
      const ended = await killOnce(context, (round % 5) * laterMs, recovery);
      seen.push(ended);
      // What one kill has left undone is found; more of them would only wait for the same.
      if (ended.wrong.length > 0) break;
    }
    const invariants = await invariantsNow(context);
    const sum = (value: (round: Round) => number) => seen.reduce((total, round) => total + value(round), 0);
    const row = rowOf(seen);
    return {
      examined: sum(({ asked }) => asked),
      struckInFlight: sum(({ waiting }) => waiting),
      facts: { rounds: seen, invariants, rows: [row] },
    };
  },

  undo: ({ sandbox }) => sandbox.service.start(),

  judge: ({ rounds: seen, invariants }) => [
    ...seen.flatMap(({ wrong }) => wrong.map(findingOf)),
    ...findingsOfInvariants(invariants),
  ],

  samples: {
    good: [{ rounds: [round({})], invariants: [], rows: [] }],
    bad: [
      { rounds: [round({ wrong: [{ id: '1', times: 0 }] })], invariants: [], rows: [] },
      { rounds: [round({ wrong: [{ id: '1', times: 2 }] })], invariants: [], rows: [] },
      {
        ...{ rounds: [round({})], rows: [] },
        invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }],
      },
    ],
  },

  /** Every second order that is to be executed is told as taken, and never reaches the service. */
  async sabotage(sandbox) {
    const { work } = partOf(sandbox.config, 'processing');
    const { acceptedStatus, idField } = partOf(sandbox.config, 'write');
    let writes = 0;
    return sandbox.intercept(async (request, forward) => {
      const isWork = request.method === work.method && request.path === work.path;
      if (!isWork || !request.body.equals(Buffer.from(JSON.stringify(work.body)))) return forward(request);
      writes += 1;
      if (writes % 2 === 1) return forward(request);
      const body = Buffer.from(JSON.stringify({ [idField]: crypto.randomUUID() }));
      return { status: acceptedStatus, headers: { 'content-type': 'application/json' }, body };
    });
  },
});

async function killOnce(context: Context, afterMs: number, recovery: Recovery): Promise<Round> {
  const { service } = context.sandbox;
  const ids = await makeExecutableWrites(context, ordersPerRound);
  await delay(afterMs, undefined, { signal: context.signal });
  service.signal('SIGKILL');
  await service.ended();
  const waiting = ids.length - (await executedOf(context, ids));
  const startedAtMs = (await recovery.byThePage(() => service.start())) ?? nowMs();
  const wrong = await untilExecuted(context, ids, settlesWithinMs);
  return { asked: ids.length, waiting, wrong, settledMs: Math.round(nowMs() - startedAtMs) };
}

async function executedOf({ config, target }: Context, ids: readonly string[]): Promise<number> {
  const sql = `SELECT count(DISTINCT id) AS executed FROM (${partOf(config, 'processing').effects}) AS e (id) WHERE id = ANY ($1)`;
  const [row] = await withDatabase(target.databaseUrl, (database) => database.query(sql, [ids]));
  return Number(row?.executed);
}

function findingOf({ id, times }: Executed): Finding {
  const how = times === 0 ? `not within ${settlesWithinMs / 1000} s` : `${times} times`;
  return {
    message: `order ${id} was executed ${how} after the process that executes it was killed`,
    identity: times === 0 ? 'never executed' : 'executed twice',
  };
}

function rowOf(seen: readonly Round[]): StrikeRow {
  const waiting = seen.map((round) => round.waiting).join(', ');
  const wrong = seen.reduce((total, round) => total + round.wrong.length, 0);
  const slowest = Math.max(0, ...seen.map(({ settledMs }) => settledMs));
  return {
    fault: 'the process that executes orders is killed',
    proof: `${waiting} orders were waiting at the kills`,
    bound: `each executed exactly once ≤ ${settlesWithinMs} ms after the restart`,
    observed: `${wrong} not exactly once, the last after ${slowest} ms`,
  };
}

function round(change: Partial<Round>): Round {
  return { asked: 40, waiting: 25, wrong: [], settledMs: 400, ...change };
}
