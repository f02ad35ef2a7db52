-- What a fill costs: a rate per symbol, agreed with each order when it is placed.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE market.instruments
  ADD COLUMN taker_fee_bps numeric(8, 4) NOT NULL DEFAULT 0,
  ADD CONSTRAINT instruments_taker_fee_bps_check CHECK (taker_fee_bps BETWEEN 0 AND 1000);
COMMENT ON COLUMN market.instruments.taker_fee_bps IS
  'What a fill costs, in basis points of its notional. Orders take it over when they are placed; a change is for later ones.';

ALTER TABLE execution.orders
  ADD COLUMN fee_bps numeric(8, 4) NOT NULL DEFAULT 0,
  ADD CONSTRAINT orders_fee_bps_check CHECK (fee_bps BETWEEN 0 AND 1000);
COMMENT ON COLUMN execution.orders.fee_bps IS
  'The rate that was agreed when the order was placed. The reservation of a BUY includes it, so it never changes.';

-- The rounding rule, here and in service/src/domain/fees.ts, and a test holds the two together: a fee has eight decimals
-- and what is beyond them is dropped, so that many partial fills never cost more than the one that was reserved for.
CREATE FUNCTION execution.fee(notional numeric, bps numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN trunc(notional * bps * 0.0001, 8);
COMMENT ON FUNCTION execution.fee(numeric, numeric) IS 'The fee of a fill: bps basis points of its notional, cut off after eight decimals.';

CREATE FUNCTION execution.refuse_other_fee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'order %: the fee that was agreed cannot change', OLD.id
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'order_transitions';
END
$$;
COMMENT ON FUNCTION execution.refuse_other_fee() IS 'Trigger that keeps the fee of an order as it was agreed.';
CREATE TRIGGER orders_keep_fee BEFORE UPDATE OF fee_bps ON execution.orders
  FOR EACH ROW WHEN (NEW.fee_bps IS DISTINCT FROM OLD.fee_bps) EXECUTE FUNCTION execution.refuse_other_fee();

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TRIGGER orders_keep_fee ON execution.orders;
DROP FUNCTION execution.refuse_other_fee();
DROP FUNCTION execution.fee(numeric, numeric);
ALTER TABLE execution.orders DROP COLUMN fee_bps;
ALTER TABLE market.instruments DROP COLUMN taker_fee_bps;
