-- What can be traded, and its last price.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA market;

CREATE TABLE market.instruments (
  symbol text PRIMARY KEY,
  asset_class text NOT NULL,
  venue text NOT NULL,
  tick_size numeric(20, 8) NOT NULL,
  lot_size numeric(20, 8) NOT NULL,
  min_notional numeric(20, 8) NOT NULL,
  CONSTRAINT instruments_symbol_check CHECK (symbol ~ '^[A-Z0-9][A-Z0-9.-]{0,31}$'),
  CONSTRAINT instruments_asset_class_check CHECK (asset_class IN ('crypto', 'equity')),
  CONSTRAINT instruments_venue_check CHECK (length(venue) BETWEEN 1 AND 64),
  CONSTRAINT instruments_tick_size_check CHECK (tick_size > 0 AND tick_size <> 'NaN'),
  CONSTRAINT instruments_lot_size_check CHECK (lot_size > 0 AND lot_size <> 'NaN'),
  CONSTRAINT instruments_min_notional_check CHECK (min_notional >= 0 AND min_notional <> 'NaN')
);
COMMENT ON TABLE market.instruments IS
  'Tradable symbols. Prices are multiples of tick_size, quantities of lot_size; an order that is not is refused, never rounded.';

CREATE TABLE market.quotes (
  symbol text PRIMARY KEY REFERENCES market.instruments (symbol),
  bid numeric(20, 8) NOT NULL,
  ask numeric(20, 8) NOT NULL,
  as_of timestamptz NOT NULL,
  CONSTRAINT quotes_bid_check CHECK (bid > 0 AND bid <> 'NaN'),
  CONSTRAINT quotes_ask_check CHECK (ask >= bid AND ask <> 'NaN')
);
COMMENT ON TABLE market.quotes IS
  'The last quote per symbol. as_of is the time of the quote, not of the row: a stale quote never prices an order.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TABLE market.quotes;
DROP TABLE market.instruments;
DROP SCHEMA market;
