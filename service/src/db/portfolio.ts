import type { Lot, PnlMethod } from '../domain/pnl.ts';
import type { Tx } from './pool.ts';

/** What an account holds of one symbol, with what its profit is worked out from; decimal strings. */
export interface HeldPosition {
  readonly symbol: string;
  readonly quantity: string;
  readonly reserved: string;
  /** What the quantity was bought for, by average cost, fees included. */
  readonly averageCost: string;
  /** All that was ever paid for the symbol less all that came back. */
  readonly invested: string;
  /** The newest lots, as many as hold the quantity, newest first; null unless the method is FIFO. */
  readonly lots: readonly Lot[] | null;
  /** The last quote's bid and its age in milliseconds, however old; null where there is none. */
  readonly bid: string | null;
  readonly priceAgeMs: number | null;
  /** Whether no other source contradicts that quote. */
  readonly agreed: boolean;
}

/** Cash that is free, cash that resting BUY orders hold, and what is held; decimal strings. */
export interface HeldPortfolio {
  readonly cash: string;
  readonly reserved: string;
  /** `invested` of all symbols of which nothing is held any more. */
  readonly closedInvested: string;
  readonly positions: readonly HeldPosition[];
}

/** The most lots of one position that are read; one that is spread over more has no known cost by FIFO. */
export const LOTS_MAX = 10_000;

/** Walks the purchases of a position from the newest back until they hold its quantity: a bounded range of an index. */
const OPEN_LOTS = `
  WITH RECURSIVE lot AS (
    SELECT n.seq, n.quantity, n.cost, n.quantity::numeric AS covered, 1 AS place FROM (
      SELECT l.seq, l.quantity, l.cost FROM portfolio.ledger l
      WHERE l.account_id = p.account_id AND l.symbol = p.symbol AND l.quantity > 0 ORDER BY l.seq DESC LIMIT 1
    ) n
    UNION ALL
    SELECT n.seq, n.quantity, n.cost, lot.covered + n.quantity, lot.place + 1 FROM lot CROSS JOIN LATERAL (
      SELECT l.seq, l.quantity, l.cost FROM portfolio.ledger l
      WHERE l.account_id = p.account_id AND l.symbol = p.symbol AND l.quantity > 0 AND l.seq < lot.seq ORDER BY l.seq DESC LIMIT 1
    ) n
    WHERE lot.covered < p.quantity AND lot.place < ${LOTS_MAX}
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object('quantity', trim_scale(lot.quantity)::text,
    'cost', trim_scale(lot.cost)::text) ORDER BY lot.place), '[]') FROM lot`;

/** Cash and positions of one moment: a single statement, so that no fill falls between them. */
export async function findPortfolio(tx: Tx, accountId: string, method: PnlMethod): Promise<HeldPortfolio | undefined> {
  const { rows } = await tx.query<HeldPortfolio>({
    name: 'find-portfolio',
    text: `SELECT trim_scale(a.cash) AS cash, trim_scale(a.reserved) AS reserved,
        trim_scale(coalesce((SELECT sum(p.invested) FROM portfolio.positions p
          WHERE p.account_id = a.id AND p.quantity = 0), 0)) AS "closedInvested",
        coalesce((
          SELECT jsonb_agg(jsonb_build_object('symbol', p.symbol, 'quantity', trim_scale(p.quantity)::text,
            'reserved', trim_scale(p.reserved)::text, 'averageCost', trim_scale(p.cost)::text,
            'invested', trim_scale(p.invested)::text,
            'lots', CASE WHEN $2::text = 'fifo' THEN (${OPEN_LOTS}) END,
            'bid', trim_scale(q.bid)::text,
            'agreed', EXISTS (SELECT FROM market.executable_quotes e WHERE e.symbol = p.symbol),
            'priceAgeMs', round(extract(epoch FROM clock_timestamp() - q.as_of) * 1000)) ORDER BY p.symbol)
          FROM portfolio.positions p LEFT JOIN market.quotes q ON q.symbol = p.symbol
          WHERE p.account_id = a.id AND p.quantity > 0
        ), '[]') AS positions
      FROM portfolio.accounts a WHERE a.id = $1::uuid`,
    values: [accountId, method],
  });
  return rows[0];
}

/** An account or a position whose books do not add up, and by how much. */
export interface ConservationBreak {
  readonly accountId: string;
  /** Null for cash. */
  readonly symbol: string | null;
  readonly difference: string;
}

/** The most breaks that one look reports. */
const CONSERVATION_BREAKS_MAX = 100;

/**
 * Accounts where cash + reserved + buys + fees − sells is not what was deposited, or where a reservation is not the sum
 * of what orders hold; positions that are not what was transferred and traded. Empty when nothing was lost or made up.
 */
export async function findConservationBreaks(tx: Tx): Promise<ConservationBreak[]> {
  const { rows } = await tx.query<ConservationBreak>({
    text: `
      WITH traded AS (
        SELECT o.account_id, o.symbol,
          coalesce(sum(f.quantity) FILTER (WHERE o.side = 'BUY'), 0) AS bought,
          coalesce(sum(f.quantity) FILTER (WHERE o.side = 'SELL'), 0) AS sold,
          sum(CASE o.side WHEN 'BUY' THEN f.quantity * f.price ELSE -f.quantity * f.price END + f.fee) AS spent
        FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id GROUP BY o.account_id, o.symbol
      ), held AS (
        SELECT account_id, symbol, sum(reserved_cash) AS cash, sum(reserved_quantity) AS quantity
        FROM execution.orders GROUP BY account_id, symbol
      ), breaks AS (
        SELECT a.id AS account_id, NULL AS symbol, a.cash + a.reserved
          + coalesce((SELECT sum(t.spent) FROM traded t WHERE t.account_id = a.id), 0)
          - coalesce((SELECT sum(d.amount) FROM portfolio.deposits d WHERE d.account_id = a.id), 0) AS difference
        FROM portfolio.accounts a
        UNION ALL
        SELECT a.id, NULL, a.reserved - coalesce((SELECT sum(h.cash) FROM held h WHERE h.account_id = a.id), 0)
        FROM portfolio.accounts a
        UNION ALL
        SELECT k.account_id, k.symbol, coalesce(p.quantity, 0) - coalesce(t.bought - t.sold, 0) - coalesce(m.quantity, 0)
        FROM (SELECT account_id, symbol FROM portfolio.positions UNION SELECT account_id, symbol FROM traded
          UNION SELECT account_id, symbol FROM portfolio.transfers) k
        LEFT JOIN portfolio.positions p USING (account_id, symbol)
        LEFT JOIN traded t USING (account_id, symbol)
        LEFT JOIN (SELECT account_id, symbol, sum(quantity) AS quantity FROM portfolio.transfers
          GROUP BY account_id, symbol) m USING (account_id, symbol)
        UNION ALL
        SELECT p.account_id, p.symbol, p.reserved - coalesce(h.quantity, 0)
        FROM portfolio.positions p LEFT JOIN held h USING (account_id, symbol)
      )
      SELECT account_id AS "accountId", symbol, trim_scale(difference) AS difference
      FROM breaks WHERE difference <> 0 ORDER BY account_id, symbol LIMIT ${CONSERVATION_BREAKS_MAX}`,
  });
  return rows;
}
