-- Limits of every kind, the record of who changed them, and the counters that orders are held against.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE risk.limits
  ALTER COLUMN max_order_notional DROP NOT NULL,
  ADD COLUMN max_daily_notional numeric(38, 16),
  ADD COLUMN max_position_notional numeric(38, 16),
  ADD COLUMN max_daily_loss numeric(38, 16),
  ADD COLUMN max_open_orders integer,
  ADD COLUMN max_orders_per_minute integer,
  ADD COLUMN price_collar_bps integer,
  ADD COLUMN fat_finger_multiple integer,
  ADD COLUMN allowed_modes text[],
  ADD COLUMN restricted_symbols text[],
  ADD CONSTRAINT limits_max_daily_notional_check CHECK (max_daily_notional > 0 AND max_daily_notional <> 'NaN'),
  ADD CONSTRAINT limits_max_position_notional_check CHECK (max_position_notional > 0 AND max_position_notional <> 'NaN'),
  ADD CONSTRAINT limits_max_daily_loss_check CHECK (max_daily_loss > 0 AND max_daily_loss <> 'NaN'),
  ADD CONSTRAINT limits_max_open_orders_check CHECK (max_open_orders BETWEEN 1 AND 100000000),
  ADD CONSTRAINT limits_max_orders_per_minute_check CHECK (max_orders_per_minute BETWEEN 1 AND 1000000),
  ADD CONSTRAINT limits_price_collar_bps_check CHECK (price_collar_bps BETWEEN 0 AND 1000000),
  ADD CONSTRAINT limits_fat_finger_multiple_check CHECK (fat_finger_multiple BETWEEN 1 AND 1000000000),
  ADD CONSTRAINT limits_allowed_modes_check CHECK (cardinality(allowed_modes) BETWEEN 1 AND 2
    AND allowed_modes <@ ARRAY['PAPER', 'LIVE'] AND array_position(allowed_modes, NULL) IS NULL),
  ADD CONSTRAINT limits_restricted_symbols_check CHECK (cardinality(restricted_symbols) <= 1000
    AND array_position(restricted_symbols, NULL) IS NULL AND '' <> ALL (restricted_symbols));
COMMENT ON TABLE risk.limits IS
  'Limits per account; the row without an account is everybody''s. NULL: the next one decides, account, everybody, built in.';
COMMENT ON COLUMN risk.limits.max_order_notional IS 'Most that one order may be worth. The service''s own ceiling still applies.';
COMMENT ON COLUMN risk.limits.max_daily_notional IS 'Most that the accepted orders of one UTC day may be worth together; a cancel gives nothing back.';
COMMENT ON COLUMN risk.limits.max_position_notional IS 'Most that the holding of one symbol and its open BUY orders may be worth together.';
COMMENT ON COLUMN risk.limits.max_daily_loss IS 'Realised loss of one UTC day from which on nothing more may be bought.';
COMMENT ON COLUMN risk.limits.max_open_orders IS 'Most orders that have not ended.';
COMMENT ON COLUMN risk.limits.max_orders_per_minute IS 'Most orders accepted in any 60 seconds.';
COMMENT ON COLUMN risk.limits.price_collar_bps IS 'How far through the market a LIMIT price may be, in hundredths of a percent.';
COMMENT ON COLUMN risk.limits.fat_finger_multiple IS 'How many times the average of the account''s recent orders one order may be worth.';
COMMENT ON COLUMN risk.limits.allowed_modes IS 'PAPER, LIVE or both.';
COMMENT ON COLUMN risk.limits.restricted_symbols IS 'What may not be traded. The account''s list is added to everybody''s and takes nothing from it.';

CREATE TABLE risk.limit_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id uuid REFERENCES portfolio.accounts (id),
  before jsonb,
  after jsonb,
  changed_by text NOT NULL,
  reason text,
  database_user text NOT NULL DEFAULT session_user,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT limit_changes_something_check CHECK (before IS NOT NULL OR after IS NOT NULL),
  CONSTRAINT limit_changes_changed_by_check CHECK (length(btrim(changed_by)) BETWEEN 1 AND 200),
  CONSTRAINT limit_changes_reason_check CHECK (length(btrim(reason)) BETWEEN 1 AND 500)
);
CREATE INDEX limit_changes_account_id_idx ON risk.limit_changes (account_id, id);
CREATE TRIGGER limit_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON risk.limit_changes
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE risk.limit_changes IS
  'Every change of risk.limits, written by its trigger, so that a change typed by hand is recorded too.';
