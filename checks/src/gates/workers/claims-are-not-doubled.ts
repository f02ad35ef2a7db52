import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { type Executed, makeExecutableWrites, untilExecuted } from '../../io/executed-writes.ts';
import { doubleEvents, untilArrived } from './support/outbox.ts';

interface Facts {
  /** How many processes ran each worker while the work was done: the fewest of any worker. */
  processes: number;
  work: number;
  /** Writes that were executed another number of times than once. */
  executed: Executed[];
  /** Writes whose execution arrived another number of times than once. */
  arrived: Executed[];
}

const replicaCount = 2;
const rounds = 3;
const workPerRound = 20;
const doneWithinMs = 10_000;
const heardWithinMs = 5_000;
const lookEveryMs = 50;
const shown = 3;

export default defineGate<Facts>({
  id: 'workers/claims-are-not-doubled',
  severity: 'blocker',
  profile: 'commit',
  unwaivable: true,
  needs: ['service', 'database', 'sandbox', 'config:processing', 'config:write', 'config:workers', 'config:outbox'],
  alone: true,
  covers: ['workers.races', 'workers.claims', 'load.workers'],
  unit: 'orders and their events',
  why: 'Two workers that take the same piece of work both do it: the order is bought twice, the customer is told twice, and each log looks right.',
  fix: 'Claim with FOR UPDATE SKIP LOCKED, do the work in the transaction that holds the claim, and let a unique key refuse the second effect.',
  source: 'https://www.postgresql.org/docs/current/sql-select.html#SQL-FOR-UPDATE-SHARE',

  async observe(context) {
    const replicas = await Promise.all(Array.from({ length: replicaCount }, () => context.sandbox.startReplica({})));
    try {
      const processes = await untilHeard(context, replicaCount + 1);
      // Nothing is claimed twice where nobody else claims: that would be a look at one worker.
      if (processes <= replicaCount)
        throw new Error(
          `of ${replicaCount + 1} processes, ${processes} said within ${heardWithinMs} ms that they work`,
        );
      const work: string[] = [];
      for (let round = 0; round < rounds; round += 1) work.push(...(await makeExecutableWrites(context, workPerRound)));
      const executed = await untilExecuted(context, work, doneWithinMs);
      const arrived = await untilArrived(context, work, doneWithinMs);
      return { examined: work.length * 2, facts: { processes, work: work.length, executed, arrived } };
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
    }
  },

  judge: (facts) => [...judgeTimes(facts, facts.executed, 'executed'), ...judgeTimes(facts, facts.arrived, 'told of')],

  samples: {
    good: [facts({})],
    bad: [
      facts({ executed: [{ id: 'a', times: 2 }] }),
      facts({ executed: [{ id: 'a', times: 0 }] }),
      facts({ arrived: [{ id: 'a', times: 3 }] }),
      facts({ arrived: [{ id: 'a', times: 0 }] }),
    ],
  },

  /** Each event is handed out twice, as by a claim that two workers see free. */
  sabotage: ({ config, databaseUrl }) => doubleEvents(partOf(config, 'outbox'), databaseUrl),
});

/** How many heartbeats of the rarest worker there are: one a process. Waits until they are `wanted`, within bounds. */
async function untilHeard({ config, target, signal }: Context, wanted: number): Promise<number> {
  const { heartbeats, expected, withinMs } = partOf(config, 'workers');
  const sql = `
    SELECT coalesce(min(n), 0) AS fewest FROM (
      SELECT count(h.name) AS n FROM unnest($1::text[]) AS e (name)
      LEFT JOIN (${heartbeats}) AS h (name, at) ON h.name::text = e.name AND h.at > now() - $2::float8 * interval '1 ms'
      GROUP BY e.name) AS counted`;
  const deadline = performance.now() + heardWithinMs;
  return withDatabase(target.databaseUrl, async (database) => {
    for (;;) {
      const [row] = await database.query(sql, [expected, withinMs]);
      const fewest = Number(row?.fewest);
      if (fewest >= wanted || performance.now() > deadline) return fewest;
      await delay(lookEveryMs, undefined, { signal });
    }
  });
}

function judgeTimes({ processes, work }: Facts, wrong: readonly Executed[], done: string): Finding[] {
  const twice = wrong.filter(({ times }) => times > 1);
  const never = wrong.filter(({ times }) => times === 0);
  const among = `with ${processes} processes at work`;
  const name = (some: readonly Executed[]) =>
    some
      .slice(0, shown)
      .map(({ id, times }) => `${id} (${times})`)
      .join(', ');
  const findings: Finding[] = [];
  if (twice.length > 0)
    findings.push({
      message: `${among}, ${twice.length} of ${work} orders were ${done} more than once: ${name(twice)}`,
      identity: `${done} more than once`,
    });
  if (never.length > 0)
    findings.push({
      message: `${among}, ${never.length} of ${work} orders were not ${done} within ${doneWithinMs / 1000} s: ${name(never)}`,
      identity: `not ${done}`,
    });
  return findings;
}

function facts(change: Partial<Facts>): Facts {
  return { processes: 3, work: 60, executed: [], arrived: [], ...change };
}
