import type { Tx } from './pool.ts';

/** A quote; decimal strings. `asOf` is RFC 3339, or null for now. */
export interface Quote {
  readonly symbol: string;
  readonly bid: string;
  readonly ask: string;
  readonly asOf: string | null;
  /** What the quote is good for; absent or null: not limited. */
  readonly bidSize?: string | null;
  readonly askSize?: string | null;
  /** Who says so; absent: the primary source. */
  readonly source?: string;
}

export const PRIMARY_SOURCE = 'primary';

/** Stores the quotes that price orders; an older quote never replaces a newer one. */
export async function upsertQuotes(tx: Tx, quotes: readonly Quote[]): Promise<void> {
  await tx.query({
    text: `INSERT INTO market.quotes AS q (symbol, bid, ask, as_of, bid_size, ask_size, source)
      SELECT n.symbol, n.bid, n.ask, coalesce(n.as_of, clock_timestamp()), n.bid_size, n.ask_size, n.source
      FROM unnest($1::text[], $2::numeric[], $3::numeric[], $4::timestamptz[], $5::numeric[], $6::numeric[], $7::text[])
        AS n (symbol, bid, ask, as_of, bid_size, ask_size, source)
      ORDER BY n.symbol
      ON CONFLICT (symbol) DO UPDATE SET bid = EXCLUDED.bid, ask = EXCLUDED.ask, as_of = EXCLUDED.as_of,
        bid_size = EXCLUDED.bid_size, ask_size = EXCLUDED.ask_size, source = EXCLUDED.source
      WHERE q.as_of <= EXCLUDED.as_of`,
    values: [
      quotes.map((quote) => quote.symbol),
      quotes.map((quote) => quote.bid),
      quotes.map((quote) => quote.ask),
      quotes.map((quote) => quote.asOf),
      quotes.map((quote) => quote.bidSize ?? null),
      quotes.map((quote) => quote.askSize ?? null),
      quotes.map((quote) => quote.source ?? PRIMARY_SOURCE),
    ],
  });
}

/** Another source's quote of a symbol: it prices nothing, and stops a quote that disagrees with it. */
export type ReferenceQuote = Pick<Quote, 'symbol' | 'bid' | 'ask' | 'asOf'> & { readonly source: string };

/** Stores second opinions, one per symbol and source; an older one never replaces a newer one. */
export async function upsertReferenceQuotes(tx: Tx, quotes: readonly ReferenceQuote[]): Promise<void> {
  await tx.query({
    text: `INSERT INTO market.reference_quotes AS r (symbol, source, bid, ask, as_of)
      SELECT n.symbol, n.source, n.bid, n.ask, coalesce(n.as_of, clock_timestamp())
      FROM unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::timestamptz[])
        AS n (symbol, source, bid, ask, as_of)
      ORDER BY n.symbol, n.source
      ON CONFLICT (symbol, source) DO UPDATE SET bid = EXCLUDED.bid, ask = EXCLUDED.ask, as_of = EXCLUDED.as_of
      WHERE r.as_of <= EXCLUDED.as_of`,
    values: [
      quotes.map((quote) => quote.symbol),
      quotes.map((quote) => quote.source),
      quotes.map((quote) => quote.bid),
      quotes.map((quote) => quote.ask),
      quotes.map((quote) => quote.asOf),
    ],
  });
}
