-- The ledger: every change of a holding with what it cost, and running totals that the balances must agree with.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE portfolio.accounts
  ADD COLUMN deposited numeric(38, 16) NOT NULL DEFAULT 0,
  ADD COLUMN spent numeric(38, 16) NOT NULL DEFAULT 0,
  ADD CONSTRAINT accounts_deposited_check CHECK (deposited <> 'NaN'),
  ADD CONSTRAINT accounts_spent_check CHECK (spent <> 'NaN');
COMMENT ON COLUMN portfolio.accounts.deposited IS 'The sum of the deposits, kept by their trigger.';
COMMENT ON COLUMN portfolio.accounts.spent IS
  'The sum of all buys and fees less all sells, kept by the trigger of the fills. cash + reserved + spent = deposited.';

ALTER TABLE portfolio.positions
  ADD COLUMN booked numeric(20, 8) NOT NULL DEFAULT 0,
  ADD COLUMN invested numeric(38, 16) NOT NULL DEFAULT 0,
  ADD CONSTRAINT positions_booked_check CHECK (booked <> 'NaN'),
  ADD CONSTRAINT positions_invested_check CHECK (invested <> 'NaN');
COMMENT ON COLUMN portfolio.positions.booked IS 'The sum of the ledger''s quantities, kept by its triggers; equal to quantity.';
COMMENT ON COLUMN portfolio.positions.invested IS
  'The sum of the ledger''s costs: all that was paid less all that came back. Realised profit is the cost of what is left less this.';
COMMENT ON COLUMN portfolio.positions.cost IS
  'What the quantity was bought for, by average cost, fees included.';

CREATE TABLE portfolio.ledger (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id uuid NOT NULL,
  symbol text NOT NULL,
  fill_id uuid REFERENCES execution.fills (id),
  transfer_id uuid REFERENCES portfolio.transfers (id),
  quantity numeric(20, 8) NOT NULL,
  cost numeric(38, 16) NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT ledger_position_fkey FOREIGN KEY (account_id, symbol) REFERENCES portfolio.positions (account_id, symbol),
  CONSTRAINT ledger_fill_id_key UNIQUE (fill_id),
  CONSTRAINT ledger_transfer_id_key UNIQUE (transfer_id),
  CONSTRAINT ledger_origin_check CHECK (num_nonnulls(fill_id, transfer_id) = 1),
  CONSTRAINT ledger_quantity_check CHECK (quantity <> 0 AND quantity <> 'NaN'),
  CONSTRAINT ledger_cost_check CHECK (cost <> 'NaN')
);
CREATE INDEX ledger_position_idx ON portfolio.ledger (account_id, symbol, seq);
CREATE INDEX ledger_account_idx ON portfolio.ledger (account_id, seq);
COMMENT ON TABLE portfolio.ledger IS
  'Append-only: one row per fill and transfer. quantity came in (positive) or went out; cost is what was paid for it, fees included (negative: what came back). An account''s rows are numbered in the order of their commits, because fills hold its lock.';

-- Fills book themselves, whoever writes them: what is not in the ledger did not happen.
CREATE FUNCTION portfolio.book_fills() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH entry AS MATERIALIZED (
    SELECT f.id, f.at, o.account_id, o.symbol, CASE o.side WHEN 'BUY' THEN f.quantity ELSE -f.quantity END AS quantity,
      CASE o.side WHEN 'BUY' THEN f.quantity * f.price ELSE -f.quantity * f.price END + f.fee AS cost
    FROM made f JOIN execution.orders o ON o.id = f.order_id
  ), position AS (
    INSERT INTO portfolio.positions AS p (account_id, symbol, booked, invested)
    SELECT account_id, symbol, sum(quantity), sum(cost) FROM entry GROUP BY account_id, symbol ORDER BY account_id, symbol
    ON CONFLICT (account_id, symbol) DO UPDATE SET booked = p.booked + EXCLUDED.booked, invested = p.invested + EXCLUDED.invested
  ), account AS (
    UPDATE portfolio.accounts a SET spent = a.spent + d.spent
    FROM (SELECT account_id, sum(cost) AS spent FROM entry GROUP BY account_id) d WHERE a.id = d.account_id
  )
  INSERT INTO portfolio.ledger (account_id, symbol, fill_id, quantity, cost, at)
  -- What one statement buys and sells of a symbol is bought first, as the average cost has it.
  SELECT account_id, symbol, id, quantity, cost, at FROM entry ORDER BY account_id, symbol, quantity < 0, at, id;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION portfolio.book_fills() IS 'Enters fills into the ledger and adds them to the running totals.';

CREATE FUNCTION portfolio.book_transfers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH position AS (
    INSERT INTO portfolio.positions AS p (account_id, symbol, booked, invested)
    SELECT account_id, symbol, sum(quantity), sum(cost) FROM made GROUP BY account_id, symbol ORDER BY account_id, symbol
    ON CONFLICT (account_id, symbol) DO UPDATE SET booked = p.booked + EXCLUDED.booked, invested = p.invested + EXCLUDED.invested
  )
  INSERT INTO portfolio.ledger (account_id, symbol, transfer_id, quantity, cost, at)
  SELECT account_id, symbol, id, quantity, cost, created_at FROM made ORDER BY account_id, symbol, created_at, id;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION portfolio.book_transfers() IS 'Enters transfers into the ledger and adds them to the running totals.';

