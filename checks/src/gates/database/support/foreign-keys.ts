import type { Database } from '../../../io/database.ts';
import { isOfTheUser, qualifiedName } from './user-tables.ts';

/** An index of a foreign key's table that has at least one of the key's columns. */
export interface CandidateIndex {
  /** With its schema. */
  name: string;
  /** Key columns in their order, quoted. Null: an expression, or a column in another collation, which no comparison of the key uses. */
  keys: (string | null)[];
  unique: boolean;
  /** Valid, ready and live. */
  valid: boolean;
  /** As PostgreSQL prints it. Null: it holds every row. */
  predicate: string | null;
  method: string;
}

/** A foreign key, seen from the table that points. Names are quoted where SQL needs it. */
export interface ForeignKey {
  name: string;
  table: string;
  references: string;
  partitioned: boolean;
  columns: string[];
  indexes: CandidateIndex[];
}

/** A partition's copy of its parent's key is left out: it is the parent's index that covers both. */
const foreignKeysSql = `
  SELECT fk.conname AS name, ${qualifiedName} AS table, relation.relkind = 'p' AS partitioned,
         (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
           WHERE c.oid = fk.confrelid) AS references,
         (SELECT json_agg(quote_ident(a.attname) ORDER BY k.position)
            FROM unnest(fk.conkey) WITH ORDINALITY AS k (attnum, position)
            JOIN pg_attribute AS a ON a.attrelid = fk.conrelid AND a.attnum = k.attnum) AS columns,
         (SELECT json_agg(json_build_object(
                   'name', (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_namespace AS n WHERE n.oid = c.relnamespace),
                   'keys', keys.names, 'unique', i.indisunique, 'valid', i.indisvalid AND i.indisready AND i.indislive,
                   'predicate', pg_get_expr(i.indpred, i.indrelid), 'method', m.amname) ORDER BY c.relname)
            FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS m ON m.oid = c.relam,
                 LATERAL (SELECT json_agg(quote_ident(a.attname) ORDER BY position) AS names
                            FROM generate_series(1, i.indnkeyatts) AS position
                            LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[position - 1]
                              AND a.attnum > 0 AND a.attcollation = i.indcollation[position - 1]) AS keys
           WHERE i.indrelid = fk.conrelid AND i.indkey::int2[] && fk.conkey) AS indexes
    FROM pg_constraint AS fk
    JOIN pg_class AS relation ON relation.oid = fk.conrelid
    JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace
   WHERE fk.contype = 'f' AND fk.conparentid = 0 AND ${isOfTheUser}
   ORDER BY 2, 1`;

/** Every foreign key of every schema of the user, with the indexes that could cover it. */
export async function readForeignKeys(database: Database): Promise<ForeignKey[]> {
  const rows = await database.query(foreignKeysSql);
  return rows.map((row) => ({
    name: row.name ?? '',
    table: row.table ?? '',
    references: row.references ?? '',
    partitioned: row.partitioned === 't',
    columns: JSON.parse(row.columns ?? '[]') as string[],
    indexes: JSON.parse(row.indexes ?? '[]') as CandidateIndex[],
  }));
}

/** Only these find rows by equality; a BRIN index knows where rows may be, and reads whole ranges of the table. */
const methodsThatFind = new Set(['btree', 'hash']);

export function isUsable({ valid, method }: CandidateIndex): boolean {
  return valid && methodsThatFind.has(method);
}

/**
 * Whether the index finds the rows that point at one parent: it begins with the key's columns, in any order; or it is
 * unique on some of them, so that one row at most is left to look at.
 */
export function isCovered({ columns }: Pick<ForeignKey, 'columns'>, index: CandidateIndex): boolean {
  if (!isUsable(index) || !holdsAllThatPoint(columns, index.predicate)) return false;
  const own = new Set<string | null>(columns);
  const leading = new Set(index.keys.slice(0, own.size));
  return (
    (leading.size === own.size && [...leading].every((key) => own.has(key))) ||
    (index.unique && index.keys.every((key) => own.has(key)))
  );
}

/** A row whose column is NULL points nowhere: an index that leaves out just those has all that the key asks for. */
function holdsAllThatPoint(columns: readonly string[], predicate: string | null): boolean {
  if (predicate === null) return true;
  const terms = predicate.split(' AND ').map((term) => term.replace(/^\(+|\)+$/g, ''));
  return terms.every((term) => columns.some((column) => term === `${column} IS NOT NULL`));
}
