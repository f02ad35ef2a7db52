-- The kill switch in Redis too: where each change came from, and that Redis was once told to remember.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE risk.kill_switch_events
  ADD COLUMN source text NOT NULL DEFAULT 'database',
  ADD COLUMN stated_at timestamptz,
  ADD CONSTRAINT kill_switch_events_source_check CHECK (source IN ('database', 'api', 'redis', 'service'));
COMMENT ON COLUMN risk.kill_switch_events.source IS
  'database: a statement typed by hand. api: an operator''s request. redis: an operator''s SET or DEL there. service: the service itself, as Redis was lost.';
COMMENT ON COLUMN risk.kill_switch_events.stated_at IS
  'When the operator says to have done it (activatedAt in Redis); `at` is when it was recorded here.';

CREATE TABLE risk.kill_switch_mirror (
  only_row boolean PRIMARY KEY DEFAULT true,
  initialised_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT kill_switch_mirror_only_row_check CHECK (only_row)
);
COMMENT ON TABLE risk.kill_switch_mirror IS
  'One row once a Redis has been given its sentinel. From then on a Redis without it has lost its memory.';

-- The two settings live as long as the transaction that sets them, so that a change typed by hand has neither.
CREATE OR REPLACE FUNCTION risk.kill_switch_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO risk.kill_switch_events (version, from_state, to_state, reason, changed_by, at, source, stated_at)
  VALUES (NEW.version, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state, NEW.reason, NEW.changed_by, NEW.changed_at,
    coalesce(nullif(current_setting('kill_switch.source', true), ''), 'database'),
    nullif(current_setting('kill_switch.stated_at', true), '')::timestamptz);
  IF NEW.state <> 'ACTIVE' THEN
    UPDATE strategy.strategies
    SET status = 'STOPPED', status_reason = 'kill switch: ' || NEW.reason, status_changed_at = NEW.changed_at
    WHERE status = 'RUNNING';
  END IF;
  RETURN NULL;
END
$$;

CREATE TABLE strategy.strategy_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  strategy_id uuid NOT NULL REFERENCES strategy.strategies (id),
  from_status text,
  to_status text NOT NULL,
  reason text NOT NULL,
  database_user text NOT NULL DEFAULT session_user,
  at timestamptz NOT NULL,
  CONSTRAINT strategy_events_to_status_check CHECK (to_status IN ('RUNNING', 'STOPPED'))
);
CREATE INDEX strategy_events_strategy_id_idx ON strategy.strategy_events (strategy_id);
CREATE TRIGGER strategy_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON strategy.strategy_events
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE strategy.strategy_events IS
  'Append-only: every start and stop of a strategy, written by its trigger, whoever or whatever stopped it.';

CREATE FUNCTION strategy.record_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO strategy.strategy_events (strategy_id, from_status, to_status, reason, at)
  VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status, NEW.status_reason, clock_timestamp());
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION strategy.record_status() IS 'Writes the event of every change of a strategy''s status.';
CREATE TRIGGER strategies_record_insert AFTER INSERT ON strategy.strategies
  FOR EACH ROW EXECUTE FUNCTION strategy.record_status();
CREATE TRIGGER strategies_record_update AFTER UPDATE ON strategy.strategies
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION strategy.record_status();

COMMENT ON TABLE risk.kill_switch IS
  'One row. ACTIVE: trading is on. REDUCING: only orders that reduce a position are taken. HALTED: none. Fills and cancels go on.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

COMMENT ON TABLE risk.kill_switch IS
  'One row. ACTIVE: trading is on. REDUCING and HALTED: no new order is taken; fills of resting orders go on.';
DROP TRIGGER strategies_record_update ON strategy.strategies;
DROP TRIGGER strategies_record_insert ON strategy.strategies;
DROP FUNCTION strategy.record_status();
DROP TABLE strategy.strategy_events;

CREATE OR REPLACE FUNCTION risk.kill_switch_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO risk.kill_switch_events (version, from_state, to_state, reason, changed_by, at)
  VALUES (NEW.version, CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state, NEW.reason, NEW.changed_by, NEW.changed_at);
  IF NEW.state <> 'ACTIVE' THEN
    UPDATE strategy.strategies
    SET status = 'STOPPED', status_reason = 'kill switch: ' || NEW.reason, status_changed_at = NEW.changed_at
    WHERE status = 'RUNNING';
  END IF;
  RETURN NULL;
END
$$;

DROP TABLE risk.kill_switch_mirror;
ALTER TABLE risk.kill_switch_events
  DROP CONSTRAINT kill_switch_events_source_check,
  DROP COLUMN stated_at,
  DROP COLUMN source;
