import type { Config } from '../../../config.ts';
import type { Database } from '../../../io/database.ts';

/** A relation of fewer rows is read whole sooner than through an index, and is no worse for it. */
const smallRows = 1_000;

/** A statement writes so many rows at most: ten million at once would be held in memory until they are committed. */
const rowsPerStatement = 500_000;
/** Of one statement; VACUUM reads all that was written. */
const statementTimeoutMs = 600_000;

type Fill = Pick<NonNullable<Config['hotQueries']>, 'table' | 'fill'>;

/**
 * Adds the rows with the numbers `first` to `last`, and tells the planner. Triggers and foreign keys are off while they are
 * written: the rows need no history to be planned on.
 * @throws when the table has not as many rows afterwards.
 */
export async function fillDatabase(
  database: Database,
  { table, fill }: Fill,
  first: number,
  last: number,
): Promise<void> {
  // What is written here is thrown away: it need not survive a crash.
  await database.query(
    `SET session_replication_role = replica; SET synchronous_commit = off; SET statement_timeout = ${statementTimeoutMs}`,
  );
  for (let from = first; from <= last; from += rowsPerStatement) {
    const to = Math.min(from + rowsPerStatement - 1, last);
    for (const sql of fill) await database.query(sql, [from, to]);
  }
  await database.query('SET session_replication_role = origin');
  await database.query('VACUUM (ANALYZE)');
  const [row] = await database.query(`SELECT count(*) AS rows FROM ${table}`);
  if (Number(row?.rows) !== last) throw new Error(`${table} has ${row?.rows} rows after it was filled to ${last}`);
}

/** Tables, by name alone as plans name them, that are too large to be read whole for one query. */
export async function largeTables(database: Database): Promise<Set<string>> {
  const rows = await database.query(
    `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'm') AND relnamespace::regnamespace::text !~ '^pg_'
       AND reltuples >= ${smallRows}`,
  );
  return new Set(rows.map(({ name }) => name ?? ''));
}
