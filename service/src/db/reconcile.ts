import type { Tx } from './pool.ts';

/** Why the books were compared. */
export type ReconciliationCause = 'boot' | 'schedule' | 'request';

/** One difference. Amounts are decimal strings; `before` and `after` are null where nothing was put right. */
export interface ReconciliationFinding {
  readonly kind: 'ACCOUNT_RESERVED' | 'POSITION_RESERVED' | 'POSITION_QUANTITY' | 'ORDER_FILLED' | 'ORDER_STATE';
  readonly accountId: string;
  readonly symbol: string | null;
  readonly orderId: string | null;
  readonly repaired: boolean;
  readonly before: string | null;
  readonly after: string | null;
}

/** Orders that may hold something back. Terminal ones hold nothing: a CHECK says so. */
const OPEN = `('PENDING', 'SUBMITTING', 'UNKNOWN', 'OPEN', 'PARTIALLY_FILLED', 'PENDING_CANCEL')`;

const HELD_CASH = `
  SELECT account_id, sum(reserved_cash) AS held FROM execution.orders WHERE status IN ${OPEN} GROUP BY account_id`;
const HELD_UNITS = `
  SELECT account_id, symbol, sum(reserved_quantity) AS held FROM execution.orders WHERE status IN ${OPEN}
  GROUP BY account_id, symbol`;

/** Accounts whose balances or positions are not what orders and ledger say, at most `$1`; read without any lock. */
const SUSPECTS_SQL = `
  SELECT DISTINCT account_id FROM (
    SELECT a.id AS account_id FROM portfolio.accounts a LEFT JOIN (${HELD_CASH}) o ON o.account_id = a.id
    WHERE a.reserved <> coalesce(o.held, 0)
    UNION ALL
    SELECT p.account_id FROM portfolio.positions p LEFT JOIN (${HELD_UNITS}) o ON o.account_id = p.account_id AND o.symbol = p.symbol
    WHERE p.reserved <> coalesce(o.held, 0) OR p.quantity <> p.booked
  ) suspects ORDER BY account_id LIMIT $1::integer`;

/** How much there was to look at. */
const LOOKED_AT_SQL = `
  SELECT (SELECT count(*) FROM portfolio.accounts) + (SELECT count(*) FROM portfolio.positions)
    + (SELECT count(*) FROM execution.orders WHERE $1::float8 IS NULL
         OR updated_at > now() - $1::float8 * interval '1 millisecond') AS rows`;

/** What an account reserves is what its open orders hold; the rest of the same sum is free. */
const REPAIR_CASH_SQL = `
  WITH truth AS MATERIALIZED (
    SELECT a.id, a.reserved AS before, coalesce(o.held, 0) AS after
    FROM portfolio.accounts a LEFT JOIN (${HELD_CASH}) o ON o.account_id = a.id
    WHERE a.id = ANY ($1::uuid[]) AND a.reserved <> coalesce(o.held, 0) AND a.cash + a.reserved >= coalesce(o.held, 0)
  )
  UPDATE portfolio.accounts a SET reserved = t.after, cash = a.cash + t.before - t.after
  FROM truth t WHERE a.id = t.id
  RETURNING 'ACCOUNT_RESERVED' AS kind, a.id AS "accountId", NULL AS symbol, NULL AS "orderId", true AS repaired,
    t.before::text, t.after::text`;

const REPAIR_UNITS_SQL = `
  WITH truth AS MATERIALIZED (
    SELECT p.account_id, p.symbol, p.reserved AS before, coalesce(o.held, 0) AS after
    FROM portfolio.positions p LEFT JOIN (${HELD_UNITS}) o ON o.account_id = p.account_id AND o.symbol = p.symbol
    WHERE p.account_id = ANY ($1::uuid[]) AND p.reserved <> coalesce(o.held, 0) AND p.quantity >= coalesce(o.held, 0)
  )
  UPDATE portfolio.positions p SET reserved = t.after
  FROM truth t WHERE p.account_id = t.account_id AND p.symbol = t.symbol
  RETURNING 'POSITION_RESERVED' AS kind, p.account_id AS "accountId", p.symbol, NULL AS "orderId", true AS repaired,
    t.before::text, t.after::text`;

