import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';
import { attemptWrite } from '../../io/writes.ts';
import { burst, longestLockWaitMs } from './support/service-sessions.ts';

interface Facts {
  role: string;
  /** What holds for a connection of the role that sets nothing itself, in milliseconds. 0: for ever. */
  settings: Record<Setting, number>;
  mostMs: Record<Setting, number>;
  table: string;
  /** Writes that were sent while the table was locked against them, and when each was answered. */
  writes: { answeredMs: number; status: number | null }[];
  answersWithinMs: number;
  /** How long a statement of the role had waited for a lock at most, when every write was answered. Others began since. */
  longestWaitMs: number;
}

/** The strictest figure that the readiness documents ask for, and what keeps a lock or a forgotten transaction from outlasting it. */
const mostMs = { statement_timeout: 30_000, lock_timeout: 10_000, idle_in_transaction_session_timeout: 60_000 };
type Setting = keyof typeof mostMs;

/** More than a pool has connections: some writes wait for the lock, and the others for a connection. */
const writesAtOnce = 40;

export default defineGate<Facts>({
  id: 'database/timeouts-are-set',
  severity: 'blocker',
  profile: 'commit',
  needs: ['sandbox', 'config:databaseRole', 'config:connections', 'config:write', 'config:stateMachine'],
  covers: ['db.pool.timeouts', 'db.pool.query-timeout'],
  unit: 'settings and writes',
  why: 'One lock that somebody forgot holds up every statement behind it, and those hold every connection of the pool: without timeouts the whole service waits for ever, and looks alive.',
  fix: 'ALTER ROLE … SET statement_timeout, lock_timeout and idle_in_transaction_session_timeout, and bound in the pool how long a caller waits for a connection.',
  source: 'https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT',
  alone: true,

  async observe(context) {
    const { config, target } = context;
    const { name: role } = partOf(config, 'databaseRole');
    const { table } = partOf(config, 'stateMachine');
    const { answersWithin: answersWithinMs } = partOf(config, 'connections');
    const settings = await withDatabase(target.serviceDatabaseUrl, readSettings, { bare: true });
    const seen = await withDatabase(target.databaseUrl, async (database) => {
      await database.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      try {
        const attempts = await burst(writesAtOnce, target.credentials.writers.length, (writer, idempotencyKey) =>
          attemptWrite(context, { idempotencyKey, writer }),
        );
        return { attempts, longestWaitMs: await longestLockWaitMs(database, role) };
      } finally {
        await database.query('ROLLBACK');
      }
    });
    const writes = seen.attempts.map(({ startedAtMs, endedAtMs, status }) => ({
      answeredMs: Math.round(endedAtMs - startedAtMs),
      status,
    }));
    const facts = { role, settings, mostMs, table, writes, answersWithinMs, longestWaitMs: seen.longestWaitMs };
    return { examined: Object.keys(settings).length + writes.length, facts };
  },

  judge: judgeTimeouts,

  samples: {
    good: [sample({})],
    bad: [
      sample({ settings: { ...settingsOf(1_000), statement_timeout: 0 } }),
      sample({ settings: { ...settingsOf(1_000), lock_timeout: 60_000 } }),
      sample({ writes: [{ answeredMs: 5_001, status: null }] }),
      sample({ writes: [{ answeredMs: 40, status: 201 }] }),
      sample({ longestWaitMs: 30_000 }),
    ],
  },

  /** A role that was made anew, without what the old one had been given. */
  async sabotage(sandbox) {
    const { name } = partOf(sandbox.config, 'databaseRole');
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    const [before] = await run(`SELECT unnest(rolconfig) AS setting FROM pg_roles WHERE rolname = '${name}' LIMIT 1`);
    if (!before) throw new Error(`the role ${name} has no setting of its own`);
    const rows = await run(`SELECT unnest(rolconfig) AS setting FROM pg_roles WHERE rolname = '${name}'`);
    await run(`ALTER ROLE ${name} RESET ALL`);
    return async () => {
      for (const { setting } of rows) {
        const [, key, value] = /^(\w+)=(.*)$/.exec(setting ?? '') ?? [];
        await run(`ALTER ROLE ${name} SET ${key} = '${value}'`);
      }
    };
  },
});

async function readSettings(database: Database): Promise<Record<Setting, number>> {
  const rows = await database.query('SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[])', [
    `{${Object.keys(mostMs).join()}}`,
  ]);
  return Object.fromEntries(rows.map(({ name, setting }) => [name, Number(setting)])) as Record<Setting, number>;
}

function judgeTimeouts(facts: Facts): Finding[] {
  const { role, settings, table, writes, answersWithinMs, longestWaitMs } = facts;
  const findings: Finding[] = [];
  for (const [name, most] of Object.entries(facts.mostMs)) {
    const is = settings[name as Setting];
    if (is > 0 && is <= most) continue;
    const told = is === 0 ? 'is not set' : `is ${is} ms`;
    findings.push({
      message: `${name} ${told} for ${role}, and ${most} ms are the most`,
      identity: name,
      fix: `ALTER ROLE ${role} SET ${name} = '${most}ms';`,
    });
  }
  const late = writes.filter(({ answeredMs, status }) => status === null || answeredMs > answersWithinMs);
  if (late.length > 0) {
    const message = `${late.length} of ${writes.length} writes had no answer within ${answersWithinMs} ms while ${table} was locked`;
    findings.push({ message, identity: 'late' });
  }
  const taken = writes.filter(({ status }) => status !== null && status < 400);
  if (taken.length > 0) {
    const message = `${taken.length} writes were accepted while ${table} was locked against them: the lock was not in their way`;
    findings.push({
      message,
      identity: 'taken',
      fix: 'Name in stateMachine.table the table that the configured write goes into.',
    });
  }
  if (longestWaitMs > answersWithinMs) {
    const message = `a statement of ${role} still waited for its lock, for ${longestWaitMs} ms, when every client had its answer`;
    findings.push({
      message,
      identity: 'waiting',
      fix: 'Keep lock_timeout and statement_timeout below what the client waits.',
    });
  }
  return findings;
}

function settingsOf(each: number): Record<Setting, number> {
  return { statement_timeout: each, lock_timeout: each, idle_in_transaction_session_timeout: each };
}

function sample(change: Partial<Facts>): Facts {
  return {
    role: 'shop_service',
    settings: settingsOf(1_000),
    mostMs,
    table: 'shop.carts',
    writes: [{ answeredMs: 1_010, status: 503 }],
    answersWithinMs: 5_000,
    longestWaitMs: 0,
    ...change,
  };
}
