import { ALWAYS_OPEN } from '../domain/market-calendar.ts';
import { changedAt } from './ages.ts';
import type { Tx } from './pool.ts';

/** A quote is fresh when it is younger than $1 milliseconds and not from the future (a clock may be off by seconds). */
const FRESH_QUOTE = `q.as_of > clock_timestamp() - $1::integer * interval '1 millisecond'
      AND q.as_of <= clock_timestamp() + interval '5 seconds'`;
const trades = (symbol: string, calendars: string): string =>
  `EXISTS (SELECT FROM market.instruments t WHERE t.symbol = ${symbol} AND t.calendar = ANY (${calendars}::text[]))`;
const RESTING = `o.mode = 'PAPER' AND o.status IN ('OPEN', 'PARTIALLY_FILLED')`;
const CHOSEN = '($3::uuid[] IS NULL OR o.id = ANY ($3::uuid[]))';
const UNEXPIRED = '(o.expire_at IS NULL OR o.expire_at > now())';
/** Its last execution did not fail just now. */
const READY = '(o.retry_at IS NULL OR o.retry_at <= now())';
/** Looked at by the next cycle whatever the quotes say. */
const IMMEDIATE = `(o.time_in_force = 'IOC' OR o.type = 'MARKET')`;
const CANDIDATE = `${RESTING} AND ${UNEXPIRED} AND ${READY} AND ${CHOSEN}`;
/** The better the price, the smaller: an order without a limit is NULL, and goes first. */
const PRIORITY = `CASE o.side WHEN 'BUY' THEN -o.price ELSE o.price END`;
const COLUMNS = `o.id, o.symbol, o.side, ${PRIORITY} AS priority, o.created_at`;

/**
 * Orders that the quotes of `source` would fill now, and those that must be looked at now, the best first. LATERAL and
 * LIMIT make each branch a bounded range of an index per symbol, however many orders rest and whatever the planner
 * believes. $1 oldest quote in milliseconds, $3 only these orders, or null for all, $4 the calendars whose turn it is. `limit`
 * is the most rows.
 */
export const marketable = (limit: string, source = 'market.executable_quotes'): string => `
  (SELECT ${COLUMNS} FROM execution.orders o
    WHERE ${IMMEDIATE} AND ${CANDIDATE}
    ORDER BY o.created_at, o.id LIMIT ${limit})
  UNION ALL
  (SELECT m.* FROM ${source} q CROSS JOIN LATERAL (
    (SELECT ${COLUMNS} FROM execution.orders o
      WHERE o.symbol = q.symbol AND o.side = 'BUY' AND o.price >= q.ask AND ${CANDIDATE} AND NOT ${IMMEDIATE}
      ORDER BY o.price DESC, o.created_at, o.id LIMIT ${limit})
    UNION ALL
    (SELECT ${COLUMNS} FROM execution.orders o
      WHERE o.symbol = q.symbol AND o.side = 'SELL' AND o.price <= q.bid AND ${CANDIDATE} AND NOT ${IMMEDIATE}
      ORDER BY o.price, o.created_at, o.id LIMIT ${limit})
  ) m
  WHERE ${FRESH_QUOTE} AND ${trades('q.symbol', '$4')}
  LIMIT ${limit})`;

/** What a side of a quote is still good for, in whole lots; null is not limited. */
const lots = (size: string): string => `floor(${size} / i.lot_size) * i.lot_size`;

/** Whether anything rests that a limited quote could serve; only then is it worth a lock. */
const WANTED = `(
      EXISTS (SELECT FROM execution.orders o
        WHERE o.symbol = q.symbol AND o.side = 'BUY' AND o.price >= q.ask AND ${RESTING})
      OR EXISTS (SELECT FROM execution.orders o
        WHERE o.symbol = q.symbol AND o.side = 'SELL' AND o.price <= q.bid AND ${RESTING})
      OR EXISTS (SELECT FROM execution.orders o WHERE o.symbol = q.symbol AND ${IMMEDIATE} AND ${RESTING}))`;

/**
 * Fills what the quotes fill: price-time priority within a symbol and side, no more than a quote is good for.
 *
 * Locks are taken in the order that everything here keeps: limited quotes by symbol (so that two processors cannot spend
 * one size twice), then orders (skipping what others hold), then accounts by id. The count of the locked accounts is a
 * condition of every row that is written, so all are locked before any is changed. Twice the batch is looked at, so that
 * a second processor finds orders that the first has not claimed; each is claimed by its own id, so that no plan ever
 * reads the table. What can change between the choice and the lock is the state of an order, so that is asked again.
 *
 * A MARKET BUY is filled only if its reservation pays for it: the padding is its collar.
 * $1 oldest quote in milliseconds, $2 most orders, $3 only these orders, or null for all, $4 the calendars whose resting
 * orders have their turn, $5 those that are open: an order that must be looked at now does not wait for a turn.
 */
