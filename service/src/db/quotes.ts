import type { Tx } from './pool.ts';

/** A quote; decimal strings. `asOf` is RFC 3339, or null for now. */
export interface Quote {
  readonly symbol: string;
  readonly bid: string;
  readonly ask: string;
  readonly asOf: string | null;
}

/** Stores quotes; an older quote never replaces a newer one. */
export async function upsertQuotes(tx: Tx, quotes: readonly Quote[]): Promise<void> {
  await tx.query({
    text: `INSERT INTO market.quotes AS q (symbol, bid, ask, as_of)
      SELECT n.symbol, n.bid, n.ask, coalesce(n.as_of, clock_timestamp())
      FROM unnest($1::text[], $2::numeric[], $3::numeric[], $4::timestamptz[]) AS n (symbol, bid, ask, as_of)
      ORDER BY n.symbol
      ON CONFLICT (symbol) DO UPDATE SET bid = EXCLUDED.bid, ask = EXCLUDED.ask, as_of = EXCLUDED.as_of
      WHERE q.as_of <= EXCLUDED.as_of`,
    values: [
      quotes.map((quote) => quote.symbol),
      quotes.map((quote) => quote.bid),
      quotes.map((quote) => quote.ask),
      quotes.map((quote) => quote.asOf),
    ],
  });
}
