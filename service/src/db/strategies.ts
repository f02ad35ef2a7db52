import type { Strategy, StrategyStatus } from '../domain/strategy.ts';
import { KILL_SWITCH_LOCK } from './place-order.ts';
import type { Tx } from './pool.ts';

const COLUMNS = `s.id, s.account_id AS "accountId", s.name, s.status, s.status_reason AS "statusReason",
  s.status_changed_at AS "statusChangedAt", s.created_at AS "createdAt"`;

/** A place in the list: strategies after it have a greater id. */
export interface StrategyFilter {
  /** Null: of all accounts. */
  readonly accountId: string | null;
  readonly afterId: string | null;
  readonly limit: number;
}

/** By id, so that no two share a place and a new one comes last. */
export async function findStrategies(tx: Tx, filter: StrategyFilter): Promise<Strategy[]> {
  const { rows } = await tx.query<Strategy>({
    text: `SELECT ${COLUMNS} FROM strategy.strategies s
      WHERE ($1::uuid IS NULL OR s.account_id = $1::uuid) AND ($2::uuid IS NULL OR s.id > $2::uuid)
      ORDER BY s.id LIMIT $3::integer`,
    values: [filter.accountId, filter.afterId, filter.limit],
  });
  return rows;
}

/** Takes the shared side of the kill switch's lock: what is read of the switch after it cannot change before the commit. */
export async function shareKillSwitch(tx: Tx): Promise<void> {
  await tx.query({ text: `SELECT pg_advisory_xact_lock_shared(${KILL_SWITCH_LOCK[0]}, ${KILL_SWITCH_LOCK[1]})` });
}

/** The strategy after the change, or undefined when there is none. One that has the status already stays as it is. */
export async function setStrategyStatus(
  tx: Tx,
  strategy: { id: string; accountId: string | null },
  status: StrategyStatus,
  reason: string,
): Promise<Strategy | undefined> {
  const { rows } = await tx.query<Strategy>({
    text: `WITH changed AS (
        UPDATE strategy.strategies s SET status = $3::text, status_reason = $4::text, status_changed_at = now()
        WHERE s.id = $1::uuid AND ($2::uuid IS NULL OR s.account_id = $2::uuid) AND s.status <> $3::text
        RETURNING ${COLUMNS}
      )
      SELECT * FROM changed
      UNION ALL
      SELECT ${COLUMNS} FROM strategy.strategies s
      WHERE s.id = $1::uuid AND ($2::uuid IS NULL OR s.account_id = $2::uuid) AND NOT EXISTS (SELECT FROM changed)`,
    values: [strategy.id, strategy.accountId, status, reason],
  });
  return rows[0];
}

/** Adds strategies, STOPPED; a name that the account has already stays as it is. */
export async function insertStrategies(
  tx: Tx,
  strategies: readonly Pick<Strategy, 'id' | 'accountId' | 'name'>[],
): Promise<void> {
  await tx.query({
    text: `INSERT INTO strategy.strategies (id, account_id, name)
      SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) ON CONFLICT (account_id, name) DO NOTHING`,
    values: [strategies.map(({ id }) => id), strategies.map((s) => s.accountId), strategies.map(({ name }) => name)],
  });
}
