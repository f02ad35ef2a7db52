import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';
import { startStandby } from '../../sandbox/standby.ts';
import { actAsTargetDatabase } from './support/target-database.ts';

interface Standby {
  name: string;
  state: string;
  /** How long the primary waited for it to replay, in seconds; null while nothing is written or nobody may see it. */
  lagSeconds: number | null;
  /** Of the write-ahead log that it has not replayed, in bytes. */
  behindBytes: number | null;
}

interface Facts {
  wanted: number;
  mostLagSeconds: number;
  standbys: Standby[];
  /** Slots that nobody reads from: the log that they keep fills the disk of the primary. */
  abandonedSlots: string[];
}

/** Beyond so much of the log a standby is behind, whatever it says of the time: one segment is 16 MiB. */
const mostBehindBytes = 64 * 1_048_576;

const standbysSql = `
  SELECT coalesce(nullif(application_name, ''), client_addr::text, pid::text) AS name, state,
         extract(epoch FROM replay_lag) AS lag, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS behind
    FROM pg_stat_replication WHERE application_name <> 'pg_basebackup' ORDER BY 1`;
const slotsSql = "SELECT slot_name FROM pg_replication_slots WHERE NOT active AND slot_type = 'physical' ORDER BY 1";

export default defineGate<Facts>({
  id: 'database/standby-follows',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:targetDatabase'],
  covers: ['failover.read-replicas', 'failover.replication'],
  unit: 'standbys',
  why: 'A standby that stopped following weeks ago is found when the primary is gone: what it would serve then is the state of that day.',
  fix: 'See the log of the standby; make it anew with pg_basebackup where the primary no longer has the log that it lacks.',
  source: 'https://www.postgresql.org/docs/current/warm-standby.html#STREAMING-REPLICATION-MONITORING',

  async observe({ config }) {
    const { url, standbys: wanted, mostLagSeconds } = partOf(config, 'targetDatabase');
    const facts = await withDatabase(url, async (database) => {
      const standbys = await readStandbys(database);
      const slots = await database.query(slotsSql);
      return { wanted, mostLagSeconds, standbys, abandonedSlots: slots.map(({ slot_name }) => slot_name ?? '') };
    });
    // What is missing has been looked for, and is judged.
    return { examined: Math.max(facts.standbys.length, wanted), facts };
  },

  judge: judgeStandbys,

  samples: {
    good: [sample({}), { ...sample({ lagSeconds: null }), wanted: 1 }],
    bad: [
      { ...sample({}), wanted: 2 },
      sample({ state: 'catchup' }),
      sample({ lagSeconds: 11 }),
      sample({ behindBytes: 2 * mostBehindBytes }),
      sample({ behindBytes: null }),
      { ...sample({}), abandonedSlots: ['old_standby'] },
    ],
  },

  prepare: (sandbox) => withStandby(sandbox),

  /** A second one is expected, and has never been made. */
  async sabotage({ config }) {
    const database = partOf(config, 'targetDatabase');
    database.standbys += 1;
    return async () => {
      database.standbys -= 1;
    };
  },
});

async function readStandbys(database: Database): Promise<Standby[]> {
  const rows = await database.query(standbysSql);
  return rows.map(({ name, state, lag, behind }) => ({
    name: name ?? '',
    state: state ?? 'not to be seen by this role',
    lagSeconds: lag === null || lag === undefined ? null : Number(lag),
    behindBytes: behind === null || behind === undefined ? null : Number(behind),
  }));
}

function judgeStandbys({ wanted, mostLagSeconds, standbys, abandonedSlots }: Facts): Finding[] {
  const findings: Finding[] = standbys.flatMap((standby) => judgeStandby(standby, mostLagSeconds));
  if (standbys.length < wanted) {
    findings.push({
      message: `${standbys.length} standbys follow the primary, and ${wanted} should`,
      identity: 'count',
      fix: 'Make the missing one with pg_basebackup --write-recovery-conf, and start it.',
    });
  }
  for (const slot of abandonedSlots) {
    findings.push({
      message: `nobody reads from the replication slot ${slot}, and the primary keeps the log for it`,
      identity: slot,
      fix: `Start the standby that it is for, or SELECT pg_drop_replication_slot('${slot}');`,
    });
  }
  return findings;
}

function judgeStandby({ name, state, lagSeconds, behindBytes }: Standby, mostLagSeconds: number): Finding[] {
  if (behindBytes === null) {
    const fix = 'Give the role of targets.NAME.database.url pg_monitor.';
    return [{ message: `how far ${name} is behind cannot be seen`, identity: `${name} unseen`, fix }];
  }
  if (state !== 'streaming') return [{ message: `${name} does not stream: ${state}`, identity: `${name} state` }];
  if (lagSeconds !== null && lagSeconds > mostLagSeconds) {
    return [
      { message: `${name} is ${lagSeconds} s behind, and ${mostLagSeconds} s are the most`, identity: `${name} lag` },
    ];
  }
  if (behindBytes <= mostBehindBytes) return [];
  return [{ message: `${name} has yet to replay ${behindBytes} bytes of the log`, identity: `${name} bytes` }];
}

const followsWithinMs = 10_000;
const pollMs = 50;

/** A real one, and the sandbox's database as the target. */
async function withStandby(sandbox: Sandbox): Promise<Undo> {
  const undo = actAsTargetDatabase(sandbox);
  const standby = await startStandby(sandbox.directory, sandbox.postgres, `standby-${process.hrtime.bigint()}`);
  const deadline = performance.now() + followsWithinMs;
  await withDatabase(sandbox.databaseUrl, async (database) => {
    while (
      !(await readStandbys(database)).some(({ state, behindBytes }) => state === 'streaming' && behindBytes !== null)
    ) {
      if (performance.now() > deadline) throw new Error(`the standby did not stream within ${followsWithinMs} ms`);
      await delay(pollMs);
    }
  });
  return async () => {
    await standby.stop();
    await undo();
  };
}

function sample(change: Partial<Standby>): Facts {
  const standby = { name: 'standby', state: 'streaming', lagSeconds: 0.02, behindBytes: 0, ...change };
  return { wanted: 1, mostLagSeconds: 10, standbys: [standby], abandonedSlots: [] };
}
