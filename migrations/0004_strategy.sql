-- Automated strategies.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA strategy;

CREATE TABLE strategy.strategies (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES portfolio.accounts (id),
  name text NOT NULL,
  status text NOT NULL DEFAULT 'STOPPED',
  status_reason text NOT NULL DEFAULT 'created',
  status_changed_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT strategies_account_name_key UNIQUE (account_id, name),
  CONSTRAINT strategies_name_check CHECK (length(name) BETWEEN 1 AND 200),
  CONSTRAINT strategies_status_check CHECK (status IN ('RUNNING', 'STOPPED'))
);
CREATE INDEX strategies_status_idx ON strategy.strategies (status);
COMMENT ON TABLE strategy.strategies IS
  'Automated strategies. None is RUNNING while the kill switch is engaged.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TABLE strategy.strategies;
DROP SCHEMA strategy;
