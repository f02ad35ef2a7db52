import { INVARIANTS, type Invariant } from './invariants.ts';
import { type DatabasePool, type Tx, transaction } from './pool.ts';

/** How many of the rows that break an invariant are shown. */
const EXAMPLES_MAX = 5;
/** All are asked of one moment, so that a fill between two questions is no difference; nothing can be changed by asking. */
const OPENING = 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY';

/** One invariant on one database. */
export interface AuditedInvariant {
  readonly name: string;
  /** How many rows it is about. */
  readonly looksAt: number;
  /** How many rows break it. */
  readonly violations: number;
  /** The first few of them, as PostgreSQL prints a row. */
  readonly examples: readonly string[];
}

/** Asks every invariant, in their order. @throws OrderServiceError those of `transaction`. */
export async function auditBooks(pool: DatabasePool, invariants = INVARIANTS): Promise<AuditedInvariant[]> {
  return transaction(
    pool,
    async (tx) => {
      const audited: AuditedInvariant[] = [];
      for (const invariant of invariants) {
        audited.push(await audit(tx, invariant));
      }
      return audited;
    },
    OPENING,
  );
}

async function audit(tx: Tx, { name, looksAt, violations }: Invariant): Promise<AuditedInvariant> {
  const counted = await tx.query<{ rows: string }>({ text: `SELECT * FROM (${looksAt}) AS counted (rows)` });
  const broken = await tx.query<{ example: string; total: string }>({
    text: `SELECT violation::text AS example, count(*) OVER () AS total FROM (${violations}) AS violation LIMIT ${EXAMPLES_MAX}`,
  });
  return {
    name,
    looksAt: Number(counted.rows[0]?.rows),
    violations: Number(broken.rows[0]?.total ?? 0),
    examples: broken.rows.map(({ example }) => example),
  };
}
