-- The role that the service connects as: it owns nothing, makes nothing, and takes nothing back that has to stay.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- A role belongs to the whole cluster: another database may have it already, or be about to make it. Whoever runs the
-- migrations and may make no roles is given it beforehand, with these three settings. How it logs in is not said here.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'order_service') THEN
    CREATE ROLE order_service NOLOGIN;
    COMMENT ON ROLE order_service IS 'What the order service connects as. It owns nothing.';
    -- What holds when a client sets nothing of its own. The service's pools set shorter ones.
    ALTER ROLE order_service SET statement_timeout = '30s';
    ALTER ROLE order_service SET lock_timeout = '10s';
    ALTER ROLE order_service SET idle_in_transaction_session_timeout = '60s';
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  RAISE NOTICE 'order_service was made at the same time by another migration';
END
$$;

GRANT USAGE ON SCHEMA access, market, portfolio, strategy, risk, execution, workers TO order_service;
GRANT SELECT ON ALL TABLES IN SCHEMA access, market, portfolio, strategy, risk, execution, workers TO order_service;

-- Append-only: there is a right to add, and none to change or to take away.
GRANT INSERT ON execution.order_events, execution.fills, execution.reconciliation_runs, execution.reconciliation_findings,
  portfolio.ledger, portfolio.activity, risk.kill_switch_events, risk.limit_changes, strategy.strategy_events,
  access.lockout_events TO order_service;

-- What changes as orders live. Keys, accounts, deposits, transfers, instruments and strategies are made by whoever owns them.
GRANT UPDATE ON access.api_keys, portfolio.accounts, strategy.strategies, risk.kill_switch TO order_service;
GRANT INSERT, UPDATE ON market.quotes, market.reference_quotes, portfolio.positions, portfolio.webhook_deliveries,
  risk.limits, risk.kill_switch_mirror, risk.open_exposure, risk.daily_usage, execution.orders,
  execution.portfolio_events_outbox, execution.quarantined_reports, execution.processing_cycles, workers.leases
  TO order_service;
-- Rows that mean nothing any more after their time. Claiming them FOR UPDATE takes the right to update.
GRANT INSERT, UPDATE, DELETE ON access.auth_failures, execution.idempotency_keys, workers.workers TO order_service;

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- The role stays: other databases of the cluster may have granted it something.
REVOKE ALL ON ALL TABLES IN SCHEMA access, market, portfolio, strategy, risk, execution, workers FROM order_service;
REVOKE USAGE ON SCHEMA access, market, portfolio, strategy, risk, execution, workers FROM order_service;