export const EXECUTE_SQL = `
  WITH limited AS MATERIALIZED (
    SELECT q.symbol, q.bid, q.ask, q.as_of, ${lots('q.bid_size')} AS bid_size, ${lots('q.ask_size')} AS ask_size
    FROM market.quotes q JOIN market.instruments i ON i.symbol = q.symbol
    WHERE (q.bid_size IS NOT NULL OR q.ask_size IS NOT NULL) AND ${FRESH_QUOTE}
      AND ${trades('q.symbol', '$5')} AND q.symbol IN (SELECT e.symbol FROM market.executable_quotes e) AND ${WANTED}
    ORDER BY q.symbol FOR NO KEY UPDATE OF q
  ), quoted AS MATERIALIZED (
    -- A side of which nothing is left quotes no price.
    SELECT symbol, CASE WHEN bid_size IS DISTINCT FROM 0 THEN bid END AS bid,
      CASE WHEN ask_size IS DISTINCT FROM 0 THEN ask END AS ask, as_of, bid_size, ask_size
    FROM limited
    UNION ALL
    SELECT q.symbol, q.bid, q.ask, q.as_of, NULL, NULL FROM market.executable_quotes q
    WHERE q.bid_size IS NULL AND q.ask_size IS NULL AND ${FRESH_QUOTE} AND ${trades('q.symbol', '$5')}
  ), reach AS MATERIALIZED (
    SELECT m.id, row_number() OVER (PARTITION BY m.symbol, m.side ORDER BY m.priority NULLS FIRST, m.created_at, m.id) AS place
    FROM (${marketable('(2 * $2::integer)', 'quoted')}) m
  ), claimed AS MATERIALIZED (
    SELECT o.*, q.price, q.size
    FROM (SELECT r.id FROM reach r ORDER BY r.place, r.id) r
    CROSS JOIN LATERAL (
      SELECT o.id, o.account_id, o.symbol, o.side, o.version, o.status, o.price AS price_limit, o.created_at,
        o.quantity AS total, o.filled_quantity, o.quantity - o.filled_quantity AS open_quantity, o.reserved_cash,
        o.reserved_quantity, ${PRIORITY} AS priority, ${IMMEDIATE} AS immediate, o.fee_bps, ${changedAt('o')} AS at
      FROM execution.orders o WHERE o.id = r.id AND ${RESTING} AND ${UNEXPIRED} AND ${READY}
      FOR NO KEY UPDATE SKIP LOCKED
    ) o
    LEFT JOIN LATERAL (
      SELECT CASE o.side WHEN 'BUY' THEN q.ask ELSE q.bid END AS price,
        CASE o.side WHEN 'BUY' THEN q.ask_size ELSE q.bid_size END AS size
      FROM quoted q WHERE q.symbol = o.symbol
    ) q ON CASE o.side
      WHEN 'BUY' THEN q.price <= o.price_limit OR (o.price_limit IS NULL
        AND q.price * o.open_quantity + execution.fee(q.price * o.open_quantity, o.fee_bps) <= o.reserved_cash)
      ELSE q.price >= o.price_limit OR o.price_limit IS NULL END
    LIMIT $2::integer
  ), locked_accounts AS MATERIALIZED (
    SELECT a.id FROM portfolio.accounts a WHERE a.id IN (SELECT account_id FROM claimed) ORDER BY a.id FOR NO KEY UPDATE
  ), ranked AS (
    SELECT c.*, coalesce(sum(c.open_quantity) FILTER (WHERE c.price IS NOT NULL) OVER (
      PARTITION BY c.symbol, c.side ORDER BY c.priority NULLS FIRST, c.created_at, c.id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS ahead
    FROM claimed c
  ), allotted AS MATERIALIZED (
    SELECT r.*, CASE WHEN r.price IS NULL THEN 0
      ELSE greatest(least(r.open_quantity, coalesce(r.size, r.ahead + r.open_quantity) - r.ahead), 0) END AS quantity
    FROM ranked r
  ), settled AS MATERIALIZED (
    SELECT a.*, a.quantity * a.price AS value, execution.fee(a.quantity * a.price, a.fee_bps) AS fee,
      gen_random_uuid() AS fill_id, a.filled_quantity + a.quantity AS filled,
      CASE WHEN a.quantity = a.open_quantity THEN 'FILLED' ELSE 'PARTIALLY_FILLED' END AS to_status,
      CASE WHEN a.quantity = a.open_quantity THEN 'FILLED' ELSE 'PARTLY_FILLED' END AS event,
      round(a.reserved_cash * (a.open_quantity - a.quantity) / a.open_quantity, 16) AS kept_cash,
      CASE a.side WHEN 'SELL' THEN a.open_quantity - a.quantity ELSE 0 END AS kept_quantity,
      -- Rounded once, from the exact sum of all fills.
      round((a.quantity * a.price + coalesce((SELECT sum(f.quantity * f.price) FROM execution.fills f WHERE f.order_id = a.id), 0))
        / (a.filled_quantity + a.quantity), 16) AS average
    FROM allotted a WHERE a.quantity > 0 AND (SELECT count(*) FROM locked_accounts) > 0
  ), filled AS (
    INSERT INTO execution.fills (id, order_id, exchange_fill_id, quantity, price, fee, at)
    SELECT s.fill_id, s.id, 'paper-' || s.id || '-' || (s.version + 1), s.quantity, s.price, s.fee, s.at FROM settled s
  ), described AS MATERIALIZED (
    SELECT s.id, s.version, s.status, s.to_status, s.event, s.at, jsonb_build_object('fillId', s.fill_id,
      'accountId', s.account_id, 'symbol', s.symbol, 'side', s.side,
      'quantity', trim_scale(s.quantity)::text, 'price', trim_scale(s.price)::text, 'fee', trim_scale(s.fee)::text,
      'filledQuantity', trim_scale(s.filled)::text, 'averageFillPrice', trim_scale(s.average)::text,
      'reservedCash', trim_scale(s.kept_cash)::text, 'reservedQuantity', trim_scale(s.kept_quantity)::text) AS data
    FROM settled s
  ), events AS (
    INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data, at)
    SELECT d.id, d.version + 1, d.event, d.status, d.to_status, d.data, d.at FROM described d
  ), outbox AS (
    INSERT INTO execution.portfolio_events_outbox (order_id, type, payload, created_at)
    SELECT d.id, 'ORDER_' || d.event, d.data, d.at FROM described d
  ), updated AS (
    UPDATE execution.orders o SET status = s.to_status, version = o.version + 1, filled_quantity = s.filled,
      average_fill_price = s.average, reserved_cash = s.kept_cash, reserved_quantity = s.kept_quantity,
      retry_at = NULL, updated_at = s.at
    -- Through an array the index is used whatever the planner believes of the number; a join may read the whole table.
    FROM settled s WHERE o.id = s.id AND o.id = ANY (ARRAY(SELECT id FROM settled)) RETURNING o.id
  ), taken AS (
    UPDATE market.quotes q SET bid_size = q.bid_size - t.sold, ask_size = q.ask_size - t.bought
    FROM (
      SELECT s.symbol, coalesce(sum(s.quantity) FILTER (WHERE s.side = 'BUY'), 0) AS bought,
        coalesce(sum(s.quantity) FILTER (WHERE s.side = 'SELL'), 0) AS sold
      FROM settled s JOIN limited l ON l.symbol = s.symbol GROUP BY s.symbol
    ) t
    WHERE q.symbol = t.symbol
  ), cash AS (
    UPDATE portfolio.accounts a SET cash = a.cash + d.delta, reserved = a.reserved - d.released
    FROM (
      SELECT account_id, sum(reserved_cash - kept_cash) AS released,
        sum(CASE side WHEN 'BUY' THEN reserved_cash - kept_cash - value ELSE value END - fee) AS delta
      FROM settled GROUP BY account_id
    ) d
    WHERE a.id = d.account_id
  ), deltas AS MATERIALIZED (
    SELECT account_id, symbol, sum(reserved_quantity - kept_quantity) AS released,
      coalesce(sum(quantity) FILTER (WHERE side = 'BUY'), 0) AS bought,
      coalesce(sum(value + fee) FILTER (WHERE side = 'BUY'), 0) AS bought_cost,
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
  SELECT (SELECT count(*) FROM claimed)::integer AS examined, (SELECT count(*) FROM updated)::integer AS executed,
    (SELECT coalesce(array_agg(a.id), '{}') FROM allotted a
      WHERE a.immediate AND a.quantity < a.open_quantity)::uuid[] AS leftover`;

