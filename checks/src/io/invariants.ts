import type { Config } from '../config.ts';
import type { Database } from './database.ts';

/** One configured invariant on one database. */
export interface InvariantSeen {
  name: string;
  /** How many rows it is about. */
  looksAt: number;
  violations: number;
  /** The first few rows that break it, as PostgreSQL prints them. */
  examples: string[];
}

const examplesKept = 3;

/** Asks each of the configured invariants. The database is read only: nothing is changed even by a query that would. */
export async function readInvariants(
  database: Database,
  invariants: Config['database']['invariants'],
): Promise<InvariantSeen[]> {
  await database.query('SET default_transaction_read_only = on');
  const seen: InvariantSeen[] = [];
  for (const { name, looksAt, violations } of invariants) {
    const [counted] = await database.query(`SELECT * FROM (${looksAt}) AS counted (rows)`);
    const broken = await database.query(
      `SELECT violation::text AS example, count(*) OVER () AS total FROM (${violations}) AS violation LIMIT ${examplesKept}`,
    );
    seen.push({
      name,
      looksAt: Number(counted?.rows),
      violations: Number(broken[0]?.total ?? 0),
      examples: broken.map(({ example }) => example ?? ''),
    });
  }
  return seen;
}
