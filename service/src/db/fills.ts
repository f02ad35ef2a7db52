import type { Side } from '../domain/order.ts';
import type { Tx } from './pool.ts';

/** A fill of an account; decimal strings, RFC 3339 in UTC. */
export interface Fill {
  readonly id: string;
  readonly orderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: string;
  readonly price: string;
  readonly fee: string;
  readonly at: string;
}

/** A fill with its number in the ledger, which grows with every fill of an account. */
export type NumberedFill = Fill & { readonly seq: string };

export interface FillFilter {
  readonly accountId: string;
  readonly symbol: string | null;
  /** Only fills with a lower number. */
  readonly before: string | null;
  readonly limit: number;
}

/** Newest first. */
export async function findFills(tx: Tx, filter: FillFilter): Promise<NumberedFill[]> {
  const { rows } = await tx.query<NumberedFill>({
    name: 'find-fills',
    text: `SELECT l.seq, f.id, f.order_id AS "orderId", l.symbol, o.side, trim_scale(f.quantity) AS quantity,
        trim_scale(f.price) AS price, trim_scale(f.fee) AS fee, f.at
      FROM portfolio.ledger l JOIN execution.fills f ON f.id = l.fill_id JOIN execution.orders o ON o.id = f.order_id
      WHERE l.account_id = $1::uuid AND ($2::text IS NULL OR l.symbol = $2::text)
        AND ($3::bigint IS NULL OR l.seq < $3::bigint)
      ORDER BY l.seq DESC LIMIT $4::integer`,
    values: [filter.accountId, filter.symbol, filter.before, filter.limit],
  });
  return rows;
}
