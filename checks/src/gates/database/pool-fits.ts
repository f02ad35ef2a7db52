import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';
import { attemptWrite } from '../../io/writes.ts';
import { burst, sessionsOf } from './support/service-sessions.ts';

interface Facts {
  role: string;
  /** What the server accepts, less what it keeps for superusers. */
  connections: number;
  perProcess: number;
  processes: number;
  forOperators: number;
  /** The most connections of one process, while more writes came than it has connections. */
  peak: number;
  /** Connections of the process before them. */
  atRest: number;
  samples: number;
}

/** More than any pool here has connections. */
const writesAtOnce = 150;
const sampleEveryMs = 10;

export default defineGate<Facts>({
  id: 'database/pool-fits',
  severity: 'blocker',
  profile: 'commit',
  needs: ['sandbox', 'config:databaseRole', 'config:connections', 'config:write'],
  covers: ['db.pool.configured', 'db.pool.size', 'db.provisioned'],
  unit: 'samples of the connections',
  why: 'Pools are set for one process. With the third replica, or in the middle of a roll-out, the server has no connection left, least of all for whoever is to find out why.',
  fix: 'Make the pools smaller, put a pooler in between, or raise max_connections with the memory that it takes.',
  source: 'https://wiki.postgresql.org/wiki/Number_Of_Database_Connections',
  alone: true,

  async observe(context) {
    const { config, target } = context;
    const { name: role } = partOf(config, 'databaseRole');
    const { perProcess, processes, forOperators } = partOf(config, 'connections');
    const facts = await withDatabase(target.databaseUrl, async (database) => {
      const connections = await readConnections(database);
      const atRest = await sessionsOf(database, role);
      const sending = burst(writesAtOnce, target.credentials.writers.length, (writer, idempotencyKey) =>
        attemptWrite(context, { idempotencyKey, writer }),
      );
      const { peak, samples } = await watchUntil(sending, () => sessionsOf(database, role));
      return { role, connections, perProcess, processes, forOperators, peak, atRest, samples };
    });
    return { examined: facts.samples, facts };
  },

  judge: judgePool,

  samples: {
    good: [sample({}), sample({ processes: 1, peak: 20 })],
    bad: [
      sample({ processes: 5 }),
      sample({ forOperators: 40 }),
      sample({ peak: 21 }),
      sample({ peak: 1, atRest: 1 }),
      sample({ peak: 150, perProcess: 200, connections: 1_000 }),
    ],
  },

  /** More processes than the server has connections for. */
  async sabotage(sandbox) {
    const connections = partOf(sandbox.config, 'connections');
    const { processes } = connections;
    connections.processes = 50;
    return async () => {
      connections.processes = processes;
    };
  },
});

async function readConnections(database: Database): Promise<number> {
  const [row] = await database.query(
    "SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer AS free",
  );
  return Number(row?.free);
}

async function watchUntil(
  work: Promise<unknown>,
  count: () => Promise<number>,
): Promise<{ peak: number; samples: number }> {
  let [peak, samples, over] = [0, 0, false];
  const done = work.finally(() => {
    over = true;
  });
  // Pools close what is idle after seconds, not at once: the last sample sees all that was opened.
  do {
    peak = Math.max(peak, await count());
    samples += 1;
    await delay(sampleEveryMs);
  } while (!over);
  await done;
  return { peak: Math.max(peak, await count()), samples: samples + 1 };
}

/** What the readiness documents ask of a pool: from 10 to 100 connections. */
const leastPerProcess = 10;
const mostPerProcess = 100;

function judgePool({ role, connections, perProcess, processes, forOperators, peak }: Facts): Finding[] {
  const findings: Finding[] = [];
  const taken = perProcess * processes;
  if (taken + forOperators > connections) {
    findings.push({
      message: `${processes} processes of ${perProcess} connections each, and ${forOperators} for operators, are ${taken + forOperators}: the server has ${connections}`,
      identity: 'sum',
    });
  }
  if (peak > perProcess) {
    findings.push({
      message: `one process opened ${peak} connections as ${role}, and connections.perProcess says ${perProcess}`,
      identity: 'peak',
      fix: 'Bound every pool, or count all of them in connections.perProcess.',
    });
  }
  if (perProcess > mostPerProcess) {
    findings.push({
      message: `${perProcess} connections of one process are more than ${mostPerProcess}`,
      identity: 'size',
    });
  }
  if (peak < leastPerProcess) {
    findings.push({
      message: `${writesAtOnce} writes at once found ${peak} connections, and a pool has ${leastPerProcess} at least`,
      identity: 'none',
      fix: 'Let requests use a pool of so many connections.',
    });
  }
  return findings;
}

function sample(change: Partial<Facts>): Facts {
  return {
    role: 'shop_service',
    connections: 97,
    perProcess: 20,
    processes: 3,
    forOperators: 10,
    peak: 18,
    atRest: 6,
    samples: 40,
    ...change,
  };
}
