/** What works without being asked, and on which schedule. */
import type { ConfigInput } from 'preflight';

export const workers: ConfigInput['workers'] = {
  heartbeats: 'SELECT name, heartbeat_at FROM workers.workers',
  expected: ['limit-processor', 'activity-projector', 'reconciler', 'idempotency-reaper'],
  breaker: {
    worker: 'limit-processor',
    break: 'ALTER TABLE market.quotes RENAME TO quotes_away',
    mend: 'ALTER TABLE market.quotes_away RENAME TO quotes',
    table: 'workers.workers',
    name: 'name',
    failures: 'failures_in_row',
    pausedUntil: 'paused_until',
    steps: 'steps',
    errorsInRow: 3,
    pauseSeconds: 300,
  },
};

export const outbox: ConfigInput['outbox'] = {
  table: 'execution.portfolio_events_outbox',
  key: 'id',
  waiting: 'processed_at IS NULL',
  ofExecution: "type = 'ORDER_FILLED'",
  arrivesIn: { table: 'portfolio.activity', event: 'event_id', write: 'order_id' },
};

export const reconciliation: ConfigInput['reconciliation'] = {
  disturb: 'UPDATE portfolio.accounts SET reserved = reserved + 1, cash = cash - 1 WHERE id = $1::uuid',
  table: 'portfolio.accounts',
  differences: `
    SELECT count(*) FROM portfolio.accounts a WHERE a.reserved <>
      (SELECT coalesce(sum(o.reserved_cash), 0) FROM execution.orders o WHERE o.account_id = a.id)`,
  runs: "SELECT id, actions, unresolved FROM execution.reconciliation_runs WHERE cause = 'boot'",
};

export const schedule: ConfigInput['schedule'] = {
  files: [
    { path: 'deploy/cron/crontab', kind: 'crontab' },
    { path: 'deploy/cron/vercel.json', kind: 'vercel' },
    { path: 'deploy/cron/process-orders.yml', kind: 'github' },
  ],
  calls: 'process-orders',
  session: { timeZone: 'America/New_York', opens: '09:30', closes: '16:00' },
  everyMinutes: 3,
  otherwiseEveryMinutes: 30,
  observed: {
    up: 'up{job="order-service"}',
    calls:
      'http_server_request_duration_seconds_count{http_request_method="POST", http_route="/api/trade/process-orders", http_response_status_code=~"200|202"}',
    failures: [
      {
        what: 'calls that the service could not answer',
        counter:
          'http_server_request_duration_seconds_count{http_request_method="POST", http_route="/api/trade/process-orders", http_response_status_code=~"5.."}',
      },
      { what: 'cycles that failed', counter: 'limit_processor_failed_cycles_total' },
    ],
  },
};

export const processing: ConfigInput['processing'] = {
  request: { method: 'POST', path: '/api/trade/process-orders' },
  keyVariables: ['ORDER_PROCESSING_API_KEY', 'ORDER_PROCESSING_API_KEY_NEXT'],
  ranStatus: 200,
  runningStatus: 202,
  executedField: 'executed',
  work: {
    method: 'POST',
    path: '/api/v1/orders',
    // A little above the ask of the seed.
    body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '65100.00', mode: 'PAPER' },
  },
  effects: 'SELECT order_id::text FROM execution.fills',
  effectsIn: 'execution.fills',
  health: { method: 'GET', path: '/api/trade/process-orders' },
  cycles: 'SELECT source, finished_at, error_code FROM execution.processing_cycles',
  cycleTable: { name: 'execution.processing_cycles', startedAt: 'started_at', finishedAt: 'finished_at' },
  lastCycleWithinSeconds: 600,
};

export const frozenWorker: ConfigInput['frozenWorker'] = {
  environment: { QUOTE_TIMEOUT_MS: '60000' },
  holder: `SELECT w.process_id, l.fence FROM workers.leases l JOIN workers.workers w ON w.instance = l.holder AND w.name = l.name
           WHERE l.name = 'quote-feed' AND l.expires_at > clock_timestamp()`,
  leaseMs: 10_000,
  // IDLE_IN_TRANSACTION_TIMEOUT_MS: a claim is the lock of a transaction.
  claimMs: 5_000,
  fence: 'workers.hold_lease(text, bigint)',
  refusal: '"lease_lost"',
};

const share = { symbol: 'AAPL', side: 'BUY', type: 'LIMIT', quantity: '1', mode: 'PAPER' };
const order = (body: object) => ({ method: 'POST' as const, path: '/api/v1/orders', body: { ...share, ...body } });

export const clock: ConfigInput['clock'] = {
  calendar: 'XNYS',
  // The seed asks 230.01 for a share.
  atOnce: order({ price: '231.00', timeInForce: 'IOC' }),
  waiting: order({ price: '231.00' }),
  untilTheClose: order({ price: '200.00', timeInForce: 'DAY' }),
  executions: 'SELECT order_id::text, extract(epoch FROM at) * 1000 FROM execution.fills',
  ages: [
    'worker_heartbeat_age_seconds',
    'portfolio_staleness_seconds',
    'reconciliation_age_seconds',
    'reconciliation_duration_seconds',
    'market_data_quote_age_seconds',
  ],
  durations: [
    {
      name: 'the age of an order at its last change',
      seconds: 'SELECT extract(epoch FROM updated_at - created_at) FROM execution.orders',
    },
    {
      name: 'the age of an order at its fill',
      seconds:
        'SELECT extract(epoch FROM f.at - o.created_at) FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id',
    },
    {
      name: 'the time from one event of an order to the next',
      seconds:
        'SELECT extract(epoch FROM at - lag(at) OVER (PARTITION BY order_id ORDER BY version)) FROM execution.order_events',
    },
    {
      name: 'the duration of a cycle',
      seconds: 'SELECT extract(epoch FROM finished_at - started_at) FROM execution.processing_cycles',
    },
    {
      name: 'the duration of a reconciliation',
      seconds: 'SELECT extract(epoch FROM finished_at - started_at) FROM execution.reconciliation_runs',
    },
  ],
  leases: 'SELECT name, holder::text, fence::text FROM workers.leases WHERE expires_at > clock_timestamp()',
};

export const poolExhausted: ConfigInput['poolExhausted'] = {
  hold: 'LOCK TABLE execution.orders IN SHARE ROW EXCLUSIVE MODE',
  environment: {
    LOCK_TIMEOUT_MS: '5000',
    STATEMENT_TIMEOUT_MS: '5000',
    QUERY_TIMEOUT_MS: '5500',
    REQUEST_TIMEOUT_MS: '6000',
  },
  // POOL_MAX, without those that look up keys.
  connections: 8,
  waiting: { metric: 'database_pool_waiting', labels: { pool: 'api' }, most: 100 },
  unbounded: {
    ...{
      POOL_QUEUE_MAX: '10000',
      POOL_CONNECTION_TIMEOUT_MS: '5000',
      POOL_WAIT_MAX_MS: '60000',
      IN_FLIGHT_MAX: '10000',
    },
  },
};

export const eventLoop: ConfigInput['eventLoop'] = {
  delay: { metric: 'process_event_loop_delay_seconds' },
  refused: { metric: 'requests_shed_total', labels: { cause: 'event-loop' } },
  unbounded: { EVENT_LOOP_DELAY_MAX_MS: '60000' },
};
