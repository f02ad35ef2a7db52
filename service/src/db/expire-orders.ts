import { changedAt } from './ages.ts';
import type { Tx } from './pool.ts';

/** Why an order expired, as its event tells it. */
export type ExpiryReason = 'TIME_OVER' | 'IMMEDIATE_OR_CANCEL';

/**
 * Ends the PAPER orders of `which` and gives back what they held. Locks are taken in the same order as by the filling of
 * orders: orders that nobody holds, then accounts by id.
 */
const expireSql = (which: string, reason: ExpiryReason): string => `
  WITH claimed AS MATERIALIZED (
    SELECT o.id, o.account_id, o.symbol, o.version, o.status, o.reserved_cash, o.reserved_quantity, ${changedAt('o')} AS at
    FROM execution.orders o
    WHERE ${which} AND o.mode = 'PAPER' AND o.status IN ('OPEN', 'PARTIALLY_FILLED')
    FOR NO KEY UPDATE OF o SKIP LOCKED
  ), locked_accounts AS MATERIALIZED (
    SELECT a.id FROM portfolio.accounts a WHERE a.id IN (SELECT account_id FROM claimed) ORDER BY a.id FOR NO KEY UPDATE
  ), expired AS MATERIALIZED (
    SELECT c.*, jsonb_build_object('reason', '${reason}', 'releasedCash', trim_scale(c.reserved_cash)::text,
      'releasedQuantity', trim_scale(c.reserved_quantity)::text, 'reservedCash', '0', 'reservedQuantity', '0') AS data
    FROM claimed c WHERE (SELECT count(*) FROM locked_accounts) > 0
  ), events AS (
    INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data, at)
    SELECT e.id, e.version + 1, 'EXPIRED', e.status, 'EXPIRED', e.data, e.at FROM expired e
  ), outbox AS (
    INSERT INTO execution.portfolio_events_outbox (order_id, type, payload, created_at)
    SELECT e.id, 'ORDER_EXPIRED', e.data, e.at FROM expired e
  ), updated AS (
    UPDATE execution.orders o
    SET status = 'EXPIRED', version = o.version + 1, reserved_cash = 0, reserved_quantity = 0, updated_at = e.at
    FROM expired e WHERE o.id = e.id AND o.id = ANY (ARRAY(SELECT id FROM expired)) RETURNING o.id
  ), cash AS (
    UPDATE portfolio.accounts a SET cash = a.cash + d.released, reserved = a.reserved - d.released
    FROM (SELECT account_id, sum(reserved_cash) AS released FROM expired GROUP BY account_id) d
    WHERE a.id = d.account_id AND d.released > 0
  ), shares AS (
    UPDATE portfolio.positions p SET reserved = p.reserved - d.released
    FROM (SELECT account_id, symbol, sum(reserved_quantity) AS released FROM expired GROUP BY account_id, symbol) d
    WHERE p.account_id = d.account_id AND p.symbol = d.symbol AND d.released > 0
  )
  SELECT count(*)::integer AS expired FROM updated`;

const DUE_IDS = `SELECT d.id FROM execution.orders d
      WHERE d.expire_at <= now() AND d.mode = 'PAPER' AND d.status IN ('OPEN', 'PARTIALLY_FILLED')
        AND (d.retry_at IS NULL OR d.retry_at <= now())
      ORDER BY d.expire_at LIMIT $1::integer`;
export const EXPIRE_DUE_SQL = expireSql(
  `o.id = ANY (ARRAY(${DUE_IDS})) AND ($2::uuid[] IS NULL OR o.id = ANY ($2::uuid[]))`,
  'TIME_OVER',
);
const EXPIRE_LEFTOVER_SQL = expireSql('o.id = ANY ($1::uuid[])', 'IMMEDIATE_OR_CANCEL');

/** Ends PAPER orders whose time is over, at most `batch`, or only those of `orderIds`. One statement. */
export async function expireDueOrders(tx: Tx, batch: number, orderIds: readonly string[] | null): Promise<number> {
  const { rows } = await tx.query<{ expired: number }>({
    name: 'expire-due-orders',
    text: EXPIRE_DUE_SQL,
    values: [batch, orderIds],
  });
  return rows[0]?.expired ?? 0;
}

/** Ids of PAPER orders whose time is over, without claiming them. */
export async function findDueOrders(tx: Tx, batch: number): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>({ name: 'find-due-orders', text: DUE_IDS, values: [batch] });
  return rows.map((row) => row.id);
}

/** Ends what is left of immediate orders, which the transaction has locked; gives back what they held. */
export async function expireLeftover(tx: Tx, orderIds: readonly string[]): Promise<number> {
  const { rows } = await tx.query<{ expired: number }>({
    name: 'expire-leftover',
    text: EXPIRE_LEFTOVER_SQL,
    values: [orderIds],
  });
  return rows[0]?.expired ?? 0;
}
