import { secondsSince } from './ages.ts';
import type { Tx } from './pool.ts';

/** Past this many a backlog is counted no further: an alarm needs no more. */
const BACKLOG_COUNTED_MAX = 10_000;

/** How the work behind the requests stands; times in seconds, null where there is nothing to tell of. */
export interface Operations {
  /** Events that the portfolio has not taken in yet; at most 10,000 are counted. */
  readonly outboxBacklog: number;
  /** Age of the oldest of them: how far the portfolio may be behind. 0 when there is none. */
  readonly portfolioStalenessS: number;
  /** Orders that wait for the service or for a venue, and not for a price; at most 10,000 are counted. */
  readonly ordersWaiting: number;
  /** What the account that placed most stored in the last minute, denied orders too. */
  readonly busiestAccountOrders: number;
  /** Webhook deliveries that are not over; at most 10,000 are counted. */
  readonly webhookBacklog: number;
  readonly reconciliationAgeS: number | null;
  readonly reconciliationDurationS: number | null;
  readonly reconciliationActions: number | null;
  readonly reconciliationUnresolved: number | null;
}

/** A backlog of rows, in SQL. */
const counted = (rows: string): string =>
  `(SELECT count(*) FROM (${rows} LIMIT ${BACKLOG_COUNTED_MAX}) waiting)::integer`;

/** What should have gone on by itself: a state on the way, or an order that may not rest and does. */
const WAITING_ORDERS = `
  SELECT FROM execution.orders WHERE status IN ('PENDING', 'SUBMITTING', 'UNKNOWN', 'PENDING_CANCEL')
  UNION ALL
  SELECT FROM execution.orders
  WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER' AND (time_in_force = 'IOC' OR type = 'MARKET')`;

/** Reads all of it in one statement, by indexes. */
export async function readOperations(tx: Tx): Promise<Operations> {
  const { rows } = await tx.query<Operations & object>({
    name: 'read-operations',
    text: `
      SELECT ${counted('SELECT FROM execution.portfolio_events_outbox WHERE processed_at IS NULL')} AS "outboxBacklog",
        ${counted(WAITING_ORDERS)} AS "ordersWaiting",
        ${counted("SELECT FROM portfolio.webhook_deliveries WHERE status = 'PENDING'")} AS "webhookBacklog",
        coalesce((SELECT max(placed.orders) FROM (SELECT count(*) AS orders FROM execution.orders
          WHERE created_at > clock_timestamp() - interval '1 minute' GROUP BY account_id) placed), 0)::integer
          AS "busiestAccountOrders",
        coalesce((SELECT ${secondsSince('created_at')} FROM execution.portfolio_events_outbox
                  WHERE processed_at IS NULL ORDER BY id LIMIT 1), 0) AS "portfolioStalenessS",
        ${secondsSince('r.finished_at')} AS "reconciliationAgeS",
        greatest(0, extract(epoch FROM r.finished_at - r.started_at))::float8 AS "reconciliationDurationS",
        r.actions AS "reconciliationActions", r.unresolved AS "reconciliationUnresolved"
      FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT * FROM execution.reconciliation_runs ORDER BY id DESC LIMIT 1
      ) r ON true`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the state of operations is exactly one row');
  return row;
}

/** All accounts together, at the last quotes; in the currency of the books. */
export interface PortfolioTotals {
  /** Cash, reserved cash, and what is held. */
  readonly value: number;
  /** What the positions, held and closed, have brought so far: realised and not. */
  readonly profit: number;
  /** Holdings that are not nothing. */
  readonly positions: number;
  /** Age of the oldest quote in seconds; null without any. */
  readonly quoteAgeS: number | null;
}

/** As a gauge shows it, and no finer: a double. What is held and has never had a quote counts as what was paid for it. */
export async function readPortfolioTotals(tx: Tx): Promise<PortfolioTotals> {
  const { rows } = await tx.query<PortfolioTotals & object>({
    name: 'read-portfolio-totals',
    text: `
      SELECT (cash.total + held.total)::float8 AS value, (held.total - held.invested)::float8 AS profit,
        held.positions, (SELECT ${secondsSince('min(as_of)')} FROM market.quotes) AS "quoteAgeS"
      FROM (SELECT coalesce(sum(cash + reserved), 0) AS total FROM portfolio.accounts) cash, (
        SELECT coalesce(sum(p.invested), 0) AS invested, (count(*) FILTER (WHERE p.quantity <> 0))::integer AS positions,
          coalesce(sum(CASE WHEN p.quantity > 0 THEN coalesce(p.quantity * q.bid, p.invested) ELSE 0 END), 0) AS total
        FROM portfolio.positions p LEFT JOIN market.quotes q USING (symbol)
      ) held`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the totals of all portfolios are exactly one row');
  return row;
}
