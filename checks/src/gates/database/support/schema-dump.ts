import type { Context } from '../../../engine/context.ts';
import type { Database } from '../../../io/database.ts';
import { assertSucceeded, runPostgresProgram } from './postgres-program.ts';

/** The bookkeeping table and the sequences that it owns, each as a pattern for pg_dump; none before the tool's first run. */
const bookkeepingSql = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
   WHERE c.oid = to_regclass($1) OR c.oid IN (
     SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
        AND refobjid = to_regclass($1) AND deptype IN ('a', 'i'))`;

/**
 * The schema as pg_dump writes it, without the migration tool's own table and without what differs from dump to dump.
 * @throws when pg_dump does.
 */
export async function dumpSchema(
  context: Pick<Context, 'exec' | 'tools'>,
  database: Database,
  databaseUrl: string,
  bookkeeping: string,
): Promise<string> {
  const own = await database.query(bookkeepingSql, [bookkeeping]);
  const excluded = own.map(({ name }) => `--exclude-table=${name}`);
  const result = await runPostgresProgram(context, 'pg_dump', databaseUrl, ['--schema-only', ...excluded]);
  assertSucceeded('pg_dump', result);
  return normaliseDump(result.stdout, bookkeeping);
}

/**
 * `\restrict` carries a new random word each time (https://www.postgresql.org/docs/current/app-psql.html), the versions are
 * not the schema's, and a heading says again what the statement under it says.
 */
const tellsNothing = /^(\\(un)?restrict |-- (Dumped (from|by) |Started on |Completed on |Name: .*; Type: \w))/;

/** The schema that the migration tool made for its own table is the tool's, too; `public` was there before it. */
export function normaliseDump(dump: string, bookkeeping: string): string {
  const [schema = ''] = bookkeeping.split('.');
  const toolsOwn = schema === 'public' ? [] : [`CREATE SCHEMA ${schema};`, `ALTER SCHEMA ${schema} OWNER TO `];
  return dump
    .split('\n')
    .filter((line) => !tellsNothing.test(line) && !toolsOwn.some((start) => line.startsWith(start)))
    .join('\n');
}
