-- The life of an order: DAY and IOC, executions that failed, reports that contradict what is known.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE execution.orders
  ADD COLUMN retry_at timestamptz,
  DROP CONSTRAINT orders_time_in_force_check,
  DROP CONSTRAINT orders_expire_at_check,
  ADD CONSTRAINT orders_time_in_force_check CHECK (time_in_force IN ('GTC', 'DAY', 'GTD', 'IOC')),
  ADD CONSTRAINT orders_expire_at_check CHECK ((time_in_force IN ('DAY', 'GTD')) = (expire_at IS NOT NULL));
COMMENT ON COLUMN execution.orders.retry_at IS
  'Until then the limit processor leaves the order alone: its last execution failed, as the event EXECUTION_FAILED says.';

-- A report of the venue may overtake the answer to the submission; a failed execution leaves the order as it was.
INSERT INTO execution.order_transitions (from_status, to_status) VALUES
  ('SUBMITTING', 'CANCELED'), ('SUBMITTING', 'EXPIRED'), ('OPEN', 'OPEN');

-- Price-time priority: the index gives a SELL its place among equal prices, the second one a BUY.
DROP INDEX execution.orders_resting_idx;
CREATE INDEX orders_resting_idx ON execution.orders (symbol, side, price, created_at, id)
  WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER';
CREATE INDEX orders_resting_buys_idx ON execution.orders (symbol, price DESC, created_at, id)
  WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER' AND side = 'BUY';
-- Orders that the next cycle looks at whatever the quotes say. Few at any time: none of them outlives that cycle.
CREATE INDEX orders_immediate_idx ON execution.orders (created_at, id)
  WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER' AND (time_in_force = 'IOC' OR type = 'MARKET');

-- Orders whose time is over and that have not ended yet: the ended ones are many, and past their time for ever.
CREATE INDEX orders_due_idx ON execution.orders (expire_at)
  WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER' AND expire_at IS NOT NULL;

CREATE TABLE execution.quarantined_reports (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id uuid REFERENCES execution.orders (id),
  report_key text NOT NULL,
  reason text NOT NULL,
  report jsonb NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  resolved_at timestamptz,
  resolution text,
  CONSTRAINT quarantined_reports_report_key_key UNIQUE (report_key),
  CONSTRAINT quarantined_reports_report_key_check CHECK (length(report_key) BETWEEN 1 AND 500),
  CONSTRAINT quarantined_reports_reason_check CHECK (reason IN ('UNKNOWN_ORDER', 'CONTRADICTS_STATE', 'OVERFILL',
    'CONFLICTING_FILL', 'INSUFFICIENT_CASH', 'INSUFFICIENT_SHARES', 'NOT_BOOKABLE')),
  CONSTRAINT quarantined_reports_order_check CHECK ((reason = 'UNKNOWN_ORDER') = (order_id IS NULL)),
  CONSTRAINT quarantined_reports_report_check CHECK (jsonb_typeof(report) = 'object'),
  CONSTRAINT quarantined_reports_resolved_check CHECK ((resolved_at IS NULL) = (resolution IS NULL)),
  CONSTRAINT quarantined_reports_resolution_check CHECK (length(btrim(resolution)) BETWEEN 1 AND 500)
);
CREATE INDEX quarantined_reports_order_id_idx ON execution.quarantined_reports (order_id);
CREATE INDEX quarantined_reports_unresolved_idx ON execution.quarantined_reports (received_at) WHERE resolved_at IS NULL;
COMMENT ON TABLE execution.quarantined_reports IS
  'Reports that could not be booked: beyond the quantity, against the state, or unpaid for. None is dropped; a person or a later delivery resolves each.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TABLE execution.quarantined_reports;
DROP INDEX execution.orders_due_idx;
DROP INDEX execution.orders_immediate_idx;
DROP INDEX execution.orders_resting_buys_idx;
DROP INDEX execution.orders_resting_idx;
CREATE INDEX orders_resting_idx ON execution.orders (symbol, side, price)
  WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER';
DELETE FROM execution.order_transitions WHERE (from_status, to_status) IN (
  ('SUBMITTING', 'CANCELED'), ('SUBMITTING', 'EXPIRED'), ('OPEN', 'OPEN'));
ALTER TABLE execution.orders
  DROP CONSTRAINT orders_expire_at_check,
  DROP CONSTRAINT orders_time_in_force_check,
  DROP COLUMN retry_at,
  ADD CONSTRAINT orders_time_in_force_check CHECK (time_in_force IN ('GTC', 'GTD')),
  ADD CONSTRAINT orders_expire_at_check CHECK ((time_in_force = 'GTD') = (expire_at IS NOT NULL));
