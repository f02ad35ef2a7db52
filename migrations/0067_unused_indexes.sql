-- Two indexes that no query reads: strategies are listed by account and id, and the newest run of the reconciliation is the
-- one with the highest id.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP INDEX strategy.strategies_status_idx;
DROP INDEX execution.reconciliation_runs_finished_at_idx;

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE INDEX reconciliation_runs_finished_at_idx ON execution.reconciliation_runs (finished_at);
CREATE INDEX strategies_status_idx ON strategy.strategies (status);