/** What is left after the repairs: nothing on record says which side is right. */
const UNRESOLVED_SQL = `
  SELECT f.*, false AS repaired, NULL AS before, NULL AS after FROM (
    SELECT 'ACCOUNT_RESERVED' AS kind, a.id AS "accountId", NULL AS symbol, NULL::uuid AS "orderId"
    FROM portfolio.accounts a LEFT JOIN (${HELD_CASH}) o ON o.account_id = a.id
    WHERE a.id = ANY ($1::uuid[]) AND a.reserved <> coalesce(o.held, 0)
    UNION ALL
    SELECT CASE WHEN p.quantity <> p.booked THEN 'POSITION_QUANTITY' ELSE 'POSITION_RESERVED' END, p.account_id, p.symbol, NULL
    FROM portfolio.positions p LEFT JOIN (${HELD_UNITS}) o ON o.account_id = p.account_id AND o.symbol = p.symbol
    WHERE p.account_id = ANY ($1::uuid[]) AND (p.quantity <> p.booked OR p.reserved <> coalesce(o.held, 0))
    UNION ALL
    SELECT 'ORDER_FILLED', o.account_id, o.symbol, o.id FROM execution.orders o
    LEFT JOIN LATERAL (SELECT sum(f.quantity) AS quantity FROM execution.fills f WHERE f.order_id = o.id) f ON true
    WHERE ($2::float8 IS NULL OR o.updated_at > now() - $2::float8 * interval '1 millisecond')
      AND o.filled_quantity <> coalesce(f.quantity, 0)
    UNION ALL
    SELECT 'ORDER_STATE', o.account_id, o.symbol, o.id FROM execution.orders o
    LEFT JOIN LATERAL (SELECT e.version, e.to_status FROM execution.order_events e WHERE e.order_id = o.id
                       ORDER BY e.version DESC LIMIT 1) e ON true
    WHERE ($2::float8 IS NULL OR o.updated_at > now() - $2::float8 * interval '1 millisecond')
      AND (o.version, o.status) IS DISTINCT FROM (e.version, e.to_status)
  ) f ORDER BY 1, 2, 3, 4 LIMIT $3::integer`;

const RECORD_SQL = `
  WITH run AS (
    INSERT INTO execution.reconciliation_runs (cause, started_at, looked_at, actions, unresolved)
    VALUES ($1::text, now(), $2::bigint, $3::integer, $4::integer) RETURNING id
  ), found AS (
    INSERT INTO execution.reconciliation_findings (run_id, kind, account_id, symbol, order_id, repaired, before, after)
    SELECT run.id, f.kind, f."accountId", f.symbol, f."orderId", f.repaired, f.before, f.after
    FROM run, jsonb_to_recordset($5::jsonb) AS f (kind text, "accountId" uuid, symbol text, "orderId" uuid, repaired boolean,
      before numeric, after numeric)
  )
  SELECT id FROM run`;

/** Accounts to look at closely, at most `limit`. */
export async function findSuspects(tx: Tx, limit: number): Promise<readonly string[]> {
  const { rows } = await tx.query<{ account_id: string }>({ text: SUSPECTS_SQL, values: [limit] });
  return rows.map((row) => row.account_id);
}

/** Keeps placements and fills off these accounts until the end of the transaction; in the order in which they lock, too. */
export async function lockAccounts(tx: Tx, accountIds: readonly string[]): Promise<void> {
  await tx.query({
    text: 'SELECT id FROM portfolio.accounts WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE',
    values: [accountIds],
  });
}

/** Puts right what orders say about reservations. Call it under `lockAccounts`. */
export async function repairReservations(
  tx: Tx,
  accountIds: readonly string[],
): Promise<readonly ReconciliationFinding[]> {
  const cash = await tx.query<ReconciliationFinding & object>({ text: REPAIR_CASH_SQL, values: [accountIds] });
  const units = await tx.query<ReconciliationFinding & object>({ text: REPAIR_UNITS_SQL, values: [accountIds] });
  return [...cash.rows, ...units.rows];
}

/** What remains different in these accounts, and in orders of the last `windowMs` (null: of all times), at most `limit`. */
export async function findUnresolved(
  tx: Tx,
  query: { accountIds: readonly string[]; windowMs: number | null; limit: number },
): Promise<readonly ReconciliationFinding[]> {
  const values = [query.accountIds, query.windowMs, query.limit];
  return (await tx.query<ReconciliationFinding & object>({ text: UNRESOLVED_SQL, values })).rows;
}

/** How many accounts, positions and orders a run looks at. */
export async function countLookedAt(tx: Tx, windowMs: number | null): Promise<number> {
  const { rows } = await tx.query<{ rows: string }>({ text: LOOKED_AT_SQL, values: [windowMs] });
  return Number(rows[0]?.rows);
}

/** Records a run with its findings, in the transaction that made the repairs. It began when that transaction did. */
export async function recordReconciliation(
  tx: Tx,
  run: { cause: ReconciliationCause; lookedAt: number; findings: readonly ReconciliationFinding[] },
): Promise<void> {
  const actions = run.findings.filter(({ repaired }) => repaired).length;
  const values = [run.cause, run.lookedAt, actions, run.findings.length - actions, JSON.stringify(run.findings)];
  await tx.query({ text: RECORD_SQL, values });
}