CREATE FUNCTION portfolio.book_deposits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE portfolio.accounts a SET deposited = a.deposited + d.amount
  FROM (SELECT account_id, sum(amount) AS amount FROM made GROUP BY account_id) d WHERE a.id = d.account_id;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION portfolio.book_deposits() IS 'Adds deposits to the running total of their account.';

-- What is there already is booked once, in the order in which it happened.
INSERT INTO portfolio.ledger (account_id, symbol, fill_id, transfer_id, quantity, cost, at)
SELECT account_id, symbol, fill_id, transfer_id, quantity, cost, at FROM (
  SELECT t.account_id, t.symbol, NULL::uuid AS fill_id, t.id AS transfer_id, t.quantity, t.cost, t.created_at AS at
  FROM portfolio.transfers t
  UNION ALL
  SELECT o.account_id, o.symbol, f.id, NULL, CASE o.side WHEN 'BUY' THEN f.quantity ELSE -f.quantity END,
    CASE o.side WHEN 'BUY' THEN f.quantity * f.price ELSE -f.quantity * f.price END + f.fee, f.at
  FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id
) happened ORDER BY at, quantity < 0;
UPDATE portfolio.positions p SET booked = l.quantity, invested = l.cost
FROM (SELECT account_id, symbol, sum(quantity) AS quantity, sum(cost) AS cost FROM portfolio.ledger GROUP BY account_id, symbol) l
WHERE p.account_id = l.account_id AND p.symbol = l.symbol;
UPDATE portfolio.accounts a SET
  deposited = coalesce((SELECT sum(d.amount) FROM portfolio.deposits d WHERE d.account_id = a.id), 0),
  spent = coalesce((SELECT sum(l.cost) FROM portfolio.ledger l WHERE l.account_id = a.id AND l.fill_id IS NOT NULL), 0);

CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON portfolio.ledger
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
CREATE TRIGGER fills_book AFTER INSERT ON execution.fills REFERENCING NEW TABLE AS made
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.book_fills();
CREATE TRIGGER transfers_book AFTER INSERT ON portfolio.transfers REFERENCING NEW TABLE AS made
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.book_transfers();
CREATE TRIGGER deposits_book AFTER INSERT ON portfolio.deposits REFERENCING NEW TABLE AS made
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.book_deposits();

-- Conservation as a constraint. It is deferred, because a fill is written in several places, and a row that is in
-- balance is not even queued, so that placing an order, which moves cash into its reservation, pays nothing for it.
CREATE FUNCTION portfolio.check_account_is_conserved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM portfolio.accounts a WHERE a.id = NEW.id AND a.cash + a.reserved + a.spent <> a.deposited) THEN
    RAISE EXCEPTION 'account %: cash and reservations do not add up to what was deposited and spent', NEW.id
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'accounts_are_conserved';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION portfolio.check_account_is_conserved() IS 'Refuses the commit of cash that came from nowhere or went astray.';
CREATE CONSTRAINT TRIGGER accounts_are_conserved AFTER INSERT OR UPDATE ON portfolio.accounts
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.cash + NEW.reserved + NEW.spent <> NEW.deposited)
  EXECUTE FUNCTION portfolio.check_account_is_conserved();

CREATE FUNCTION portfolio.check_position_is_conserved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM portfolio.positions p
              WHERE p.account_id = NEW.account_id AND p.symbol = NEW.symbol AND p.quantity <> p.booked) THEN
    RAISE EXCEPTION 'account %: the position of % is not what the ledger says', NEW.account_id, NEW.symbol
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'positions_are_conserved';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION portfolio.check_position_is_conserved() IS 'Refuses the commit of holdings that no fill or transfer explains.';
CREATE CONSTRAINT TRIGGER positions_are_conserved AFTER INSERT OR UPDATE ON portfolio.positions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.quantity <> NEW.booked)
  EXECUTE FUNCTION portfolio.check_position_is_conserved();

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TRIGGER positions_are_conserved ON portfolio.positions;
DROP TRIGGER accounts_are_conserved ON portfolio.accounts;
DROP TRIGGER deposits_book ON portfolio.deposits;
DROP TRIGGER transfers_book ON portfolio.transfers;
DROP TRIGGER fills_book ON execution.fills;
DROP TABLE portfolio.ledger;
DROP FUNCTION portfolio.check_position_is_conserved();
DROP FUNCTION portfolio.check_account_is_conserved();
DROP FUNCTION portfolio.book_deposits();
DROP FUNCTION portfolio.book_transfers();
DROP FUNCTION portfolio.book_fills();
COMMENT ON COLUMN portfolio.positions.cost IS NULL;
ALTER TABLE portfolio.positions
  DROP COLUMN invested,
  DROP COLUMN booked;
ALTER TABLE portfolio.accounts
  DROP COLUMN spent,
  DROP COLUMN deposited;
