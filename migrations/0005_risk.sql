-- Risk limits and the kill switch.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA risk;

CREATE TABLE risk.limits (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id uuid REFERENCES portfolio.accounts (id),
  max_order_notional numeric(38, 16) NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT limits_account_id_key UNIQUE NULLS NOT DISTINCT (account_id),
  CONSTRAINT limits_max_order_notional_check CHECK (max_order_notional > 0 AND max_order_notional <> 'NaN')
);
COMMENT ON TABLE risk.limits IS
  'Limits per account; the row without an account is everybody''s default. The service''s own ceiling still applies.';

CREATE TABLE risk.kill_switch (
  only_row boolean PRIMARY KEY DEFAULT true,
  state text NOT NULL,
  reason text NOT NULL,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  version bigint NOT NULL DEFAULT 1,
  CONSTRAINT kill_switch_only_row_check CHECK (only_row),
  CONSTRAINT kill_switch_state_check CHECK (state IN ('ACTIVE', 'REDUCING', 'HALTED')),
  CONSTRAINT kill_switch_reason_check CHECK (length(btrim(reason)) BETWEEN 1 AND 500),
  CONSTRAINT kill_switch_changed_by_check CHECK (length(btrim(changed_by)) BETWEEN 1 AND 200)
);
COMMENT ON TABLE risk.kill_switch IS
  'One row. ACTIVE: trading is on. REDUCING and HALTED: no new order is taken; fills of resting orders go on.';

CREATE TABLE risk.kill_switch_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version bigint NOT NULL,
  from_state text,
  to_state text NOT NULL,
  reason text NOT NULL,
  changed_by text NOT NULL,
  database_user text NOT NULL DEFAULT session_user,
  at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT kill_switch_events_version_key UNIQUE (version)
);
CREATE TRIGGER kill_switch_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON risk.kill_switch_events
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE risk.kill_switch_events IS
  'Every change of the kill switch, written by its trigger, so that a change typed by hand is recorded too.';

-- Placements hold the shared side of this advisory lock until they commit. Waiting for the exclusive side, before the
-- new state is written, means: once an activation has committed, no placement that saw ACTIVE is still to commit.
-- The two numbers are repeated in service/src/db/place-order.ts.
CREATE FUNCTION risk.kill_switch_wait_for_placements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1802071148, 1);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION risk.kill_switch_wait_for_placements() IS 'Lets placements in flight commit before the switch changes.';

CREATE FUNCTION risk.kill_switch_refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the kill switch row cannot be removed: update its state'
    USING ERRCODE = 'integrity_constraint_violation';
END
$$;
COMMENT ON FUNCTION risk.kill_switch_refuse_removal() IS 'Keeps the one row of the kill switch.';

CREATE FUNCTION risk.kill_switch_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.changed_at := clock_timestamp();
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION risk.kill_switch_stamp() IS 'Numbers and dates every change of the kill switch.';

CREATE FUNCTION risk.kill_switch_record() RETURNS trigger LANGUAGE plpgsql AS $$
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
COMMENT ON FUNCTION risk.kill_switch_record() IS 'Writes the event of every change, and stops all strategies when trading stops.';

CREATE TRIGGER kill_switch_wait_for_placements BEFORE UPDATE ON risk.kill_switch
  FOR EACH STATEMENT EXECUTE FUNCTION risk.kill_switch_wait_for_placements();
CREATE TRIGGER kill_switch_refuse_removal BEFORE DELETE OR TRUNCATE ON risk.kill_switch
  FOR EACH STATEMENT EXECUTE FUNCTION risk.kill_switch_refuse_removal();
CREATE TRIGGER kill_switch_stamp BEFORE UPDATE ON risk.kill_switch
  FOR EACH ROW EXECUTE FUNCTION risk.kill_switch_stamp();
CREATE TRIGGER kill_switch_record AFTER INSERT OR UPDATE ON risk.kill_switch
  FOR EACH ROW EXECUTE FUNCTION risk.kill_switch_record();

INSERT INTO risk.kill_switch (state, reason, changed_by) VALUES ('ACTIVE', 'initial state', 'migration');

-- A strategy cannot be started behind the switch's back. The shared lock orders the start against an activation; it is
-- taken by the statement, before any row is locked, so that the two cannot wait for each other.
CREATE FUNCTION strategy.wait_for_kill_switch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1802071148, 1);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION strategy.wait_for_kill_switch() IS 'Lets a change of the kill switch commit before a strategy changes.';

CREATE FUNCTION strategy.refuse_running_while_engaged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM risk.kill_switch WHERE state = 'ACTIVE') THEN
    RAISE EXCEPTION 'no strategy runs while the kill switch is engaged'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION strategy.refuse_running_while_engaged() IS 'Refuses RUNNING while the kill switch is engaged.';

CREATE TRIGGER strategies_wait_for_kill_switch BEFORE INSERT OR UPDATE ON strategy.strategies
  FOR EACH STATEMENT EXECUTE FUNCTION strategy.wait_for_kill_switch();
CREATE TRIGGER strategies_refuse_running_while_engaged BEFORE INSERT OR UPDATE ON strategy.strategies
  FOR EACH ROW WHEN (NEW.status = 'RUNNING') EXECUTE FUNCTION strategy.refuse_running_while_engaged();

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TRIGGER strategies_refuse_running_while_engaged ON strategy.strategies;
DROP TRIGGER strategies_wait_for_kill_switch ON strategy.strategies;
DROP FUNCTION strategy.refuse_running_while_engaged();
DROP FUNCTION strategy.wait_for_kill_switch();
DROP TABLE risk.kill_switch;
DROP FUNCTION risk.kill_switch_record();
DROP FUNCTION risk.kill_switch_stamp();
DROP FUNCTION risk.kill_switch_refuse_removal();
DROP FUNCTION risk.kill_switch_wait_for_placements();
DROP TABLE risk.kill_switch_events;
DROP TABLE risk.limits;
DROP SCHEMA risk;
