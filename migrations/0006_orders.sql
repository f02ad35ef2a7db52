-- Orders, their state machine, and their events.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA execution;

CREATE TABLE execution.order_transitions (
  from_status text NOT NULL,
  to_status text NOT NULL,
  PRIMARY KEY (from_status, to_status)
);
COMMENT ON TABLE execution.order_transitions IS
  'Every move that an order may make; the trigger on execution.orders refuses the rest. Equal to the table in domain/order.ts.';
INSERT INTO execution.order_transitions (from_status, to_status) VALUES
  ('PENDING', 'SUBMITTING'), ('PENDING', 'CANCELED'), ('PENDING', 'EXPIRED'),
  ('SUBMITTING', 'OPEN'), ('SUBMITTING', 'UNKNOWN'), ('SUBMITTING', 'REJECTED'),
  ('SUBMITTING', 'PARTIALLY_FILLED'), ('SUBMITTING', 'FILLED'),
  ('UNKNOWN', 'OPEN'), ('UNKNOWN', 'PARTIALLY_FILLED'), ('UNKNOWN', 'FILLED'),
  ('UNKNOWN', 'REJECTED'), ('UNKNOWN', 'CANCELED'), ('UNKNOWN', 'EXPIRED'),
  ('OPEN', 'PARTIALLY_FILLED'), ('OPEN', 'FILLED'), ('OPEN', 'PENDING_CANCEL'), ('OPEN', 'CANCELED'), ('OPEN', 'EXPIRED'),
  ('PARTIALLY_FILLED', 'PARTIALLY_FILLED'), ('PARTIALLY_FILLED', 'FILLED'), ('PARTIALLY_FILLED', 'PENDING_CANCEL'),
  ('PARTIALLY_FILLED', 'CANCELED'), ('PARTIALLY_FILLED', 'EXPIRED'),
  ('PENDING_CANCEL', 'OPEN'), ('PENDING_CANCEL', 'PARTIALLY_FILLED'), ('PENDING_CANCEL', 'PENDING_CANCEL'),
  ('PENDING_CANCEL', 'FILLED'), ('PENDING_CANCEL', 'CANCELED'), ('PENDING_CANCEL', 'EXPIRED'),
  ('CANCELED', 'CANCELED'), ('CANCELED', 'FILLED'),
  ('EXPIRED', 'EXPIRED'), ('EXPIRED', 'FILLED'),
  ('REJECTED', 'REJECTED'), ('REJECTED', 'FILLED');

