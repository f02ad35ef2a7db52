import type { Database } from '../../../io/database.ts';

/** One statement that a role ran in a database, whatever its values were. */
export interface StatementCount {
  id: string;
  text: string;
  calls: number;
  /** Of 8 KiB, from the cache or not; all calls together. */
  pages: number;
  totalMs: number;
}

const countsSql = `
  SELECT s.queryid AS id, max(s.query) AS text, sum(s.calls) AS calls, sum(s.shared_blks_hit + s.shared_blks_read) AS pages,
         sum(s.total_exec_time) AS ms
    FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid JOIN pg_roles AS r ON r.oid = s.userid
   WHERE d.datname = $1 AND r.rolname = $2 AND s.toplevel AND s.query !~* '^(begin|commit|rollback|set|reset|listen)'
   GROUP BY s.queryid`;

/**
 * What the server has counted since it was started. `maintenance` is connected to another database of the same server, so
 * that the extension becomes no part of the schema that is looked at.
 * @throws where the server does not count statements.
 */
export async function countStatements(
  maintenance: Database,
  databaseUrl: string,
  role: string,
): Promise<StatementCount[]> {
  const [preloaded] = await maintenance.query('SHOW shared_preload_libraries');
  if (!preloaded?.shared_preload_libraries?.includes('pg_stat_statements')) {
    throw new Error('the server does not count statements: this PostgreSQL comes without pg_stat_statements');
  }
  await maintenance.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  const rows = await maintenance.query(countsSql, [new URL(databaseUrl).pathname.slice(1), role]);
  return rows.map(({ id, text, calls, pages, ms }) => ({
    id: id ?? '',
    text: text ?? '',
    calls: Number(calls),
    pages: Number(pages),
    totalMs: Number(ms),
  }));
}

/** Texts that differ in values, spaces or letters alone are the same. */
export function normaliseStatement(text: string): string {
  return text
    .replace(/--.*$/gm, ' ')
    .replace(/'(?:[^']|'')*'|\$\d+|\b\d+(?:\.\d+)?\b|\b(?:null|true|false)\b/gi, '?')
    .replace(/extract\(\s*[\w?]+\s+from/gi, 'extract(? from')
    .replace(/\s+/g, ' ')
    .replace(/ ?([(),=<>;]) ?/g, '$1')
    .trim()
    .toLowerCase();
}