COMMENT ON COLUMN risk.limit_changes.changed_by IS 'Who, as the transaction''s risk.changed_by says; the database user where it says nothing.';

CREATE FUNCTION risk.record_limit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION 'limits are removed row by row, so that each removal is recorded'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  INSERT INTO risk.limit_changes (account_id, before, after, changed_by, reason)
  VALUES (
    CASE TG_OP WHEN 'DELETE' THEN OLD.account_id ELSE NEW.account_id END,
    CASE TG_OP WHEN 'INSERT' THEN NULL ELSE to_jsonb(OLD) END,
    CASE TG_OP WHEN 'DELETE' THEN NULL ELSE to_jsonb(NEW) END,
    coalesce(nullif(btrim(current_setting('risk.changed_by', true)), ''), 'sql:' || session_user),
    nullif(btrim(current_setting('risk.change_reason', true)), ''));
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION risk.record_limit_change() IS 'Writes who changed which limits, from what to what.';
CREATE TRIGGER limits_record_change AFTER INSERT OR UPDATE OR DELETE ON risk.limits
  FOR EACH ROW EXECUTE FUNCTION risk.record_limit_change();
CREATE TRIGGER limits_refuse_truncate BEFORE TRUNCATE ON risk.limits
  FOR EACH STATEMENT EXECUTE FUNCTION risk.record_limit_change();

-- What an order was worth when it was accepted. Orders from before this column have none and count as nothing.
ALTER TABLE execution.orders
  ADD COLUMN notional numeric(38, 16),
  ADD CONSTRAINT orders_notional_check CHECK (notional >= 0 AND notional <> 'NaN');
COMMENT ON COLUMN execution.orders.notional IS
  'What the order was worth to the risk check: at its limit, or at the touch (with padding for a BUY). NULL: denied, or older than the column.';
CREATE TRIGGER orders_notional_stays BEFORE UPDATE ON execution.orders
  FOR EACH ROW WHEN (OLD.notional IS DISTINCT FROM NEW.notional) EXECUTE FUNCTION portfolio.refuse_change();
-- Serves the orders of the last minute and the last few orders of an account, however many were denied in between.
CREATE INDEX orders_accepted_idx ON execution.orders (account_id, created_at DESC, id DESC) WHERE status <> 'DENIED';

-- Counters, so that a placement reads one row instead of all orders. Triggers keep them, in the statement that changes an
-- order and whoever runs it. Every such statement holds the account's row lock, so nobody waits here.
CREATE TABLE risk.open_exposure (
  account_id uuid NOT NULL REFERENCES portfolio.accounts (id),
  symbol text NOT NULL REFERENCES market.instruments (symbol),
  open_orders integer NOT NULL,
  open_buy_quantity numeric(38, 8) NOT NULL,
  PRIMARY KEY (account_id, symbol),
  CONSTRAINT open_exposure_open_orders_check CHECK (open_orders >= 0),
  CONSTRAINT open_exposure_open_buy_quantity_check CHECK (open_buy_quantity >= 0 AND open_buy_quantity <> 'NaN')
) WITH (fillfactor = 70);
CREATE INDEX open_exposure_symbol_idx ON risk.open_exposure (symbol);
COMMENT ON TABLE risk.open_exposure IS
  'Per account and symbol: how many orders have not ended, and how much their BUY orders may still buy.';

CREATE TABLE risk.daily_usage (
  account_id uuid NOT NULL REFERENCES portfolio.accounts (id),
  day date NOT NULL,
  ordered_notional numeric(38, 16) NOT NULL DEFAULT 0,
  realised numeric(38, 16) NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, day),
  CONSTRAINT daily_usage_ordered_notional_check CHECK (ordered_notional >= 0 AND ordered_notional <> 'NaN'),
  CONSTRAINT daily_usage_realised_check CHECK (realised <> 'NaN')
) WITH (fillfactor = 70);
COMMENT ON TABLE risk.daily_usage IS
  'Per account and UTC day: what its accepted orders were worth, and what it gained (or lost, negative) on what it sold.';
COMMENT ON COLUMN risk.daily_usage.realised IS
  'Change of cash + reserved + cost of positions that neither a deposit nor a transfer explains: profit by average cost, after fees.';

ALTER TABLE portfolio.transfers
  ADD COLUMN cost numeric(38, 16) NOT NULL DEFAULT 0,
  ADD CONSTRAINT transfers_cost_check CHECK (cost <> 'NaN');
