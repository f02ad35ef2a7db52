import { readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding, type Recovery } from '../engine/gate.ts';
import { withDatabase } from '../io/database.ts';
import type { InvariantSeen } from '../io/invariants.ts';
import type { PostgresServer } from '../sandbox/postgres.ts';
import { moveWal, type WalDisk } from '../sandbox/wal-disk.ts';
import { acknowledgeRefusals } from './support/acknowledge-refusals.ts';
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
  diskBytes: number;
  /** What the drill's file took of it. */
  filledBytes: number;
  /** What the server wrote about it into its log, the first lines. */
  serverSaid: string[];
  /** Whether the server ended of it, and had to be started again. */
  serverEnded: boolean;
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

const fault = 'a full disk under the write-ahead log';
/** Eight segments: room for what is written before and after. */
const diskBytes = 128 * 1_048_576;
const standsMs = 1_500;
const noticedWithinMs = 10_000;
const servesWithinMs = 30_000;
const pollMs = 20;
const linesKept = 3;
/** disk_full. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const diskFull = /(PANIC|FATAL|ERROR):\s+53100: .*/g;

export default defineDrill<Facts>({
  id: 'drills/disk-full',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'mount', 'config:write', 'config:outage'],
  covers: ['failover.disk-full'],
  unit: 'orders',
  long: true,
  timeoutMs: 180_000,
  why: 'A disk fills up while orders are written: PostgreSQL stops in the middle of a commit, and may not come up again before somebody has made room.',
  fix: 'Answer 503 with Retry-After while it is gone, acknowledge after the commit, reconnect by yourself; alert on the room that is left.',
  source: 'https://www.postgresql.org/docs/current/disk-full.html',

  steadyState: mustBeSteady,

  async strike(context, recovery) {
    const { sandbox, tools } = context;
    const { postgres } = sandbox;
    await sayCodes(postgres, true);
    const disk = await moveWal(sandbox.directory, postgres, tools, diskBytes);
    try {
      await mustBeSteady(context);
      const seen = await fillUp(context, disk, recovery);
      const facts = { ...seen, diskBytes, invariants: await invariantsNow(context) };
      const { attempts, inFlight } = seen.outage;
      return { examined: attempts, struckInFlight: inFlight, facts: { ...facts, rows: [rowOf(facts)] } };
    } finally {
      await disk.putBack();
      await sayCodes(postgres, false);
    }
  },

  /** The strike puts back what it has moved, and what a killed run has mounted is unmounted with its sandbox. */
  undo: async () => undefined,

  judge: ({ outage, serverSaid, invariants }) => [
    ...missed(serverSaid),
    ...findingsOfOutage(outage),
    ...findingsOfInvariants(invariants),
  ],

  samples: {
    good: [facts({})],
    bad: [
      facts({ serverSaid: [] }),
      ...badOutages.map((outage) => facts({ outage })),
      facts({ invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] }),
    ],
  },

  sabotage: acknowledgeRefusals,
});

/** Whether the server names the SQLSTATE with each line of its log. */
async function sayCodes({ url }: PostgresServer, on: boolean): Promise<void> {
  await withDatabase(url, async (database) => {
    await database.query(`ALTER SYSTEM ${on ? "SET log_error_verbosity = 'verbose'" : 'RESET log_error_verbosity'}`);
    await database.query('SELECT pg_reload_conf()');
  });
}

async function fillUp(
  context: Context,
  disk: WalDisk,
  recovery: Recovery,
): Promise<Omit<Facts, 'diskBytes' | 'invariants' | 'rows'>> {
  const { postgres } = context.sandbox;
  const from = (await stat(postgres.logFile)).size;
  let filledBytes = 0;
  let serverEnded = false;
  let startedAtMs: number | undefined;
  const outage = await seeOutage(context, {
    fault,
    async strike() {
      filledBytes = await disk.fill();
      // The segment that is being written has room of its own: the next one is what finds none.
      await nextSegment(postgres);
      await untilNoticed(context, from);
    },
    async end() {
      await disk.free();
      serverEnded = await hasEnded(context);
      startedAtMs = await recovery.byThePage(() => untilServed(context));
    },
    // The page goes on until all is well: what is promised counts from when PostgreSQL accepts connections.
    overAtMs: () => startedAtMs,
    standsMs,
    bounds: { ...partOf(context.config, 'outage'), refuses: true },
  });
  return { outage, filledBytes, serverEnded, serverSaid: await saidSince(postgres, from) };
}

/**
 * Waits until the server takes connections or has ended, of which it may be still about to, for want of the room that it has again.
 * @throws when it does neither within half a minute.
 */
async function hasEnded({ sandbox, signal }: Context): Promise<boolean> {
  const { postgres } = sandbox;
  const deadline = performance.now() + servesWithinMs;
  for (;;) {
    if (!postgres.runs()) return true;
    if (await withDatabase(postgres.url, async () => true).catch(() => false)) return false;
    if (performance.now() > deadline) throw new Error('PostgreSQL did not come back when its disk had room again');
    await delay(pollMs, undefined, { signal });
  }
}

/** Starts it if it has ended, also when it ends meanwhile. @throws when it does not come back within half a minute. */
async function untilServed(context: Context): Promise<void> {
  while (await hasEnded(context)) await context.sandbox.postgres.start();
}

/** The server may be gone before it answers: that is the fault, and its log tells of it. */
async function nextSegment({ url }: PostgresServer): Promise<void> {
  await withDatabase(url, (database) => database.query('SELECT pg_switch_wal()')).catch(() => undefined);
}

async function untilNoticed({ sandbox, signal }: Context, from: number): Promise<void> {
  const deadline = performance.now() + noticedWithinMs;
  while ((await saidSince(sandbox.postgres, from)).length === 0 && performance.now() < deadline) {
    await delay(pollMs, undefined, { signal });
  }
}

async function saidSince({ logFile }: PostgresServer, from: number): Promise<string[]> {
  const log = (await readFile(logFile)).subarray(from).toString();
  return [...log.matchAll(diskFull)].map(([line]) => line).slice(0, linesKept);
}

function missed(serverSaid: readonly string[]): Finding[] {
  if (serverSaid.length > 0) return [];
  return [
    {
      message: `${fault} missed: PostgreSQL's log does not tell of one (SQLSTATE 53100)`,
      identity: `${fault}: missed by the server`,
      fix: 'Mend the drill or what it strikes: a fault that nobody notices proves nothing.',
    },
  ];
}

function rowOf({ outage, serverSaid, serverEnded }: Pick<Facts, 'outage' | 'serverSaid' | 'serverEnded'>): StrikeRow {
  const row = rowOfOutage(outage);
  const [said = 'nothing'] = serverSaid;
  const ended = serverEnded ? 'PostgreSQL ended of it and was started again' : 'PostgreSQL came back by itself';
  return { ...row, proof: `${row.proof}; its log: ${said}`, observed: `${ended}, ${row.observed}` };
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ outage: outageSample(), diskBytes, filledBytes: 117_440_512, serverEnded: true },
    serverSaid: ['PANIC:  53100: could not write to file "pg_wal/xlogtemp.1": No space left on device'],
    ...{ invariants: [], rows: [] },
    ...change,
  };
}
