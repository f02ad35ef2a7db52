import type { Database } from '../../../io/database.ts';
import { readPlan } from './query-plan.ts';

/** More parameters than these no statement of a service has. */
const mostParameters = 100;

/** What counting statements has made of constants where SQL knows no parameter. */
const units = /\binterval \$(\d+)/gi;
const fields = /\bextract\(\s*\$(\d+)\s+from/gi;

/** Classes of SQLSTATE: what is written is wrong, of the wrong type, or nothing that can be prepared. */
const notUnderstood = /^(42|22|0A)/;

/**
 * The indexes, by name alone, that the planner takes for a statement when it may read no table whole and sort nothing, whatever
 * its parameters are: what an index can do, not what a small table makes worth while. Null: the text alone does not say what
 * its parameters are. Nothing is executed.
 */
export async function indexesThatServe(database: Database, text: string): Promise<string[] | null> {
  const count = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
  if (count > mostParameters) return null;
  const unnamed = new Set([...text.matchAll(fields)].map(([, number]) => Number(number)));
  const sql = text.replace(fields, 'extract(epoch FROM').replace(units, '($$$1::text)::interval');
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  // The others are what the text makes of them.
  const types = numbers.map((number) => (unnamed.has(number) ? 'text' : 'unknown'));
  const inBrackets = (words: readonly string[]) => (words.length === 0 ? '' : `(${words.join(', ')})`);
  await database.query('SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_sort = off');
  try {
    await database.query(`PREPARE preflight_asked ${inBrackets(types)} AS ${sql}`);
  } catch (error) {
    if (!notUnderstood.test((error as { code?: string }).code ?? '')) throw error;
    return null;
  }
  try {
    const [row] = await database.query(
      `EXPLAIN (FORMAT JSON) EXECUTE preflight_asked ${inBrackets(numbers.map(() => 'NULL'))}`,
    );
    return readPlan(row?.['QUERY PLAN'] ?? '').indexes;
  } finally {
    await database.query('DEALLOCATE preflight_asked');
  }
}

/** The same for a text with its values. Its values decide whether an index with a condition may serve it. */
export async function indexesThatServeValues(
  database: Database,
  sql: string,
  values: readonly unknown[],
): Promise<string[]> {
  await database.query('SET plan_cache_mode = force_custom_plan; SET enable_seqscan = off; SET enable_sort = off');
  const [row] = await database.query(`EXPLAIN (FORMAT JSON) ${sql}`, values);
  return readPlan(row?.['QUERY PLAN'] ?? '').indexes;
}
