-- What came into an account from outside, and what it holds.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- A row is refused once it is written: books are corrected by a further entry.
CREATE FUNCTION portfolio.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END
$$;
COMMENT ON FUNCTION portfolio.refuse_change() IS 'Trigger that makes a table append-only.';

CREATE TABLE portfolio.deposits (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES portfolio.accounts (id),
  amount numeric(38, 16) NOT NULL,
  note text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT deposits_amount_check CHECK (amount <> 0 AND amount <> 'NaN')
);
CREATE INDEX deposits_account_id_idx ON portfolio.deposits (account_id);
CREATE TRIGGER deposits_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON portfolio.deposits
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE portfolio.deposits IS
  'Cash that came in (positive) or went out (negative). Conservation: cash + reserved + buys - sells = deposits, per account.';

CREATE TABLE portfolio.transfers (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES portfolio.accounts (id),
  symbol text NOT NULL REFERENCES market.instruments (symbol),
  quantity numeric(20, 8) NOT NULL,
  note text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT transfers_quantity_check CHECK (quantity <> 0 AND quantity <> 'NaN')
);
CREATE INDEX transfers_account_id_idx ON portfolio.transfers (account_id);
CREATE INDEX transfers_symbol_idx ON portfolio.transfers (symbol);
CREATE TRIGGER transfers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON portfolio.transfers
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE portfolio.transfers IS
  'Holdings that came in (positive) or went out (negative) without a trade. Conservation: transfers + bought - sold = position.';

CREATE TABLE portfolio.positions (
  account_id uuid NOT NULL REFERENCES portfolio.accounts (id),
  symbol text NOT NULL REFERENCES market.instruments (symbol),
  quantity numeric(20, 8) NOT NULL DEFAULT 0,
  reserved numeric(20, 8) NOT NULL DEFAULT 0,
  cost numeric(38, 16) NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, symbol),
  CONSTRAINT positions_quantity_check CHECK (quantity >= 0 AND quantity <> 'NaN'),
  CONSTRAINT positions_reserved_check CHECK (reserved >= 0 AND reserved <= quantity),
  CONSTRAINT positions_cost_check CHECK (cost >= 0 AND cost <> 'NaN')
);
CREATE INDEX positions_symbol_idx ON portfolio.positions (symbol);
COMMENT ON TABLE portfolio.positions IS
  'What an account holds. reserved is the part that resting SELL orders hold; cost is what the quantity was bought for.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TABLE portfolio.positions;
DROP TABLE portfolio.transfers;
DROP TABLE portfolio.deposits;
DROP FUNCTION portfolio.refuse_change();
