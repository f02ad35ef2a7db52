import type { Tx } from './pool.ts';

/** Locks in the same order as the filling of orders: orders that nobody holds, then accounts by id. */
const EXPIRE_SQL = `
  WITH claimed AS MATERIALIZED (
    SELECT o.id, o.account_id, o.symbol, o.version, o.status, o.reserved_cash, o.reserved_quantity,
      o.filled_quantity, o.average_fill_price
    FROM execution.orders o
    WHERE o.expire_at <= now() AND o.mode = 'PAPER' AND o.status IN ('OPEN', 'PARTIALLY_FILLED')
    LIMIT $1::integer
    FOR NO KEY UPDATE OF o SKIP LOCKED
  ), locked_accounts AS MATERIALIZED (
    SELECT a.id FROM portfolio.accounts a WHERE a.id IN (SELECT account_id FROM claimed) ORDER BY a.id FOR NO KEY UPDATE
  ), expired AS MATERIALIZED (
    SELECT c.*, jsonb_build_object('releasedCash', trim_scale(c.reserved_cash)::text,
      'releasedQuantity', trim_scale(c.reserved_quantity)::text, 'reservedCash', '0', 'reservedQuantity', '0') AS data
    FROM claimed c WHERE (SELECT count(*) FROM locked_accounts) > 0
  ), events AS (
    INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data, at)
    SELECT e.id, e.version + 1, 'EXPIRED', e.status, 'EXPIRED', e.data, now() FROM expired e
  ), outbox AS (
    INSERT INTO execution.portfolio_events_outbox (order_id, type, payload, created_at)
    SELECT e.id, 'ORDER_EXPIRED', e.data, now() FROM expired e
  ), updated AS (
    UPDATE execution.orders o
    SET status = 'EXPIRED', version = o.version + 1, reserved_cash = 0, reserved_quantity = 0, updated_at = now()
    FROM expired e WHERE o.id = e.id RETURNING o.id
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

/** Ends PAPER orders whose time is over, at most `batch`, and gives back what they held. One statement. */
export async function expireDueOrders(tx: Tx, batch: number): Promise<number> {
  const { rows } = await tx.query<{ expired: number }>({ name: 'expire-orders', text: EXPIRE_SQL, values: [batch] });
  return rows[0]?.expired ?? 0;
}
