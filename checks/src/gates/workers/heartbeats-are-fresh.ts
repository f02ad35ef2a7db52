import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { nowMs } from '../../io/writes.ts';

interface Facts {
  withinMs: number;
  workers: {
    name: string;
    /** How long it took until the database had a later heartbeat than when the check began; null: it had none in time. */
    heardAfterMs: number | null;
    /** Whether it was known at all. */
    known: boolean;
  }[];
}

const pollMs = 50;
/** A statement that the server has not read yet is not seen at work: so many looks in a row have to find nothing. */
const quietLooks = 5;
const quietWithinMs = 5_000;

export default defineGate<Facts>({
  id: 'workers/heartbeats-are-fresh',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'config:workers'],
  covers: ['workers.heartbeats', 'workers.run'],
  unit: 'workers',
  why: 'A worker that stopped makes no error: orders rest, events wait, books are not compared, and nobody hears of it.',
  fix: 'Look at the log of the process that ran it; let every worker of every process renew its row, and alert on its age.',
  source: 'https://github.com/graphile/worker/issues/222',

  async observe(context) {
    const { expected, withinMs } = partOf(context.config, 'workers');
    const startedAtMs = nowMs();
    const before = await latestHeartbeats(context);
    const heard = new Map<string, number>();
    while (heard.size < expected.length && nowMs() - startedAtMs < withinMs) {
      context.signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      for (const [name, at] of await latestHeartbeats(context)) {
        if (at !== before.get(name) && !heard.has(name)) heard.set(name, Math.round(nowMs() - startedAtMs));
      }
    }
    const workers = expected.map((name) => ({
      name,
      heardAfterMs: heard.get(name) ?? null,
      known: before.has(name) || heard.has(name),
    }));
    return { examined: workers.length, facts: { withinMs, workers } };
  },

  judge({ withinMs, workers }) {
    return workers.flatMap(({ name, heardAfterMs, known }): Finding[] => {
      if (heardAfterMs !== null) return [];
      const message = known
        ? `the worker ${name} has not said that it lives for ${withinMs} ms`
        : `no process runs the worker ${name}`;
      return [{ message, identity: name }];
    });
  },

  samples: {
    good: [{ withinMs: 3000, workers: [{ name: 'a', heardAfterMs: 700, known: true }] }],
    bad: [
      { withinMs: 3000, workers: [{ name: 'a', heardAfterMs: null, known: true }] },
      { withinMs: 3000, workers: [{ name: 'a', heardAfterMs: null, known: false }] },
    ],
  },

  /** The process freezes, as one does that swaps or whose machine was paused. */
  async sabotage(sandbox) {
    sandbox.service.signal('SIGSTOP');
    await untilQuiet(sandbox.databaseUrl);
    return async () => sandbox.service.signal('SIGCONT');
  },
});

/** What a frozen process had asked for is still done: a heartbeat that was on its way would be heard after it. */
async function untilQuiet(databaseUrl: string): Promise<void> {
  const sql = `SELECT count(*) AS busy FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'`;
  const deadline = nowMs() + quietWithinMs;
  await withDatabase(databaseUrl, async (database) => {
    for (let quiet = 0; quiet < quietLooks && nowMs() < deadline; ) {
      const [row] = await database.query(sql);
      quiet = row?.busy === '0' ? quiet + 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  });
}

/** When each worker was last heard of, as text: another text, another heartbeat. */
async function latestHeartbeats({ config, target }: Context): Promise<Map<string, string>> {
  const { heartbeats } = partOf(config, 'workers');
  const sql = `SELECT name::text, max(at)::text AS at FROM (${heartbeats}) AS heard (name, at) GROUP BY name`;
  const rows = await withDatabase(target.databaseUrl, (database) => database.query(sql));
  return new Map(rows.map((row) => [String(row.name), String(row.at)]));
}