/** What bounds a cycle. */
export interface ExecutionBounds {
  readonly quoteMaxAgeMs: number;
  /** Most orders of one statement. */
  readonly batch: number;
  /** The calendars that are open: nothing that trades on others is filled. Default: what is open at any time. */
  readonly openCalendars?: readonly string[];
  /** Of those, only on these are resting orders filled this time. Default: all. */
  readonly dueCalendars?: readonly string[];
}

const openOf = (bounds: ExecutionBounds): readonly string[] => bounds.openCalendars ?? [ALWAYS_OPEN];
const dueOf = (bounds: ExecutionBounds): readonly string[] => bounds.dueCalendars ?? openOf(bounds);

/** What one statement did. */
export interface Execution {
  /** Orders that it claimed: those that the quotes reach, and those that must be looked at now. */
  readonly examined: number;
  /** Orders that got a fill. */
  readonly executed: number;
  /** Immediate orders of which something is left. They are still locked by this transaction, and end in it. */
  readonly leftover: readonly string[];
}

/** Fills what the quotes fill, at most `batch` orders, or only those of `orderIds`. One statement. */
export async function fillMarketableOrders(
  tx: Tx,
  bounds: ExecutionBounds,
  orderIds: readonly string[] | null,
): Promise<Execution> {
  const { rows } = await tx.query<Execution & { leftover: string[] }>({
    name: 'fill-marketable-orders',
    text: EXECUTE_SQL,
    values: [bounds.quoteMaxAgeMs, bounds.batch, orderIds, dueOf(bounds), openOf(bounds)],
  });
  return rows[0] ?? { examined: 0, executed: 0, leftover: [] };
}

