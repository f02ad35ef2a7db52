import type { Database } from '../../../io/database.ts';
import { fromUserRelations, qualifiedName } from './user-tables.ts';

/** What a table holds: how many rows, and a hash of all of them that does not depend on their order. */
export interface TableContent {
  rows: number;
  hash: string;
}

/** By the table's qualified name. */
export type Contents = Record<string, TableContent>;

/** A value's text depends on these, which a database or a role may set in its own way. */
const plainText = `SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601';
  SET bytea_output = 'hex'; SET extra_float_digits = 3; SET search_path = ''`;

/**
 * A value's bytes: as its type sends them, which takes half the time that its text takes, and as its text where the type is
 * made of others, one of which may have nothing to send. By both, 1.0 is another value than 1.00.
 */
const valueBytes = `
  CASE WHEN type.typtype = 'b' AND type.typelem = 0 AND type.typsend <> 0
       THEN format('%s(preflight_row.%I)', type.typsend::regproc, a.attname)
       ELSE format('textsend(preflight_row.%I::text)', a.attname) END`;

/** Every ordinary table and partition of the user, and its columns of which `condition` on `pg_attribute AS a` holds. */
const tablesSql = (condition: string) => `
  SELECT ${qualifiedName} AS table, (
      SELECT json_agg(${valueBytes} ORDER BY a.attnum) FROM pg_attribute AS a JOIN pg_type AS type ON type.oid = a.atttypid
       WHERE a.attrelid = relation.oid AND a.attnum > 0 AND NOT a.attisdropped AND ${condition}) AS bytes
    ${fromUserRelations} AND relation.relkind = 'r' AND relation.oid IS DISTINCT FROM to_regclass($1) ORDER BY 1`;

/**
 * Values that tell when or in what turn a row was written differ each time that a migration writes it: times, numbers
 * of a sequence, and whatever else a function gives by default.
 */
const isRepeatable = `a.attidentity = ''
  AND a.atttypid <> ALL ('{timestamptz,timestamp,date,timetz,time}'::regtype[])
  AND NOT EXISTS (SELECT FROM pg_attrdef AS d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
    AND a.attgenerated = '' AND pg_get_expr(d.adbin, d.adrelid) ~ '\\w\\(')`;

/** How many statements' worth of tables are hashed at once: one statement over all would plan for ever on a large schema. */
const tablesPerStatement = 50;

/**
 * All tables, whole: 64-bit hashes of the rows are added up, so that a row that is lost, doubled or changed shows, and the
 * order in which rows lie does not.
 */
export function readContents(database: Database): Promise<Contents> {
  return hashTables(database, tablesSql('true'), null);
}

/** Like {@link readContents}, by the columns whose values a migration would write again, and without the bookkeeping table. */
export function readRepeatableContents(database: Database, bookkeeping: string): Promise<Contents> {
  return hashTables(database, tablesSql(isRepeatable), bookkeeping);
}

async function hashTables(database: Database, sql: string, leftOut: string | null): Promise<Contents> {
  await database.query(plainText);
  const tables = await database.query(sql, [leftOut]);
  const contents: Contents = {};
  for (let start = 0; start < tables.length; start += tablesPerStatement) {
    const statements = tables.slice(start, start + tablesPerStatement).map(({ table, bytes }, index) => {
      const columns = JSON.parse(bytes ?? '[]') as string[];
      const hash = `coalesce(sum(hash_array_extended(ARRAY[${columns.join(', ')}]::bytea[], 0)), 0)`;
      return `SELECT ${start + index} AS number, count(*) AS rows, ${hash} AS hash FROM ONLY ${table} AS preflight_row`;
    });
    for (const { number, rows, hash } of await database.query(statements.join(' UNION ALL '))) {
      contents[tables[Number(number)]?.table ?? ''] = { rows: Number(rows), hash: hash ?? '' };
    }
  }
  return contents;
}
