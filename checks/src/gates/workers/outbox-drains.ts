import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { makeExecutableWrites } from '../../io/executed-writes.ts';

interface Facts {
  events: number;
  withinMs: number;
  /** What still waited when the time was up. */
  waiting: number;
  /** Of those, the oldest's number; null: none. */
  oldest: string | null;
  /** How long it took until none of them waited; null: longer. */
  emptyAfterMs: number | null;
}

const workCount = 10;
const lookEveryMs = 25;

export default defineGate<Facts>({
  id: 'workers/outbox-drains',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:processing', 'config:write', 'config:outbox'],
  reliesOn: ['quotes'],
  covers: ['workers.outbox'],
  unit: 'events',
  why: 'An outbox that nobody empties keeps every order right and every portfolio old: customers trade on figures of an hour ago.',
  fix: 'Run the worker that carries events, wake it when one is written and let it poll besides; alert on how many wait, and for how long.',
  source: 'https://microservices.io/patterns/data/transactional-outbox.html',

  async observe(context) {
    const { withinMs } = partOf(context.config, 'outbox');
    const before = await newest(context);
    await makeExecutableWrites(context, workCount);
    const startedAtMs = performance.now();
    for (;;) {
      const { events, waiting, oldest } = await look(context, before);
      const tookMs = performance.now() - startedAtMs;
      if (waiting > 0 && tookMs <= withinMs) {
        await delay(lookEveryMs, undefined, { signal: context.signal });
        continue;
      }
      const emptyAfterMs = waiting === 0 ? Math.round(tookMs) : null;
      return { examined: events, facts: { events, withinMs, waiting, oldest, emptyAfterMs } };
    }
  },

  judge({ events, withinMs, waiting, oldest }): Finding[] {
    if (waiting === 0) return [];
    const message = `of ${events} events, ${waiting} still waited after ${withinMs} ms, the oldest of them ${oldest}`;
    return [{ message, identity: 'events wait' }];
  },

  samples: {
    good: [{ events: 20, withinMs: 2000, waiting: 0, oldest: null, emptyAfterMs: 160 }],
    bad: [{ events: 20, withinMs: 2000, waiting: 3, oldest: '18', emptyAfterMs: null }],
  },

  /** Events keep their place in the queue, whatever the worker does with them. */
  async sabotage({ config, databaseUrl }) {
    const { table } = partOf(config, 'outbox');
    await withDatabase(databaseUrl, async (database) => {
      await database.query(`CREATE FUNCTION public.preflight_keep_waiting() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RETURN OLD; END $$`);
      await database.query(`CREATE TRIGGER preflight_keep_waiting BEFORE UPDATE ON ${table}
        FOR EACH ROW EXECUTE FUNCTION public.preflight_keep_waiting()`);
    });
    return () =>
      withDatabase(databaseUrl, async (database) => {
        await database.query('DROP FUNCTION public.preflight_keep_waiting() CASCADE');
      });
  },
});

/** The number of the newest event: what comes after it is ours, or another's of the same moment. */
async function newest({ config, target }: Context): Promise<string> {
  const { table, key } = partOf(config, 'outbox');
  const [row] = await withDatabase(target.databaseUrl, (database) =>
    database.query(`SELECT coalesce(max(${key}), 0) AS newest FROM ${table}`),
  );
  return row?.newest ?? '0';
}

async function look({ config, target }: Context, after: string): Promise<Pick<Facts, 'events' | 'waiting' | 'oldest'>> {
  const { table, key, waiting } = partOf(config, 'outbox');
  const [row] = await withDatabase(target.databaseUrl, (database) =>
    database.query(
      `SELECT count(*) AS events, count(*) FILTER (WHERE ${waiting}) AS waiting, min(${key}) FILTER (WHERE ${waiting}) AS oldest
         FROM ${table} WHERE ${key} > $1`,
      [after],
    ),
  );
  return { events: Number(row?.events), waiting: Number(row?.waiting), oldest: row?.oldest ?? null };
}