/** Ids of orders that the quotes would fill now, the best first, without claiming them. */
export async function findMarketableOrders(tx: Tx, bounds: ExecutionBounds): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>({
    name: 'find-marketable-orders',
    text: `SELECT m.id FROM (${marketable('$2::integer')}) m
      ORDER BY m.symbol, m.side, m.priority NULLS FIRST, m.created_at, m.id LIMIT $2::integer`,
    values: [bounds.quoteMaxAgeMs, bounds.batch, null, dueOf(bounds)],
  });
  return rows.map((row) => row.id);
}

/** Why an execution failed: what the books lack, or anything else that the database refused. */
export type ExecutionFailure = 'INSUFFICIENT_CASH' | 'INSUFFICIENT_SHARES' | 'NOT_BOOKABLE';

/**
 * Records that an order could not be filled though its quote would, and leaves it alone for `retryAfterMs`. An order that
 * somebody else holds or has ended is left as it is.
 */
export async function recordExecutionFailure(
  tx: Tx,
  failure: { readonly orderId: string; readonly reason: ExecutionFailure; readonly retryAfterMs: number },
): Promise<void> {
  await tx.query({
    name: 'record-execution-failure',
    text: `WITH failed AS MATERIALIZED (
        SELECT o.id, o.version, o.status, ${changedAt('o')} AS at, now() + $3::integer * interval '1 millisecond' AS retry_at
        FROM execution.orders o WHERE o.id = $1::uuid AND ${RESTING} FOR NO KEY UPDATE SKIP LOCKED
      ), event AS (
        INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data, at)
        SELECT f.id, f.version + 1, 'EXECUTION_FAILED', f.status, f.status,
          jsonb_build_object('reason', $2::text, 'retryAt', f.retry_at), f.at FROM failed f
      )
      UPDATE execution.orders o SET version = o.version + 1, retry_at = f.retry_at, updated_at = f.at
      FROM failed f WHERE o.id = f.id`,
    values: [failure.orderId, failure.reason, failure.retryAfterMs],
  });
}

/** A symbol on which orders rest, while its market is open and nothing can price them. */
export interface UnpricedSymbol {
  readonly symbol: string;
  /** No quote, one that is too old (or from the future), or one that another source contradicts. */
  readonly reason: 'missing' | 'stale' | 'disagreeing';
}

/** Symbols with resting orders and without a price. $1: the oldest quote, ms; $2: the calendars that are open. */
export const UNPRICED_SQL = `SELECT i.symbol, CASE WHEN q.symbol IS NULL THEN 'missing'
      WHEN NOT (${FRESH_QUOTE}) THEN 'stale' ELSE 'disagreeing' END AS reason
  FROM market.instruments i
  LEFT JOIN market.quotes q ON q.symbol = i.symbol
  LEFT JOIN market.executable_quotes e ON e.symbol = i.symbol
  WHERE (e.symbol IS NULL OR NOT (${FRESH_QUOTE}))
    AND i.calendar = ANY ($2::text[])
    AND EXISTS (SELECT FROM execution.orders o WHERE o.symbol = i.symbol AND ${RESTING})
  ORDER BY i.symbol`;

export async function findUnpricedSymbols(tx: Tx, bounds: ExecutionBounds): Promise<UnpricedSymbol[]> {
  const { rows } = await tx.query<UnpricedSymbol>({
    name: 'find-unpriced-symbols',
    text: UNPRICED_SQL,
    values: [bounds.quoteMaxAgeMs, openOf(bounds)],
  });
  return rows;
}