COMMENT ON COLUMN portfolio.transfers.cost IS 'What the holdings had cost where they came from: no profit when they arrive.';

INSERT INTO risk.open_exposure (account_id, symbol, open_orders, open_buy_quantity)
SELECT account_id, symbol, count(*), coalesce(sum(quantity - filled_quantity) FILTER (WHERE side = 'BUY'), 0)
FROM execution.orders WHERE status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED')
GROUP BY account_id, symbol;
-- What was gained before this day counts to the day before: no limit of today is held against it.
INSERT INTO risk.daily_usage (account_id, day, realised)
SELECT a.id, (now() AT TIME ZONE 'UTC')::date - 1, a.cash + a.reserved + coalesce(p.cost, 0) - coalesce(d.amount, 0)
FROM portfolio.accounts a
LEFT JOIN (SELECT account_id, sum(cost) AS cost FROM portfolio.positions GROUP BY account_id) p ON p.account_id = a.id
LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM portfolio.deposits GROUP BY account_id) d ON d.account_id = a.id;

CREATE FUNCTION risk.count_new_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO risk.open_exposure AS e (account_id, symbol, open_orders, open_buy_quantity)
  SELECT account_id, symbol, count(*), coalesce(sum(quantity - filled_quantity) FILTER (WHERE side = 'BUY'), 0)
  FROM placed WHERE status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED')
  GROUP BY account_id, symbol ORDER BY account_id, symbol
  ON CONFLICT (account_id, symbol) DO UPDATE
  SET open_orders = e.open_orders + EXCLUDED.open_orders,
    open_buy_quantity = e.open_buy_quantity + EXCLUDED.open_buy_quantity;
  INSERT INTO risk.daily_usage AS u (account_id, day, ordered_notional)
  SELECT account_id, (created_at AT TIME ZONE 'UTC')::date AS day, sum(notional)
  FROM placed WHERE status <> 'DENIED' AND notional IS NOT NULL
  GROUP BY account_id, day ORDER BY account_id, day
  ON CONFLICT (account_id, day) DO UPDATE SET ordered_notional = u.ordered_notional + EXCLUDED.ordered_notional;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION risk.count_new_orders() IS 'Counts accepted orders, by account and symbol, and by account and day.';
CREATE TRIGGER orders_count_new AFTER INSERT ON execution.orders
  REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION risk.count_new_orders();

CREATE FUNCTION risk.count_changed_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE risk.open_exposure e
  SET open_orders = e.open_orders + d.orders, open_buy_quantity = e.open_buy_quantity + d.buy_quantity
  FROM (
    SELECT account_id, symbol, sum(sign) AS orders,
      coalesce(sum(sign * (quantity - filled_quantity)) FILTER (WHERE side = 'BUY'), 0) AS buy_quantity
    FROM (SELECT 1 AS sign, n.* FROM after_change n UNION ALL SELECT -1 AS sign, o.* FROM before_change o) changed
    WHERE status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED')
    GROUP BY account_id, symbol
  ) d
  WHERE e.account_id = d.account_id AND e.symbol = d.symbol AND (d.orders <> 0 OR d.buy_quantity <> 0);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION risk.count_changed_orders() IS 'Takes what was filled or has ended out of the counters of open orders.';
CREATE TRIGGER orders_count_changed AFTER UPDATE ON execution.orders
  REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change
  FOR EACH STATEMENT EXECUTE FUNCTION risk.count_changed_orders();

-- A fill moves cash and cost together: what does not cancel out is the day's profit or loss.
CREATE FUNCTION risk.add_realised(account uuid, amount numeric) RETURNS void LANGUAGE sql
  BEGIN ATOMIC
    INSERT INTO risk.daily_usage AS u (account_id, day, realised)
    VALUES (account, (now() AT TIME ZONE 'UTC')::date, amount)
    ON CONFLICT (account_id, day) DO UPDATE SET realised = u.realised + EXCLUDED.realised;
  END;
COMMENT ON FUNCTION risk.add_realised(uuid, numeric) IS 'Books a profit, or a negative one, to the account''s UTC day.';