CREATE TABLE execution.orders (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES portfolio.accounts (id),
  client_order_id text NOT NULL,
  symbol text NOT NULL REFERENCES market.instruments (symbol),
  side text NOT NULL,
  type text NOT NULL,
  quantity numeric(20, 8) NOT NULL,
  price numeric(20, 8),
  mode text NOT NULL,
  time_in_force text NOT NULL,
  expire_at timestamptz,
  status text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  filled_quantity numeric(20, 8) NOT NULL DEFAULT 0,
  average_fill_price numeric(38, 16),
  reserved_cash numeric(38, 16) NOT NULL DEFAULT 0,
  reserved_quantity numeric(20, 8) NOT NULL DEFAULT 0,
  denial_reason text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT orders_client_order_id_check CHECK (client_order_id ~ '^[!-~]{1,64}$'),
  CONSTRAINT orders_side_check CHECK (side IN ('BUY', 'SELL')),
  CONSTRAINT orders_type_check CHECK (type IN ('LIMIT', 'MARKET')),
  CONSTRAINT orders_quantity_check CHECK (quantity > 0 AND quantity <> 'NaN'),
  CONSTRAINT orders_price_check CHECK ((type = 'LIMIT') = (price IS NOT NULL) AND price > 0 AND price <> 'NaN'),
  CONSTRAINT orders_mode_check CHECK (mode IN ('PAPER', 'LIVE')),
  CONSTRAINT orders_time_in_force_check CHECK (time_in_force IN ('GTC', 'GTD')),
  CONSTRAINT orders_expire_at_check CHECK ((time_in_force = 'GTD') = (expire_at IS NOT NULL)),
  CONSTRAINT orders_status_check CHECK (status IN ('PENDING', 'SUBMITTING', 'UNKNOWN', 'OPEN', 'PARTIALLY_FILLED',
    'PENDING_CANCEL', 'FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED')),
  CONSTRAINT orders_version_check CHECK (version >= 1),
  CONSTRAINT orders_filled_quantity_check CHECK (filled_quantity >= 0 AND filled_quantity <= quantity),
  CONSTRAINT orders_filled_status_check CHECK ((status = 'FILLED') = (filled_quantity = quantity)
    AND (status <> 'PARTIALLY_FILLED' OR filled_quantity > 0)),
  CONSTRAINT orders_average_fill_price_check CHECK ((filled_quantity > 0) = (average_fill_price IS NOT NULL)),
  CONSTRAINT orders_reserved_check CHECK (reserved_cash >= 0 AND reserved_quantity >= 0
    AND (side = 'BUY' OR reserved_cash = 0) AND (side = 'SELL' OR reserved_quantity = 0)),
  CONSTRAINT orders_terminal_reserves_nothing_check CHECK (
    status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED') OR (reserved_cash = 0 AND reserved_quantity = 0)),
  CONSTRAINT orders_denial_reason_check CHECK ((status = 'DENIED') = (denial_reason IS NOT NULL))
);
CREATE INDEX orders_status_idx ON execution.orders (status);
CREATE INDEX orders_expire_at_idx ON execution.orders (expire_at) WHERE expire_at IS NOT NULL;
CREATE INDEX orders_created_at_idx ON execution.orders (created_at);
CREATE INDEX orders_account_created_idx ON execution.orders (account_id, created_at DESC, id DESC);
CREATE INDEX orders_resting_idx ON execution.orders (symbol, side, price)
  WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER';
CREATE INDEX orders_symbol_idx ON execution.orders (symbol);
CREATE UNIQUE INDEX orders_client_order_id_key ON execution.orders (account_id, client_order_id) WHERE status <> 'DENIED';
COMMENT ON TABLE execution.orders IS
  'Orders as they stand. Folding execution.order_events by version gives the same row.';

CREATE TABLE execution.order_events (
  order_id uuid NOT NULL REFERENCES execution.orders (id),
  version integer NOT NULL,
  type text NOT NULL,
  from_status text,
  to_status text NOT NULL,
  data jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (order_id, version),
  CONSTRAINT order_events_state_key UNIQUE (order_id, version, to_status),
  CONSTRAINT order_events_first_check CHECK ((version = 1) = (from_status IS NULL)),
  CONSTRAINT order_events_data_check CHECK (jsonb_typeof(data) = 'object')
);
CREATE TRIGGER order_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON execution.order_events
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE execution.order_events IS
  'Append-only: one row per transition of an order, in the transaction of the transition.';

-- No change of state without its event: the check runs at commit, so that either may be written first.
ALTER TABLE execution.orders ADD CONSTRAINT orders_state_has_event FOREIGN KEY (id, version, status)
  REFERENCES execution.order_events (order_id, version, to_status) DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION execution.check_order_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status NOT IN ('PENDING', 'OPEN', 'DENIED') OR NEW.version <> 1 OR NEW.filled_quantity <> 0 THEN
    RAISE EXCEPTION 'an order cannot begin as % version %', NEW.status, NEW.version
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'order_transitions';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION execution.check_order_insert() IS 'An order begins PENDING, OPEN or DENIED, at version 1, unfilled.';

CREATE FUNCTION execution.check_order_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.account_id, NEW.client_order_id, NEW.symbol, NEW.side, NEW.type, NEW.quantity, NEW.mode,
      NEW.time_in_force, NEW.created_at, NEW.price, NEW.expire_at, NEW.denial_reason)
    IS DISTINCT FROM
     (OLD.id, OLD.account_id, OLD.client_order_id, OLD.symbol, OLD.side, OLD.type, OLD.quantity, OLD.mode,
      OLD.time_in_force, OLD.created_at, OLD.price, OLD.expire_at, OLD.denial_reason) THEN
    RAISE EXCEPTION 'order %: what was ordered cannot change', OLD.id
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'order_transitions';
  END IF;
  IF NEW.version <> OLD.version + 1 THEN
    RAISE EXCEPTION 'order %: version % does not follow %', OLD.id, NEW.version, OLD.version
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'order_transitions';
  END IF;
  IF NOT EXISTS (SELECT FROM execution.order_transitions t WHERE t.from_status = OLD.status AND t.to_status = NEW.status) THEN
    RAISE EXCEPTION 'order %: % cannot become %', OLD.id, OLD.status, NEW.status
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'order_transitions';
  END IF;
  IF NEW.filled_quantity < OLD.filled_quantity THEN
    RAISE EXCEPTION 'order %: a fill cannot be taken back', OLD.id
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'order_transitions';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION execution.check_order_update() IS
  'Every update is a transition: in execution.order_transitions, one version further, with nothing of the order itself changed.';

CREATE TRIGGER orders_check_insert BEFORE INSERT ON execution.orders
  FOR EACH ROW EXECUTE FUNCTION execution.check_order_insert();
CREATE TRIGGER orders_check_update BEFORE UPDATE ON execution.orders
  FOR EACH ROW EXECUTE FUNCTION execution.check_order_update();

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE execution.orders DROP CONSTRAINT orders_state_has_event;
DROP TABLE execution.order_events;
DROP TABLE execution.orders;
DROP FUNCTION execution.check_order_update();
DROP FUNCTION execution.check_order_insert();
DROP TABLE execution.order_transitions;
DROP SCHEMA execution;
