-- Pausing the execution of resting orders: who did it, when and why.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE execution.processing_pauses (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  paused boolean NOT NULL,
  reason text NOT NULL,
  changed_by text NOT NULL DEFAULT session_user,
  changed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT processing_pauses_reason_check CHECK (length(btrim(reason)) BETWEEN 1 AND 500),
  CONSTRAINT processing_pauses_changed_by_check CHECK (length(btrim(changed_by)) BETWEEN 1 AND 200)
);
CREATE TRIGGER processing_pauses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON execution.processing_pauses
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE execution.processing_pauses IS
  'Append-only: the newest row says whether resting orders are executed and expired. Without a row they are.';
GRANT SELECT, INSERT ON execution.processing_pauses TO order_service;

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TABLE execution.processing_pauses;