CREATE FUNCTION risk.book_value_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  CASE TG_TABLE_NAME
    WHEN 'accounts' THEN PERFORM risk.add_realised(NEW.id, NEW.cash + NEW.reserved - OLD.cash - OLD.reserved);
    WHEN 'positions' THEN
      PERFORM risk.add_realised(NEW.account_id, NEW.cost - CASE TG_OP WHEN 'UPDATE' THEN OLD.cost ELSE 0 END);
    WHEN 'deposits' THEN PERFORM risk.add_realised(NEW.account_id, -NEW.amount);
    WHEN 'transfers' THEN PERFORM risk.add_realised(NEW.account_id, -NEW.cost);
  END CASE;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION risk.book_value_change() IS
  'Adds what changes cash or cost to the day''s profit, and takes out what came from outside.';
CREATE TRIGGER accounts_book_value AFTER UPDATE ON portfolio.accounts
  FOR EACH ROW WHEN (OLD.cash + OLD.reserved <> NEW.cash + NEW.reserved) EXECUTE FUNCTION risk.book_value_change();
CREATE TRIGGER positions_book_value AFTER UPDATE ON portfolio.positions
  FOR EACH ROW WHEN (OLD.cost <> NEW.cost) EXECUTE FUNCTION risk.book_value_change();
CREATE TRIGGER positions_book_value_of_new AFTER INSERT ON portfolio.positions
  FOR EACH ROW WHEN (NEW.cost <> 0) EXECUTE FUNCTION risk.book_value_change();
CREATE TRIGGER deposits_book_value AFTER INSERT ON portfolio.deposits
  FOR EACH ROW EXECUTE FUNCTION risk.book_value_change();
CREATE TRIGGER transfers_book_value AFTER INSERT ON portfolio.transfers
  FOR EACH ROW WHEN (NEW.cost <> 0) EXECUTE FUNCTION risk.book_value_change();

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TRIGGER transfers_book_value ON portfolio.transfers;
DROP TRIGGER deposits_book_value ON portfolio.deposits;
DROP TRIGGER positions_book_value_of_new ON portfolio.positions;
DROP TRIGGER positions_book_value ON portfolio.positions;
DROP TRIGGER accounts_book_value ON portfolio.accounts;
DROP FUNCTION risk.book_value_change();
DROP FUNCTION risk.add_realised(uuid, numeric);
DROP TRIGGER orders_count_changed ON execution.orders;
DROP FUNCTION risk.count_changed_orders();
DROP TRIGGER orders_count_new ON execution.orders;
DROP FUNCTION risk.count_new_orders();
DROP TABLE risk.daily_usage;
DROP TABLE risk.open_exposure;
ALTER TABLE portfolio.transfers DROP CONSTRAINT transfers_cost_check, DROP COLUMN cost;
DROP INDEX execution.orders_accepted_idx;
DROP TRIGGER orders_notional_stays ON execution.orders;
ALTER TABLE execution.orders DROP CONSTRAINT orders_notional_check, DROP COLUMN notional;
DROP TRIGGER limits_refuse_truncate ON risk.limits;
DROP TRIGGER limits_record_change ON risk.limits;
DROP FUNCTION risk.record_limit_change();
DROP TABLE risk.limit_changes;
-- A row that says nothing about the one limit of the earlier table cannot be told in it.
DELETE FROM risk.limits WHERE max_order_notional IS NULL;
ALTER TABLE risk.limits
  DROP CONSTRAINT limits_restricted_symbols_check,
  DROP CONSTRAINT limits_allowed_modes_check,
  DROP CONSTRAINT limits_fat_finger_multiple_check,
  DROP CONSTRAINT limits_price_collar_bps_check,
  DROP CONSTRAINT limits_max_orders_per_minute_check,
  DROP CONSTRAINT limits_max_open_orders_check,
  DROP CONSTRAINT limits_max_daily_loss_check,
  DROP CONSTRAINT limits_max_position_notional_check,
  DROP CONSTRAINT limits_max_daily_notional_check,
  DROP COLUMN restricted_symbols,
  DROP COLUMN allowed_modes,
  DROP COLUMN fat_finger_multiple,
  DROP COLUMN price_collar_bps,
  DROP COLUMN max_orders_per_minute,
  DROP COLUMN max_open_orders,
  DROP COLUMN max_daily_loss,
  DROP COLUMN max_position_notional,
  DROP COLUMN max_daily_notional,
  ALTER COLUMN max_order_notional SET NOT NULL;
COMMENT ON COLUMN risk.limits.max_order_notional IS NULL;
COMMENT ON TABLE risk.limits IS
  'Limits per account; the row without an account is everybody''s default. The service''s own ceiling still applies.';
