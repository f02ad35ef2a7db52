-- Who works, who is alone at it, and what reconciliation found.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA workers;

CREATE TABLE workers.workers (
  instance uuid NOT NULL,
  name text NOT NULL,
  host text NOT NULL,
  process_id integer NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  step_started_at timestamptz,
  last_step_at timestamptz,
  steps bigint NOT NULL DEFAULT 0,
  failures_in_row integer NOT NULL DEFAULT 0,
  paused_until timestamptz,
  last_error text,
  PRIMARY KEY (instance, name),
  CONSTRAINT workers_name_check CHECK (name ~ '^[a-z][a-z-]{0,62}$'),
  CONSTRAINT workers_host_check CHECK (length(host) <= 255),
  CONSTRAINT workers_process_id_check CHECK (process_id > 0),
  CONSTRAINT workers_steps_check CHECK (steps >= 0 AND failures_in_row >= 0),
  CONSTRAINT workers_last_error_check CHECK (length(last_error) <= 100)
) WITH (fillfactor = 50);
CREATE INDEX workers_heartbeat_at_idx ON workers.workers (heartbeat_at);
COMMENT ON TABLE workers.workers IS
  'One row per worker of a running process, renewed every second. A row that ages belongs to a process that froze or died.';
COMMENT ON COLUMN workers.workers.step_started_at IS 'NULL between two steps.';
COMMENT ON COLUMN workers.workers.paused_until IS 'Set while its breaker is open: after three errors in a row it rests for five minutes.';
COMMENT ON COLUMN workers.workers.last_error IS 'The code of the last error, never its message.';

CREATE TABLE workers.leases (
  name text PRIMARY KEY,
  holder uuid NOT NULL,
  fence bigint NOT NULL DEFAULT 1,
  acquired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  CONSTRAINT leases_name_check CHECK (name ~ '^[a-z][a-z-]{0,62}$'),
  CONSTRAINT leases_fence_check CHECK (fence >= 1)
) WITH (fillfactor = 50);
COMMENT ON TABLE workers.leases IS
  'Work that only one process does at a time. fence grows with every new holder: what an earlier one still writes is refused.';

CREATE FUNCTION workers.hold_lease(wanted text, held_fence bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- The row stays locked until commit, so that nobody takes the lease over while its holder still writes.
  PERFORM FROM workers.leases WHERE name = wanted AND fence = held_fence AND expires_at > clock_timestamp() FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lease % is no longer held with fence %', wanted, held_fence USING ERRCODE = 'WL001';
  END IF;
END
$$;
COMMENT ON FUNCTION workers.hold_lease(text, bigint) IS
  'First in every transaction of exclusive work: a worker that froze and wakes after its lease may not write.';

CREATE TABLE execution.reconciliation_runs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cause text NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  looked_at bigint NOT NULL,
  actions integer NOT NULL,
  unresolved integer NOT NULL,
  CONSTRAINT reconciliation_runs_cause_check CHECK (cause IN ('boot', 'schedule', 'request')),
  CONSTRAINT reconciliation_runs_counts_check CHECK (looked_at >= 0 AND actions >= 0 AND unresolved >= 0)
);
CREATE INDEX reconciliation_runs_finished_at_idx ON execution.reconciliation_runs (finished_at);
CREATE TRIGGER reconciliation_runs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON execution.reconciliation_runs
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE execution.reconciliation_runs IS
  'Append-only: every comparison of the books, with its times. looked_at counts accounts, positions and orders.';
COMMENT ON COLUMN execution.reconciliation_runs.actions IS 'Differences that what is on record explains, and that were put right.';
COMMENT ON COLUMN execution.reconciliation_runs.unresolved IS 'Differences that nothing on record explains: a person must look.';

CREATE TABLE execution.reconciliation_findings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id bigint NOT NULL REFERENCES execution.reconciliation_runs (id),
  kind text NOT NULL,
  account_id uuid NOT NULL REFERENCES portfolio.accounts (id),
  symbol text REFERENCES market.instruments (symbol),
  order_id uuid REFERENCES execution.orders (id),
  repaired boolean NOT NULL,
  before numeric(38, 16),
  after numeric(38, 16),
  CONSTRAINT reconciliation_findings_kind_check CHECK (kind IN ('ACCOUNT_RESERVED', 'POSITION_RESERVED', 'POSITION_QUANTITY',
    'ORDER_FILLED', 'ORDER_STATE')),
  CONSTRAINT reconciliation_findings_repaired_check CHECK (NOT repaired OR (before IS NOT NULL AND after IS NOT NULL))
);
CREATE INDEX reconciliation_findings_run_id_idx ON execution.reconciliation_findings (run_id);
CREATE INDEX reconciliation_findings_account_id_idx ON execution.reconciliation_findings (account_id);
CREATE INDEX reconciliation_findings_symbol_idx ON execution.reconciliation_findings (symbol);
CREATE INDEX reconciliation_findings_order_id_idx ON execution.reconciliation_findings (order_id);
CREATE TRIGGER reconciliation_findings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON execution.reconciliation_findings
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE execution.reconciliation_findings IS
  'Append-only: each difference, with what stood there before and what was put there, or that it was left for a person.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TABLE execution.reconciliation_findings;
DROP TABLE execution.reconciliation_runs;
DROP FUNCTION workers.hold_lease(text, bigint);
DROP TABLE workers.leases;
DROP TABLE workers.workers;
DROP SCHEMA workers;
