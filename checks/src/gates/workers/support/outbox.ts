import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { type Database, withDatabase } from '../../../io/database.ts';
import type { Executed } from '../../../io/executed-writes.ts';
import type { Undo } from '../../../sandbox/sandbox.ts';

type Outbox = NonNullable<Config['outbox']>;

const lookEveryMs = 50;

/** Waits until each execution has arrived at least once, within bounds, and gives those that did not exactly once. */
export async function untilArrived(context: Context, ids: readonly string[], withinMs: number): Promise<Executed[]> {
  const { table, key, ofExecution, arrivesIn } = partOf(context.config, 'outbox');
  const sql = `
    SELECT a.${arrivesIn.write}::text AS id, count(*) AS times FROM ${arrivesIn.table} a
      JOIN (SELECT ${key} AS event FROM ${table} WHERE ${ofExecution}) e ON e.event = a.${arrivesIn.event}
     WHERE a.${arrivesIn.write}::text = ANY ($1) GROUP BY 1`;
  const deadline = performance.now() + withinMs;
  return withDatabase(context.target.databaseUrl, async (database) => {
    for (;;) {
      const times = new Map((await database.query(sql, [ids])).map((row) => [row.id, Number(row.times)]));
      const wrong = ids.map((id) => ({ id, times: times.get(id) ?? 0 })).filter((one) => one.times !== 1);
      if (wrong.every((one) => one.times > 0) || performance.now() > deadline) return wrong;
      await delay(lookEveryMs, undefined, { signal: context.signal });
    }
  });
}

/** Every event of an execution is there twice from now on. The undo also takes away what the second ones have led to. */
export async function doubleEvents(outbox: Outbox, databaseUrl: string): Promise<Undo> {
  const { table, key, ofExecution, arrivesIn } = outbox;
  await withDatabase(databaseUrl, async (database) => {
    const columns = await ownColumns(database, table);
    await database.query('CREATE TABLE public.preflight_doubled (event bigint NOT NULL)');
    await database.query(`CREATE FUNCTION public.preflight_double() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
      WITH again AS (INSERT INTO ${table} (${columns.join(', ')})
        SELECT ${columns.map((column) => `NEW.${column}`).join(', ')}
          FROM (SELECT NEW.*) AS told WHERE ${ofExecution} RETURNING ${key})
      INSERT INTO public.preflight_doubled SELECT ${key} FROM again;
      RETURN NULL; END $$`);
    await database.query(`CREATE TRIGGER preflight_double AFTER INSERT ON ${table} FOR EACH ROW
      WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION public.preflight_double()`);
  });
  return () =>
    withDatabase(databaseUrl, async (database) => {
      await database.query('DROP FUNCTION public.preflight_double() CASCADE');
      // What may only be added to is taken from as by a superuser's hand.
      await database.query('SET session_replication_role = replica');
      for (const [from, column] of [
        [arrivesIn.table, arrivesIn.event],
        [table, key],
      ] as const)
        await database.query(`DELETE FROM ${from} WHERE ${column} IN (SELECT event FROM public.preflight_doubled)`);
      await database.query('DROP TABLE public.preflight_doubled');
    });
}

/** Those that the database does not fill in by itself. @throws when there is none. */
async function ownColumns(database: Database, table: string): Promise<string[]> {
  const rows = await database.query(
    `SELECT quote_ident(attname) AS name FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND NOT atthasdef`,
    [table],
  );
  if (rows.length === 0) throw new Error(`${table} has no columns that an insert would fill`);
  return rows.map(({ name }) => name ?? '');
}
