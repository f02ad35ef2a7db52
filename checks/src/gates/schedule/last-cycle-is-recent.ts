import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';

interface Cycle {
  source: string;
  /** Seconds since it ended; null while it runs, or when its process died in it. */
  ageSeconds: number | null;
  /** Why it failed as a whole; null when it came to its end. */
  error: string | null;
}

interface Facts {
  healthStatus: number;
  cycles: Cycle[];
  withinSeconds: number;
}

/** A stack that has just started has not run a cycle yet. */
const firstCycleWithinMs = 5_000;
const lookEveryMs = 100;

export default defineGate<Facts>({
  id: 'schedule/last-cycle-is-recent',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:processing'],
  covers: ['schedule.cycle.recorded'],
  unit: 'recorded cycles and answers',
  why: 'A scheduler that stopped says nothing. Orders wait, limits are passed by the market, and the first who notices is a customer.',
  fix: 'See who calls the processing: a worker that runs, or the schedule with its key. Its log and the record of its last cycle say what failed.',
  source: 'https://sre.google/sre-book/monitoring-distributed-systems/',

  async observe(context) {
    const { health, keyVariables, lastCycleWithinSeconds: withinSeconds } = partOf(context.config, 'processing');
    const key = context.sandbox.service.environment[keyVariables[0] ?? ''];
    if (key === undefined) throw new Error(`the sandbox's environment does not set ${keyVariables[0]}`);
    const cycles = await readCycles(context);
    const { status } = await send(context.target.url, health, { key, signal: context.signal });
    return { examined: cycles.length + 1, facts: { healthStatus: status, cycles, withinSeconds } };
  },

  judge({ healthStatus, cycles, withinSeconds }) {
    const findings: Finding[] = [];
    if (healthStatus !== 200)
      findings.push({
        message: `the health of the processing answered ${healthStatus}`,
        identity: 'health of the processing',
      });
    if (!cycles.some(({ ageSeconds, error }) => ageSeconds !== null && ageSeconds <= withinSeconds && error === null))
      findings.push({
        message: `no cycle has come to its end within ${withinSeconds} s: ${cycles.map(tell).join(', ') || 'none is recorded'}`,
        identity: 'last cycle',
      });
    return findings;
  },

  samples: {
    good: [
      facts({}),
      facts({
        cycles: [
          { source: 'scheduler', ageSeconds: 9_000, error: 'internal' },
          { source: 'worker', ageSeconds: 3, error: null },
        ],
      }),
    ],
    bad: [
      facts({ healthStatus: 503 }),
      facts({ cycles: [] }),
      facts({ cycles: [{ source: 'worker', ageSeconds: 4_000, error: null }] }),
      facts({ cycles: [{ source: 'worker', ageSeconds: 1, error: 'database_timeout' }] }),
      facts({ cycles: [{ source: 'scheduler', ageSeconds: null, error: null }] }),
    ],
  },

  /** Nobody calls any more: what is recorded stands still, and grows old. */
  async sabotage({ databaseUrl, config, service }) {
    const { cycleTable, lastCycleWithinSeconds } = partOf(config, 'processing');
    const seconds = lastCycleWithinSeconds + 60;
    await withDatabase(databaseUrl, async (database) => {
      await database.query(`CREATE FUNCTION public.preflight_stand_still() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RETURN NULL; END $$`);
      const { name, finishedAt, startedAt } = cycleTable;
      await database.query(
        `UPDATE ${name} SET ${finishedAt} = now() - interval '${seconds} s', ${startedAt} = now() - interval '${seconds} s'`,
      );
      await database.query(`CREATE TRIGGER preflight_stand_still BEFORE INSERT OR UPDATE ON ${name}
        FOR EACH ROW EXECUTE FUNCTION public.preflight_stand_still()`);
    });
    return async () => {
      await withDatabase(databaseUrl, (database) =>
        database.query('DROP FUNCTION public.preflight_stand_still() CASCADE'),
      );
      // A worker that found nothing to do records that only now and then: a new one does with its first cycle.
      await service.restart();
      await untilOneIsYoungerThan(lastCycleWithinSeconds, databaseUrl, cycleTable);
    };
  },
});

/** Returns at the latest after {@link firstCycleWithinMs}: whether a cycle has come is for the gate to say. */
async function untilOneIsYoungerThan(
  seconds: number,
  databaseUrl: string,
  { name, finishedAt }: { name: string; finishedAt: string },
): Promise<void> {
  const sql = `SELECT FROM ${name} WHERE ${finishedAt} > now() - interval '${seconds} s' LIMIT 1`;
  const deadline = performance.now() + firstCycleWithinMs;
  await withDatabase(databaseUrl, async (database) => {
    while ((await database.query(sql)).length === 0 && performance.now() < deadline) await delay(lookEveryMs);
  });
}

async function readCycles(context: Context): Promise<Cycle[]> {
  const sql = partOf(context.config, 'processing').cycles;
  const deadline = performance.now() + firstCycleWithinMs;
  return withDatabase(context.target.databaseUrl, async (database) => {
    for (;;) {
      const rows = await database.query(
        `SELECT source, extract(epoch FROM clock_timestamp() - finished_at) AS age, error FROM (${sql}) AS c (source, finished_at, error)`,
      );
      if (rows.length > 0 || performance.now() > deadline)
        return rows.map(({ source, age, error }) => ({
          source: source ?? '',
          ageSeconds: age === null || age === undefined ? null : Number(age),
          error: error ?? null,
        }));
      await delay(lookEveryMs, undefined, { signal: context.signal });
    }
  });
}

function tell({ source, ageSeconds, error }: Cycle): string {
  const when = ageSeconds === null ? 'did not end' : `ended ${Math.round(ageSeconds)} s ago`;
  return `that of the ${source} ${when}${error === null ? '' : ` with ${error}`}`;
}

function facts(change: Partial<Facts>): Facts {
  return {
    healthStatus: 200,
    cycles: [{ source: 'worker', ageSeconds: 3.5, error: null }],
    withinSeconds: 600,
    ...change,
  };
}
