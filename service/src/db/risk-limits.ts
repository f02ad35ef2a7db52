import type { LimitsChange, LimitsRow } from '../domain/risk-limits.ts';
import { KILL_SWITCH_LOCK } from './place-order.ts';
import type { Tx } from './pool.ts';

/** Each limit by the name of the API, with its column. */
const NUMBERS = {
  maxOrderNotional: ['max_order_notional', 'numeric'],
  maxDailyNotional: ['max_daily_notional', 'numeric'],
  maxPositionNotional: ['max_position_notional', 'numeric'],
  maxDailyLoss: ['max_daily_loss', 'numeric'],
  maxOpenOrders: ['max_open_orders', 'integer'],
  maxOrdersPerMinute: ['max_orders_per_minute', 'integer'],
  priceCollarBps: ['price_collar_bps', 'integer'],
  fatFingerMultiple: ['fat_finger_multiple', 'integer'],
} as const;
const LISTS = { allowedModes: 'allowed_modes', restrictedSymbols: 'restricted_symbols' } as const;

const SELECTED = [
  ...Object.entries(NUMBERS).map(([name, [column, type]]) =>
    type === 'numeric' ? `trim_scale(l.${column}) AS "${name}"` : `l.${column} AS "${name}"`,
  ),
  ...Object.entries(LISTS).map(([name, column]) => `l.${column} AS "${name}"`),
].join(', ');

/** One row of risk.limits as it is stored. */
export interface StoredLimitsRow extends LimitsRow {
  /** Null: everybody's. */
  readonly accountId: string | null;
}

/** Who changed a row last. */
export interface LimitsAuthor {
  readonly changedBy: string;
  readonly reason: string | null;
  readonly at: string;
}

/** The account's row, if it has one, before everybody's, if there is one. With null only the latter. */
export async function findLimitRows(tx: Tx, accountId: string | null): Promise<StoredLimitsRow[]> {
  const { rows } = await tx.query<StoredLimitsRow>({
    name: 'find-limit-rows',
    text: `SELECT l.account_id AS "accountId", ${SELECTED} FROM risk.limits l
      WHERE l.account_id = $1::uuid OR l.account_id IS NULL ORDER BY l.account_id NULLS LAST`,
    values: [accountId],
  });
  return rows;
}

/** The last change of the account's row, or with null of everybody's; undefined when there was none. */
export async function findLastLimitChange(tx: Tx, accountId: string | null): Promise<LimitsAuthor | undefined> {
  const { rows } = await tx.query<LimitsAuthor>({
    name: 'find-last-limit-change',
    text: `SELECT c.changed_by AS "changedBy", c.reason, c.at FROM risk.limit_changes c
      WHERE c.account_id IS NOT DISTINCT FROM $1::uuid ORDER BY c.id DESC LIMIT 1`,
    values: [accountId],
  });
  return rows[0];
}

/**
 * Lets placements that were judged by the limits as they are commit first: those of the account, by its row's lock, or
 * with null all of them, by the lock that they share. Says whether there is such an account.
 */
export async function lockForLimits(tx: Tx, accountId: string | null): Promise<boolean> {
  // Placements that this has to wait for are bounded by statement_timeout, and so is the wait.
  await tx.query({ text: `SELECT set_config('lock_timeout', current_setting('statement_timeout'), true)` });
  if (accountId === null) {
    await tx.query({ text: `SELECT pg_advisory_xact_lock(${KILL_SWITCH_LOCK[0]}, ${KILL_SWITCH_LOCK[1]})` });
    return true;
  }
  const { rows } = await tx.query({
    text: 'SELECT FROM portfolio.accounts a WHERE a.id = $1::uuid FOR NO KEY UPDATE',
    values: [accountId],
  });
  return rows.length === 1;
}

const columns = [...Object.values(NUMBERS).map(([column]) => column), ...Object.values(LISTS)];
const given = [
  ...Object.entries(NUMBERS).map(([name, [, type]]) => `($2::jsonb ->> '${name}')::${type}`),
  ...Object.keys(LISTS).map(
    (name) => `CASE WHEN jsonb_typeof($2::jsonb -> '${name}') = 'array'
        THEN ARRAY(SELECT jsonb_array_elements_text($2::jsonb -> '${name}')) END`,
  ),
];
const assigned = [...Object.entries(NUMBERS).map(([name, [column]]) => [name, column]), ...Object.entries(LISTS)].map(
  ([name, column]) => `${column} = CASE WHEN $2::jsonb ? '${name}' THEN EXCLUDED.${column} ELSE l.${column} END`,
);

/** $1 account or null, $2 the change as JSON: a name that it has is set, to null too; one that it lacks stays. */
const CHANGE_SQL = `
  INSERT INTO risk.limits AS l (account_id, ${columns.join(', ')})
  VALUES ($1::uuid, ${given.join(', ')})
  ON CONFLICT (account_id) DO UPDATE SET ${assigned.join(', ')}, updated_at = now()`;

/** Changes a row, or makes it. The table's trigger writes who changed what, from the two settings of this transaction. */
export async function changeLimitRow(
  tx: Tx,
  accountId: string | null,
  change: LimitsChange,
  author: { by: string; reason: string | null },
): Promise<void> {
  await tx.query({
    text: `SELECT set_config('risk.changed_by', $1::text, true), set_config('risk.change_reason', $2::text, true)`,
    values: [author.by, author.reason ?? ''],
  });
  await tx.query({ text: CHANGE_SQL, values: [accountId, JSON.stringify(change)] });
}
