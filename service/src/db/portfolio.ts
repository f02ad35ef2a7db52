import type { Tx } from './pool.ts';

/** What an account holds of one symbol; decimal strings. */
export interface Position {
  readonly symbol: string;
  readonly quantity: string;
  readonly reserved: string;
  /** What the quantity was bought for. */
  readonly cost: string;
}

/** Cash that is free and cash that resting BUY orders hold; decimal strings. */
export interface Portfolio {
  readonly cash: string;
  readonly reserved: string;
  readonly positions: readonly Position[];
}

/** Cash and positions of one moment: a single statement, so that no fill falls between them. */
export async function findPortfolio(tx: Tx, accountId: string): Promise<Portfolio | undefined> {
  const { rows } = await tx.query<Portfolio>({
    name: 'find-portfolio',
    text: `SELECT trim_scale(a.cash) AS cash, trim_scale(a.reserved) AS reserved,
        coalesce((
          SELECT jsonb_agg(jsonb_build_object('symbol', p.symbol, 'quantity', trim_scale(p.quantity)::text,
            'reserved', trim_scale(p.reserved)::text, 'cost', trim_scale(p.cost)::text) ORDER BY p.symbol)
          FROM portfolio.positions p WHERE p.account_id = a.id AND p.quantity > 0
        ), '[]') AS positions
      FROM portfolio.accounts a WHERE a.id = $1::uuid`,
    values: [accountId],
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
