import type { Database } from '../../../io/database.ts';
import { fromUserRelations, qualifiedName } from './user-tables.ts';

/** What a table holds: how many rows, and a hash of all of them that does not depend on their order. */
export interface TableContent {
  rows: number;
  hash: string;
}

/** By the table's qualified name. */
export type Contents = Record<string, TableContent>;

/** A row's text depends on these, which a database or a role may set in its own way. */
const plainText = `SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601';
  SET bytea_output = 'hex'; SET extra_float_digits = 3; SET search_path = ''`;

const tablesSql = `SELECT ${qualifiedName} AS name ${fromUserRelations} AND relation.relkind = 'r' ORDER BY 1`;

/** How many statements' worth of tables are hashed at once: one statement over all would plan for ever on a large schema. */
const tablesPerStatement = 50;

/**
 * Every ordinary table and partition of the user, whole: 64-bit hashes of the rows are added up, so that a row that is lost,
 * doubled or changed shows, and the order in which rows lie does not.
 */
export async function readContents(database: Database): Promise<Contents> {
  await database.query(plainText);
  const tables = (await database.query(tablesSql)).map(({ name }) => name ?? '');
  return hashTables(
    database,
    tables.map((table) => ({ table, row: 'preflight_row::text' })),
  );
}

/**
 * Values that tell when or in what turn a row was written differ each time that a migration writes it: times, numbers
 * of a sequence, and whatever else a function gives by default.
 */
const repeatableColumnsSql = `
  SELECT ${qualifiedName} AS table, (
      SELECT json_agg(format('preflight_row.%I', a.attname) ORDER BY a.attnum) FROM pg_attribute AS a
       WHERE a.attrelid = relation.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = ''
         AND a.atttypid <> ALL ('{timestamptz,timestamp,date,timetz,time}'::regtype[])
         AND NOT EXISTS (SELECT FROM pg_attrdef AS d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
           AND a.attgenerated = '' AND pg_get_expr(d.adbin, d.adrelid) ~ '\\w\\(')) AS columns
    ${fromUserRelations} AND relation.relkind = 'r' AND relation.oid IS DISTINCT FROM to_regclass($1) ORDER BY 1`;

/** Like {@link readContents}, by the columns whose values a migration would write again, and without the bookkeeping table. */
export async function readRepeatableContents(database: Database, bookkeeping: string): Promise<Contents> {
  await database.query(plainText);
  const tables = await database.query(repeatableColumnsSql, [bookkeeping]);
  return hashTables(
    database,
    tables.map(({ table, columns }) => {
      const names = JSON.parse(columns ?? '[]') as string[];
      return { table: table ?? '', row: names.length === 0 ? "''" : `ROW(${names.join(', ')})::text` };
    }),
  );
}

async function hashTables(database: Database, tables: readonly { table: string; row: string }[]): Promise<Contents> {
  const contents: Contents = {};
  for (let start = 0; start < tables.length; start += tablesPerStatement) {
    const statements = tables.slice(start, start + tablesPerStatement).map(({ table, row }, index) => {
      const hash = `coalesce(sum(hashtextextended(${row}, 0)), 0)`;
      return `SELECT ${start + index} AS number, count(*) AS rows, ${hash} AS hash FROM ONLY ${table} AS preflight_row`;
    });
    for (const { number, rows, hash } of await database.query(statements.join(' UNION ALL '))) {
      contents[tables[Number(number)]?.table ?? ''] = { rows: Number(rows), hash: hash ?? '' };
    }
  }
  return contents;
}
