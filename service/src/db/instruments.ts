import type { CalendarName } from '../domain/market-calendar.ts';
import type { Tx } from './pool.ts';

/** A tradable symbol; sizes are decimal strings. */
export interface NewInstrument {
  readonly symbol: string;
  readonly assetClass: 'crypto' | 'equity';
  readonly venue: string;
  readonly tickSize: string;
  readonly lotSize: string;
  readonly minNotional: string;
  /** When it trades. Default: always, which only crypto may. */
  readonly calendar?: CalendarName;
  /** In basis points of a fill's notional. Default: none. */
  readonly takerFeeBps?: string;
}

/** Adds symbols; one that exists keeps its increments, because resting orders were checked against them. */
export async function insertInstruments(tx: Tx, instruments: readonly NewInstrument[]): Promise<void> {
  await tx.query({
    text: `INSERT INTO market.instruments (symbol, asset_class, venue, tick_size, lot_size, min_notional, calendar,
        taker_fee_bps)
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::numeric[], $7::text[],
        $8::numeric[])
      ON CONFLICT (symbol) DO NOTHING`,
    values: [
      instruments.map((instrument) => instrument.symbol),
      instruments.map((instrument) => instrument.assetClass),
      instruments.map((instrument) => instrument.venue),
      instruments.map((instrument) => instrument.tickSize),
      instruments.map((instrument) => instrument.lotSize),
      instruments.map((instrument) => instrument.minNotional),
      instruments.map((instrument) => instrument.calendar ?? '24x7'),
      instruments.map((instrument) => instrument.takerFeeBps ?? '0'),
    ],
  });
}

/** The symbols that can be traded, in their order; `limit` at most. */
export async function findSymbols(tx: Tx, limit: number): Promise<string[]> {
  const { rows } = await tx.query<{ symbol: string }>({
    name: 'find-symbols',
    text: 'SELECT symbol FROM market.instruments ORDER BY symbol LIMIT $1::integer',
    values: [limit],
  });
  return rows.map(({ symbol }) => symbol);
}
