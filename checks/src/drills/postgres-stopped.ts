import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Recovery } from '../engine/gate.ts';
import { strikeInTheMiddle } from '../io/held-writes.ts';
import type { InvariantSeen } from '../io/invariants.ts';
import { acknowledgeRefusals } from './support/acknowledge-refusals.ts';
import { type ConnectionFlood, endConnections, floodConnections } from './support/connection-flood.ts';
import {
  badOutages,
  findingsOfOutage,
  type Outage,
  type OutageBounds,
  type OutageSeen,
  outageSample,
  rowOfOutage,
  seeOutage,
} from './support/outage.ts';
import { findingsOfInvariants, invariantsNow } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface Facts {
  outages: OutageSeen[];
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

/** Short ones are as long as a frozen server takes to be noticed, and a little more. */
const stands = { stop: { short: 1_000, long: 30_000 }, freeze: { short: 2_000, long: 20_000 } };
const floodStandsMs = 1_200;
/** Half of the writers, in the same moment. */
const writesCut = 4;

export default defineDrill<Facts>({
  id: 'drills/postgres-stopped',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write', 'config:stateMachine', 'config:outage'],
  covers: ['failover.database-lost', 'db.connections.handled', 'db.connections.errors'],
  unit: 'orders',
  timeoutMs: 60_000,
  longTimeoutMs: 240_000,
  why: 'A database that stops, freezes or has no connection left must cost refusals and not orders: refused at once, with a time to come back, by a process that goes on.',
  fix: 'Bound connecting, waiting and statements; answer 503 with Retry-After; keep liveness free of the database; reconnect by yourself.',
  source: 'https://www.postgresql.org/docs/current/server-shutdown.html',

  steadyState: mustBeSteady,

  async strike(context, recovery) {
    const outages: OutageSeen[] = [];
    for (const outage of outagesOf(context, recovery)) outages.push(await seeOutage(context, outage));
    const invariants = await invariantsNow(context);
    const sum = (count: (seen: OutageSeen) => number) => outages.reduce((total, seen) => total + count(seen), 0);
    return {
      examined: sum(({ attempts }) => attempts),
      struckInFlight: sum(({ inFlight }) => inFlight),
      facts: { outages, invariants, rows: outages.map(rowOfOutage) },
    };
  },

  async undo({ sandbox }) {
    sandbox.postgres.thaw();
    await sandbox.postgres.start();
  },

  judge: ({ outages, invariants }) => [...outages.flatMap(findingsOfOutage), ...findingsOfInvariants(invariants)],

  samples: {
    good: [facts([outageSample()])],
    bad: [
      ...badOutages.map((outage) => facts([outage])),
      { ...facts([]), invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] },
    ],
  },

  sabotage: acknowledgeRefusals,
});

function outagesOf({ sandbox, config, long, target, signal }: Context, recovery: Recovery): Outage[] {
  const bounds: OutageBounds = { ...partOf(config, 'outage'), refuses: true };
  const { postgres } = sandbox;
  const length = long ? 'long' : 'short';
  const database = new URL(target.databaseUrl).pathname.slice(1);
  let flood: ConnectionFlood | undefined;
  let cut = { connections: 0, writes: 0 };
  let startedAtMs: number | undefined;
  return [
    {
      fault: 'an immediate stop of PostgreSQL',
      strike: () => postgres.stop('immediate'),
      async end() {
        startedAtMs = await recovery.byThePage(() => postgres.start());
      },
      // The page goes on until all is well: what is promised counts from when PostgreSQL accepts connections.
      overAtMs: () => startedAtMs,
      ...{ standsMs: stands.stop[length], bounds },
    },
    {
      fault: 'a frozen PostgreSQL',
      strike: async () => postgres.freeze(),
      end: async () => postgres.thaw(),
      ...{ standsMs: stands.freeze[length], bounds },
    },
    {
      fault: 'the end of every connection',
      async strike() {
        const held = { databaseUrl: target.databaseUrl, table: partOf(config, 'stateMachine').table, signal };
        cut = await strikeInTheMiddle({ ...held, count: writesCut }, async (writes) => {
          return { connections: await endConnections(target.databaseUrl), writes };
        });
      },
      hit: () => `${cut.connections} connections ended, ${cut.writes} of them in the middle of a write`,
      end: async () => undefined,
      // It reconnects as soon as it is asked: only what was cut is refused.
      ...{ standsMs: 300, bounds: { ...bounds, notReadyMs: null } },
    },
    {
      fault: 'a PostgreSQL without a free connection',
      async strike() {
        flood = await floodConnections(postgres.url, database);
      },
      end: async () => flood?.close(),
      ...{ standsMs: floodStandsMs, bounds },
    },
  ];
}

function facts(outages: OutageSeen[]): Facts {
  return { outages, invariants: [], rows: [] };
}
