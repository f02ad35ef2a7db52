import { ALWAYS_OPEN } from '../domain/market-calendar.ts';
import type { Tx } from './pool.ts';

/** A quote is fresh when it is younger than $1 milliseconds and not from the future (a clock may be off by seconds). */
const FRESH_QUOTE = `q.as_of > clock_timestamp() - $1::integer * interval '1 millisecond'
      AND q.as_of <= clock_timestamp() + interval '5 seconds'`;
const trades = (symbol: string, calendars: string): string =>
  `EXISTS (SELECT FROM market.instruments t WHERE t.symbol = ${symbol} AND t.calendar = ANY (${calendars}::text[]))`;
const RESTING = `o.mode = 'PAPER' AND o.status IN ('OPEN', 'PARTIALLY_FILLED')`;
const CHOSEN = '($3::uuid[] IS NULL OR o.id = ANY ($3::uuid[]))';
const UNEXPIRED = '(o.expire_at IS NULL OR o.expire_at > now())';

/**
 * Orders that their quote would fill now, the best prices first, one branch per kind. LATERAL and LIMIT make each branch
 * a bounded range of orders_resting_idx per symbol, however many orders rest and whatever the planner believes.
 * $1 oldest quote in milliseconds, $3 only these orders, or null for all, $4 the calendars that are open. `limit` is the
 * most rows.
 */
export const marketable = (limit: string): string => `
  SELECT m.id FROM market.quotes q CROSS JOIN LATERAL (
    (SELECT o.id FROM execution.orders o
      WHERE o.symbol = q.symbol AND o.side = 'BUY' AND o.price >= q.ask AND ${RESTING} AND ${UNEXPIRED} AND ${CHOSEN}
      ORDER BY o.price DESC LIMIT ${limit})
    UNION ALL
    (SELECT o.id FROM execution.orders o
      WHERE o.symbol = q.symbol AND o.side = 'SELL' AND o.price <= q.bid AND ${RESTING} AND ${UNEXPIRED} AND ${CHOSEN}
      ORDER BY o.price LIMIT ${limit})
    UNION ALL
    (SELECT o.id FROM execution.orders o
      WHERE o.symbol = q.symbol AND o.side IN ('BUY', 'SELL') AND o.price IS NULL
        AND ${RESTING} AND ${UNEXPIRED} AND ${CHOSEN}
        AND (o.side = 'SELL' OR q.ask * (o.quantity - o.filled_quantity) <= o.reserved_cash)
      LIMIT ${limit})
  ) m
  WHERE ${FRESH_QUOTE} AND ${trades('q.symbol', '$4')}
  LIMIT ${limit}`;

/**
 * Twice the batch is looked at, so that a second processor finds orders that the first has not claimed.
 *
 * Locks are taken in the order that everything here keeps: orders (skipping what others hold), then accounts by id. The
 * count of the locked accounts is a condition of every row that is written, so all are locked before any is changed.
 * A MARKET BUY is filled only if its reservation pays for it: the padding is its collar. What can change between the
 * choice and the lock is the state of an order, so that is asked again of the locked row.
 */
