-- How much a quote is good for, and what other sources say at the same time.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE market.instruments
  ADD COLUMN max_divergence_bps integer NOT NULL DEFAULT 100,
  ADD CONSTRAINT instruments_max_divergence_bps_check CHECK (max_divergence_bps BETWEEN 1 AND 10000);
COMMENT ON COLUMN market.instruments.max_divergence_bps IS
  'How far the middle of two sources'' quotes may lie apart, in basis points, before neither prices an order.';

ALTER TABLE market.quotes
  ADD COLUMN bid_size numeric(20, 8),
  ADD COLUMN ask_size numeric(20, 8),
  ADD COLUMN source text NOT NULL DEFAULT 'primary',
  ADD CONSTRAINT quotes_bid_size_check CHECK (bid_size >= 0 AND bid_size <> 'NaN'),
  ADD CONSTRAINT quotes_ask_size_check CHECK (ask_size >= 0 AND ask_size <> 'NaN'),
  ADD CONSTRAINT quotes_source_check CHECK (length(source) BETWEEN 1 AND 64);
COMMENT ON COLUMN market.quotes.bid_size IS
  'What can still be sold at the bid: fills take from it until the next quote. Null: not limited.';
COMMENT ON COLUMN market.quotes.ask_size IS
  'What can still be bought at the ask: fills take from it until the next quote. Null: not limited.';

CREATE TABLE market.reference_quotes (
  symbol text NOT NULL REFERENCES market.instruments (symbol),
  source text NOT NULL,
  bid numeric(20, 8) NOT NULL,
  ask numeric(20, 8) NOT NULL,
  as_of timestamptz NOT NULL,
  PRIMARY KEY (symbol, source),
  CONSTRAINT reference_quotes_source_check CHECK (length(source) BETWEEN 1 AND 64),
  CONSTRAINT reference_quotes_bid_check CHECK (bid > 0 AND bid <> 'NaN'),
  CONSTRAINT reference_quotes_ask_check CHECK (ask >= bid AND ask <> 'NaN')
);
COMMENT ON TABLE market.reference_quotes IS
  'Second opinions: the last quote per symbol and source. They price nothing; they stop a quote that disagrees with them.';

CREATE VIEW market.executable_quotes AS
  SELECT q.symbol, q.bid, q.ask, q.as_of, q.bid_size, q.ask_size, q.source
  FROM market.quotes q
  WHERE NOT EXISTS (
    SELECT FROM market.reference_quotes r JOIN market.instruments i ON i.symbol = r.symbol
    WHERE r.symbol = q.symbol AND r.source <> q.source
      AND r.as_of BETWEEN q.as_of - interval '60 seconds' AND q.as_of + interval '60 seconds'
      AND abs((r.bid + r.ask) - (q.bid + q.ask)) * 10000 > (q.bid + q.ask) * i.max_divergence_bps);
COMMENT ON VIEW market.executable_quotes IS
  'Quotes that no other source of the same minute contradicts. How old one may be is for the reader to say, by as_of.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP VIEW market.executable_quotes;
DROP TABLE market.reference_quotes;
ALTER TABLE market.quotes
  DROP COLUMN source,
  DROP COLUMN ask_size,
  DROP COLUMN bid_size;
ALTER TABLE market.instruments
  DROP COLUMN max_divergence_bps;