const EXECUTE_SQL = `
  WITH claimed AS MATERIALIZED (
    SELECT o.id, o.account_id, o.symbol, o.side, o.version, o.status, o.quantity AS total, o.reserved_cash,
      o.reserved_quantity, o.quantity - o.filled_quantity AS quantity, o.filled_quantity, o.average_fill_price,
      CASE o.side WHEN 'BUY' THEN q.ask ELSE q.bid END AS price
    FROM execution.orders o JOIN market.quotes q ON q.symbol = o.symbol
    WHERE o.id IN (SELECT m.id FROM (${marketable('(2 * $2::integer)')}) m)
      AND ${RESTING} AND ${UNEXPIRED}
    LIMIT $2::integer
    FOR NO KEY UPDATE OF o SKIP LOCKED
  ), locked_accounts AS MATERIALIZED (
    SELECT a.id FROM portfolio.accounts a WHERE a.id IN (SELECT account_id FROM claimed) ORDER BY a.id FOR NO KEY UPDATE
  ), settled AS MATERIALIZED (
    SELECT c.*, c.quantity * c.price AS value, gen_random_uuid() AS fill_id,
      (coalesce(c.average_fill_price * c.filled_quantity, 0) + c.quantity * c.price) / c.total AS average
    FROM claimed c WHERE (SELECT count(*) FROM locked_accounts) > 0
  ), filled AS (
    INSERT INTO execution.fills (id, order_id, exchange_fill_id, quantity, price, fee, at)
    SELECT s.fill_id, s.id, 'paper-' || s.id || '-' || (s.version + 1), s.quantity, s.price, 0, now() FROM settled s
  ), described AS MATERIALIZED (
    SELECT s.id, s.version, s.status, jsonb_build_object('fillId', s.fill_id, 'accountId', s.account_id,
      'symbol', s.symbol, 'side', s.side, 'quantity', trim_scale(s.quantity)::text, 'price', trim_scale(s.price)::text,
      'filledQuantity', trim_scale(s.total)::text, 'averageFillPrice', trim_scale(round(s.average, 16))::text,
      'reservedCash', '0', 'reservedQuantity', '0') AS data
    FROM settled s
  ), events AS (
    INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data, at)
    SELECT d.id, d.version + 1, 'FILLED', d.status, 'FILLED', d.data, now() FROM described d
  ), outbox AS (
    INSERT INTO execution.portfolio_events_outbox (order_id, type, payload, created_at)
    SELECT d.id, 'ORDER_FILLED', d.data, now() FROM described d
  ), updated AS (
    UPDATE execution.orders o SET status = 'FILLED', version = o.version + 1, filled_quantity = o.quantity,
      average_fill_price = round(s.average, 16), reserved_cash = 0, reserved_quantity = 0, updated_at = now()
    FROM settled s WHERE o.id = s.id RETURNING o.id
  ), cash AS (
    UPDATE portfolio.accounts a SET cash = a.cash + d.delta, reserved = a.reserved - d.released
    FROM (
      SELECT account_id, sum(reserved_cash) AS released,
        sum(CASE side WHEN 'BUY' THEN reserved_cash - value ELSE value END) AS delta
      FROM settled GROUP BY account_id
    ) d
    WHERE a.id = d.account_id
  ), deltas AS MATERIALIZED (
    SELECT account_id, symbol, sum(reserved_quantity) AS released,
      coalesce(sum(quantity) FILTER (WHERE side = 'BUY'), 0) AS bought,
      coalesce(sum(value) FILTER (WHERE side = 'BUY'), 0) AS bought_cost,
      coalesce(sum(quantity) FILTER (WHERE side = 'SELL'), 0) AS sold
    FROM settled GROUP BY account_id, symbol
  ), positions AS (
    INSERT INTO portfolio.positions AS p (account_id, symbol, quantity, reserved, cost)
    SELECT account_id, symbol, bought, 0, bought_cost FROM deltas ORDER BY account_id, symbol
    ON CONFLICT (account_id, symbol) DO UPDATE SET (quantity, reserved, cost) = (
      SELECT p.quantity + d.bought - d.sold, p.reserved - d.released,
        -- What is sold takes its share of the cost with it.
        CASE WHEN p.quantity + d.bought = d.sold THEN 0
          ELSE round((p.cost + d.bought_cost) * (p.quantity + d.bought - d.sold) / (p.quantity + d.bought), 16) END
      FROM deltas d WHERE d.account_id = EXCLUDED.account_id AND d.symbol = EXCLUDED.symbol)
  )
  SELECT (SELECT count(*) FROM claimed)::integer AS examined, (SELECT count(*) FROM updated)::integer AS executed`;

/** What bounds a cycle. */
export interface ExecutionBounds {
  readonly quoteMaxAgeMs: number;
  /** Most orders of one statement. */
  readonly batch: number;
  /** Only what trades on these calendars is filled: those that are open. Default: what is open at any time. */
  readonly openCalendars?: readonly string[];
}

const openOf = (bounds: ExecutionBounds): readonly string[] => bounds.openCalendars ?? [ALWAYS_OPEN];

/** Fills what the quotes fill, at most `batch` orders, or only those of `orderIds`. One statement. */
export async function fillMarketableOrders(
  tx: Tx,
  bounds: ExecutionBounds,
  orderIds: readonly string[] | null,
): Promise<{ examined: number; executed: number }> {
  const { rows } = await tx.query<{ examined: number; executed: number }>({
    name: 'fill-marketable-orders',
    text: EXECUTE_SQL,
    values: [bounds.quoteMaxAgeMs, bounds.batch, orderIds, openOf(bounds)],
  });
  return rows[0] ?? { examined: 0, executed: 0 };
}

/** Ids of orders that the quotes would fill now, without claiming them. */
export async function findMarketableOrders(tx: Tx, bounds: ExecutionBounds): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'find-marketable-orders',
    text: marketable('$2::integer'),
    values: [bounds.quoteMaxAgeMs, bounds.batch, null, openOf(bounds)],
  });
  return rows.map((row) => row.id);
}

/** Symbols on which orders rest, while their market is open and no fresh quote can price them. */
export async function findUnpricedSymbols(tx: Tx, bounds: ExecutionBounds): Promise<string[]> {
  const { rows } = await tx.query<{ symbol: string }>({
    name: 'find-unpriced-symbols',
    text: `SELECT i.symbol FROM market.instruments i
      WHERE NOT EXISTS (SELECT FROM market.quotes q WHERE q.symbol = i.symbol AND ${FRESH_QUOTE})
        AND i.calendar = ANY ($2::text[])
        AND EXISTS (SELECT FROM execution.orders o WHERE o.symbol = i.symbol AND ${RESTING})
      ORDER BY i.symbol`,
    values: [bounds.quoteMaxAgeMs, openOf(bounds)],
  });
  return rows.map((row) => row.symbol);
}
