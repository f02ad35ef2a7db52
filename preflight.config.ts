import { defineConfig } from 'preflight';
import { FILL, HOT_QUERIES } from './service/src/db/hot-queries.ts';
import { INVARIANTS } from './service/src/db/invariants.ts';

/** What the seed prints, as far as it is used here. */
interface Seeded {
  traders: { key: string }[];
  viewer: string;
  operator: string;
  admin: string;
  limited: { key: string; accountId: string };
}

/** What any key may read. Whoever answers for all accounts names the one that is meant. */
const reads = (account = '') => [
  `GET /api/v1/orders${account}`,
  'GET /api/v1/orders/{id}',
  'GET /api/v1/orders/{id}/events',
  `GET /api/v1/portfolio${account}`,
  `GET /api/v1/fills${account}`,
  `GET /api/v1/activity${account}`,
  'GET /api/v1/kill-switch',
  'GET /api/v1/processing',
  'GET /api/v1/risk/limits',
  'GET /api/v1/strategies',
];
const ofAccount = '?accountId={account}';
const trades = ['POST /api/v1/orders', 'POST /api/v1/orders/{id}/cancel', 'POST /api/v1/risk/check'];
const strategies = ['POST /api/v1/strategies/{id}/start', 'POST /api/v1/strategies/{id}/stop'];
const operates = [
  'PUT /api/v1/kill-switch',
  'PUT /api/v1/risk/limits',
  'GET /api/v1/access/lockouts',
  'POST /api/v1/access/lockouts/clear',
  'PUT /api/v1/processing',
  'POST /api/v1/reconciliation',
  'POST /api/v1/operations/orders/{id}/resolve',
];

/** What happened: rows are added, and nothing else is done. */
const recorded = [
  ...[
    'execution.order_events',
    'execution.fills',
    'execution.reconciliation_runs',
    'execution.reconciliation_findings',
    'execution.processing_pauses',
  ],
  ...['portfolio.ledger', 'portfolio.activity', 'portfolio.deposits', 'portfolio.transfers'],
  ...['risk.kill_switch_events', 'risk.limit_changes', 'strategy.strategy_events'],
  ...['access.lockout_events', 'access.key_events'],
];
/** An order a little below the market of the seed. */
const paperBuy = (quantity: string) => ({
  ...{ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity, price: '64000.00', mode: 'PAPER' },
});

/** What every load test is told. */
const toTraders = { BASE_URL: '{url}', TRADER_KEYS_FILE: '{writerKeysFile}' };

/** The order service of this repository: what it is, and what it promises. */
export default defineConfig({
  service: {
    start: ['node', '--import', './service/src/telemetry/register.ts', 'service/src/main.ts'],
    checkConfig: ['node', 'service/src/main.ts', '--check-config'],
    printRoutes: ['node', 'service/src/main.ts', '--print-routes'],
    environment: {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '{port}',
      METRICS_HOST: '127.0.0.1',
      METRICS_PORT: '{metricsPort}',
      DATABASE_URL: '{databaseUrl}',
      // Empty on a machine without redis-server: the service then goes without.
      REDIS_URL: '{redisUrl}',
      ORDER_PROCESSING_API_KEY: '{secret}',
      ORDER_PROCESSING_API_KEY_NEXT: '{nextSecret}',
      // The gates ask far more often than a client may, and a sandbox's quotes are set once.
      RATE_LIMIT_PER_MINUTE_ADDRESS: '1000000',
      RATE_LIMIT_PER_HOUR_KEY: '1000000',
      RATE_LIMIT_PER_MINUTE_PUBLIC: '1000000',
      // They try wrong keys at every door, all from one address; what locks is tried on replicas with the real thresholds.
      LOCKOUT_FAILURES_PER_KEY: '1000000',
      LOCKOUT_FAILURES_PER_ADDRESS: '1000000',
      QUOTE_MAX_AGE_MS: '600000',
      // Above what an account of the seed could pay: each account's own limit stands below it.
      MAX_ORDER_NOTIONAL: '999999999999',
      CORS_ORIGINS: 'https://desk.example',
    },
    variables: {
      DATABASE_URL: {
        required: true,
        refused: ['', 'not a url', 'mysql://127.0.0.1/service', 'postgres://', 'postgres://app@db.example/orders'],
      },
      ORDER_PROCESSING_API_KEY: {
        required: true,
        // The third is one character too short and nothing else: with one more it is taken.
        refused: [
          '',
          'short',
          'the-quick-brown-fox-jumps-over-',
          'a'.repeat(64),
          'x'.repeat(300),
          'change-me-please-'.repeat(3),
        ],
      },
      ORDER_PROCESSING_API_KEY_NEXT: {
        required: false,
        refused: ['short', 'a'.repeat(64), 'change-me-please-'.repeat(3)],
      },
      PORT: { required: false, refused: ['-1', '65536', 'http', '3000.5'] },
      METRICS_PORT: { required: false, refused: ['-1', '65536', 'metrics'] },
      POOL_MAX: { required: false, refused: ['0', '100000', 'many'] },
      STATEMENT_TIMEOUT_MS: { required: false, refused: ['0', '-5', '3600000', 'soon'] },
      LOCK_TIMEOUT_MS: { required: false, refused: ['0', '3600000', 'soon'] },
      MAX_ORDER_NOTIONAL: { required: false, refused: ['0', '-1', '1e400', 'lots'] },
      WEBHOOK_URL: {
        required: false,
        refused: ['not a url', 'http://hooks.example/x', 'ftp://127.0.0.1/x', 'https://user:pass@hooks.example/x'],
      },
      WEBHOOK_SECRET: { required: false, refused: ['short', 'a'.repeat(64)] },
      QUOTE_PROVIDERS: {
        required: false,
        refused: ['yahoo', 'a=http://quotes.example/{symbol}', 'a=https://quotes.example/latest'],
      },
      PNL_METHOD: { required: false, refused: ['lifo'] },
      DRAIN_DEADLINE_MS: { required: false, refused: ['-1', '86400000', 'later'] },
      CORS_ORIGINS: { required: false, refused: ['*', 'null', 'https://desk.example/path', 'https://*.example'] },
      LOCKOUT_FAILURES_PER_ADDRESS: { required: false, refused: ['0', 'never'] },
      TRUST_PROXY_HOPS: { required: false, refused: ['-1', '6', 'true'] },
      LOG_LEVEL: { required: false, refused: ['loud'] },
      NODE_ENV: { required: false, refused: ['staging?'] },
      BUILD_COMMIT: { required: false, refused: ['main', 'g'.repeat(40)] },
    },
    liveness: '/health',
    readiness: '/health/ready',
    openApi: '/openapi.json',
    publicRoutes: ['GET /health', 'GET /health/ready', 'GET /api/v1/health', 'GET /openapi.json', 'GET /docs'],
  },
  database: {
    migrations: 'migrations/*.sql',
    bookkeeping: 'public.pgmigrations',
    migrate: ['node', 'service/src/migrate.ts', 'up'],
    applyNext: ['node', 'service/src/migrate.ts', 'up', '--count', '1'],
    revertLast: ['node', 'service/src/migrate.ts', 'down', '--count', '1'],
    steps: ['node', 'service/src/migrate.ts', 'steps'],
    seed: ['node', 'service/src/seed.ts', '--traders', '10', '--wide-limits', '--json'],
    credentials: (seedOutput) => {
      const { traders, viewer, operator, admin, limited } = JSON.parse(seedOutput) as Seeded;
      return {
        writers: traders.map(({ key }) => key),
        operator,
        limited: { key: limited.key, account: limited.accountId },
        roles: { viewer, trader: traders[0]?.key ?? '', operator, admin },
      };
    },
    requiredIndexes: [
      {
        name: 'orders_status_idx',
        table: 'execution.orders',
        columns: ['status'],
        serves: "SELECT count(*) FROM execution.orders WHERE status = 'UNKNOWN'",
      },
      {
        name: 'orders_expire_at_idx',
        table: 'execution.orders',
        columns: ['expire_at'],
        serves: 'SELECT id FROM execution.orders WHERE expire_at <= now()',
      },
      {
        name: 'orders_created_at_idx',
        table: 'execution.orders',
        columns: ['created_at'],
        serves: 'SELECT id, status FROM execution.orders ORDER BY created_at DESC LIMIT 1',
      },
      {
        name: 'orders_account_created_idx',
        table: 'execution.orders',
        columns: ['account_id', 'created_at DESC', 'id DESC'],
        serves: `SELECT id FROM execution.orders WHERE account_id = '00000000-0000-7000-8000-000000000000'
                  ORDER BY created_at DESC, id DESC LIMIT 50`,
      },
      {
        name: 'orders_resting_idx',
        table: 'execution.orders',
        columns: ['symbol', 'side', 'price', 'created_at', 'id'],
        serves: `SELECT id FROM execution.orders WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER'
                    AND symbol = 'BTCUSDT' AND side = 'SELL' AND price <= 100 ORDER BY price, created_at, id LIMIT 100`,
      },
      {
        name: 'orders_resting_buys_idx',
        table: 'execution.orders',
        columns: ['symbol', 'price DESC', 'created_at', 'id'],
        serves: `SELECT id FROM execution.orders WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER'
                    AND symbol = 'BTCUSDT' AND side = 'BUY' AND price >= 100 ORDER BY price DESC, created_at, id LIMIT 100`,
      },
      {
        name: 'orders_immediate_idx',
        table: 'execution.orders',
        columns: ['created_at', 'id'],
        serves: `SELECT id FROM execution.orders WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER'
                    AND (time_in_force = 'IOC' OR type = 'MARKET') ORDER BY created_at, id LIMIT 100`,
      },
      {
        name: 'orders_due_idx',
        table: 'execution.orders',
        columns: ['expire_at'],
        serves: `SELECT id FROM execution.orders WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER'
                    AND expire_at <= now() ORDER BY expire_at LIMIT 100`,
      },
      {
        name: 'outbox_unprocessed_idx',
        table: 'execution.portfolio_events_outbox',
        columns: ['id'],
        serves: 'SELECT id FROM execution.portfolio_events_outbox WHERE processed_at IS NULL ORDER BY id LIMIT 100',
      },
      {
        name: 'api_keys_digest_key',
        table: 'access.api_keys',
        columns: ['digest'],
        serves: "SELECT id FROM access.api_keys WHERE digest = ''",
      },
      {
        name: 'fills_exchange_fill_id_key',
        table: 'execution.fills',
        columns: ['exchange_fill_id'],
        serves: "SELECT id FROM execution.fills WHERE exchange_fill_id = 'none'",
      },
    ],
    // The SQL stands in the service, beside the tables that it is about: `npm run audit` asks the same.
    invariants: [...INVARIANTS],
  },
  databaseRole: {
    name: 'order_service',
    appendOnly: recorded,
  },
  connections: {
    // Requests 10, probes 2, kill switch 2, workers 8, and one that listens for events.
    perProcess: 23,
    processes: 3,
  },
  refusals: [
    {
      name: 'the same fill of a venue twice',
      given: [
        `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force, status)
         SELECT '00000000-0000-7001-8000-00000000beef', a.id, 'refused', i.symbol, 'BUY', 'LIMIT', 2, 100, 'LIVE', 'GTC', 'OPEN'
         FROM (SELECT id FROM portfolio.accounts LIMIT 1) a, (SELECT symbol FROM market.instruments LIMIT 1) i`,
        `INSERT INTO execution.fills (id, order_id, exchange_fill_id, quantity, price)
         VALUES (gen_random_uuid(), '00000000-0000-7001-8000-00000000beef', 'preflight 1', 1, 100)`,
      ],
      attempt: `INSERT INTO execution.fills (id, order_id, exchange_fill_id, quantity, price)
                VALUES (gen_random_uuid(), '00000000-0000-7001-8000-00000000beef', 'preflight 1', 1, 100)`,
      by: 'fills_exchange_fill_id_key',
    },
    {
      name: 'cash from nowhere',
      attempt: 'UPDATE portfolio.accounts SET cash = cash + 0.01',
      by: 'accounts_are_conserved',
    },
    {
      name: 'holdings from nowhere',
      attempt: 'UPDATE portfolio.positions SET quantity = quantity + 0.001',
      by: 'positions_are_conserved',
    },
    { name: 'cash below nothing', attempt: 'UPDATE portfolio.accounts SET cash = -1', by: 'accounts_cash_check' },
    {
      name: 'a deposit by the service',
      attempt: `INSERT INTO portfolio.deposits (id, account_id, amount, note)
                SELECT gen_random_uuid(), id, 1, 'preflight' FROM portfolio.accounts LIMIT 1`,
      by: '42501',
    },
    {
      name: 'an order of an account that does not exist',
      attempt: `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force, status)
                SELECT gen_random_uuid(), gen_random_uuid(), 'refused', symbol, 'BUY', 'LIMIT', 2, 100, 'LIVE', 'GTC', 'OPEN'
                FROM market.instruments LIMIT 1`,
      // The counters of its exposure are written first, and point at the same account.
      by: '23503',
    },
    {
      name: 'an order that begins as filled',
      attempt: `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force,
                  status, filled_quantity, average_fill_price)
                SELECT gen_random_uuid(), a.id, 'refused', i.symbol, 'BUY', 'LIMIT', 2, 100, 'LIVE', 'GTC', 'FILLED', 2, 100
                FROM (SELECT id FROM portfolio.accounts LIMIT 1) a, (SELECT symbol FROM market.instruments LIMIT 1) i`,
      by: 'order_transitions',
    },
    { name: 'an event that is taken back', attempt: 'DELETE FROM execution.order_events', by: '42501' },
    { name: 'a fill that is changed', attempt: 'UPDATE execution.fills SET price = 1', by: '42501' },
    { name: 'a ledger that is emptied', attempt: 'TRUNCATE portfolio.ledger', by: '42501' },
    {
      name: 'a trigger that is switched off',
      attempt: 'ALTER TABLE execution.orders DISABLE TRIGGER ALL',
      by: '42501',
    },
    { name: 'triggers that are passed by', attempt: 'SET LOCAL session_replication_role = replica', by: '42501' },
  ],
  hotQueries: {
    table: 'execution.orders',
    // The texts stand in the service, beside the tables that they are about.
    fill: [...FILL],
    queries: HOT_QUERIES.map((query) => ({ ...query })),
  },
  migrations: { checksums: 'migrations.sha256', safeFrom: '0050_service_role.sql' },
  statements: {
    // One of them finds the key, and the lockouts of its address.
    reads: [
      { path: '/api/v1/orders?limit=50', most: 2 },
      { path: '/api/v1/portfolio', most: 2 },
      { path: '/api/v1/fills', most: 2 },
      { path: '/api/v1/activity', most: 2 },
    ],
    mostPerWrite: 5,
    known: [
      {
        pattern: 'AS repaired, .* AS before',
        reason: 'The reconciliation compares every order that changed within an hour with its fills, once a minute.',
      },
      { pattern: 'breaks AS|traded AS', reason: 'The audit of all books adds up every fill, on purpose, and rarely.' },
    ],
  },
  write: {
    request: {
      method: 'POST',
      path: '/api/v1/orders',
      body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '100.00', mode: 'PAPER' },
    },
    idempotencyHeader: 'Idempotency-Key',
    acceptedStatus: 201,
    idField: 'id',
    storedIds: 'SELECT id::text FROM execution.orders',
  },
  stateMachine: {
    table: 'execution.orders',
    states: [
      ...['PENDING', 'SUBMITTING', 'UNKNOWN', 'OPEN', 'PARTIALLY_FILLED', 'PENDING_CANCEL'],
      ...['FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED'],
    ],
    initial: ['PENDING', 'OPEN', 'DENIED'],
    transitions: 'SELECT from_status, to_status FROM execution.order_transitions',
    begin: `
      INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force,
        status, filled_quantity, average_fill_price, denial_reason)
      SELECT gen_random_uuid(), a.id, gen_random_uuid(), i.symbol, 'BUY', 'LIMIT', 2, 100, 'LIVE', 'GTC', $1::text,
        CASE $1::text WHEN 'FILLED' THEN 2 WHEN 'PARTIALLY_FILLED' THEN 1 ELSE 0 END,
        CASE WHEN $1::text IN ('FILLED', 'PARTIALLY_FILLED') THEN 100 END, CASE $1::text WHEN 'DENIED' THEN 'INSUFFICIENT_CASH' END
      FROM (SELECT id FROM portfolio.accounts LIMIT 1) a, (SELECT symbol FROM market.instruments LIMIT 1) i RETURNING id`,
    move: `
      UPDATE execution.orders SET status = $2::text, version = version + 1, filled_quantity = greatest(filled_quantity,
          CASE $2::text WHEN 'FILLED' THEN quantity WHEN 'PARTIALLY_FILLED' THEN quantity / 2 ELSE 0 END),
        average_fill_price = coalesce(average_fill_price, CASE WHEN $2::text IN ('FILLED', 'PARTIALLY_FILLED') THEN price END)
      WHERE id = $1::uuid`,
    eventRequired: true,
  },
  killSwitch: {
    engage: {
      method: 'PUT',
      path: '/api/v1/kill-switch',
      body: { state: 'HALTED', reason: 'preflight: does it stop new orders?' },
    },
    clear: {
      method: 'PUT',
      path: '/api/v1/kill-switch',
      body: { state: 'ACTIVE', reason: 'preflight: the check is over' },
    },
    committedAt: 'SELECT pg_xact_commit_timestamp(xmin) FROM risk.kill_switch',
  },
  killSwitchInRedis: {
    engage: [
      'SET',
      'kill_switch:global',
      '{"active":true,"reason":"preflight: manual","activatedAt":"2026-01-01T00:00:00Z","activatedBy":"ops"}',
    ],
    clear: ['DEL', 'kill_switch:global'],
  },
  workers: {
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
  },
  outbox: {
    table: 'execution.portfolio_events_outbox',
    key: 'id',
    waiting: 'processed_at IS NULL',
    ofExecution: "type = 'ORDER_FILLED'",
    arrivesIn: { table: 'portfolio.activity', event: 'event_id', write: 'order_id' },
  },
  reconciliation: {
    disturb: 'UPDATE portfolio.accounts SET reserved = reserved + 1, cash = cash - 1 WHERE id = $1::uuid',
    table: 'portfolio.accounts',
    differences: `
      SELECT count(*) FROM portfolio.accounts a WHERE a.reserved <>
        (SELECT coalesce(sum(o.reserved_cash), 0) FROM execution.orders o WHERE o.account_id = a.id)`,
    runs: "SELECT id, actions, unresolved FROM execution.reconciliation_runs WHERE cause = 'boot'",
  },
  access: {
    read: '/api/v1/portfolio',
    behindOneProxy: { TRUST_PROXY_HOPS: '1' },
    lockout: {
      environment: { LOCKOUT_FAILURES_PER_KEY: '5', LOCKOUT_FAILURES_PER_ADDRESS: '10' },
      failuresPerKey: 5,
      failuresPerAddress: 10,
    },
    rateLimit: { environment: { RATE_LIMIT_PER_MINUTE_ADDRESS: '100' }, perMinute: 100 },
    allowedOrigin: 'https://desk.example',
  },
  roles: {
    viewer: reads(),
    trader: [...reads(), ...trades, ...strategies],
    operator: [...reads(ofAccount), ...strategies, ...operates],
    admin: [...reads(ofAccount), ...trades, ...strategies, ...operates],
  },
  keyUse: {
    table: 'access.api_keys',
    row: "digest = sha256(convert_to($1, 'UTF8'))",
    lastUsed: 'last_used_at',
    withinSeconds: 60,
  },
  lists: [
    { path: '/api/v1/orders', items: 'orders', most: 100, holdsWrites: true },
    { path: '/api/v1/fills', items: 'fills', most: 100 },
    { path: '/api/v1/activity', items: 'activity', most: 100 },
    { path: '/api/v1/strategies', items: 'strategies', most: 100, as: 'operator' },
    { path: '/api/v1/access/lockouts', items: 'lockouts', most: 100, as: 'operator' },
  ],
  riskDryRun: {
    tooLarge: { method: 'POST', path: '/api/v1/risk/check', body: paperBuy('100000000') },
    small: { method: 'POST', path: '/api/v1/risk/check', body: paperBuy('0.001') },
    decision: 'decision',
    denied: 'denied',
    reason: 'denial.reason',
    limitReasons: ['MAX_ORDER_NOTIONAL', 'MAX_DAILY_NOTIONAL', 'MAX_POSITION'],
  },
  marketData: {
    environment: {
      QUOTE_PROVIDERS: 'first={primary} second={secondary}',
      QUOTE_POLL_MS: '50',
      QUOTE_TIMEOUT_MS: '400',
      QUOTE_BREAKER_PAUSE_MS: '1000',
    },
    slow: { QUOTE_TIMEOUT_MS: '2000' },
    symbol: 'BTCUSDT',
    bid: '64999.99',
    ask: '65000.01',
    answer: (quote) => quote,
    stored: 'SELECT source FROM market.quotes WHERE symbol = $1',
    prices: {
      ...{ path: '/api/v1/portfolio', items: 'positions', symbol: 'symbol', price: 'price', ageMs: 'priceAgeMs' },
      mostAgeMs: 15_000,
    },
    // Its positions are valued by the quotes.
    read: { method: 'GET', path: '/api/v1/portfolio' },
    disagreement: 'Quote providers disagree',
    breaker: { failures: 5, successes: 3, pause: 'QUOTE_BREAKER_PAUSE_MS', pauseMs: 30_000 },
    callsPerDay: 'QUOTE_CALLS_PER_DAY',
    without: {
      secondProvider: { QUOTE_PROVIDERS: 'first={primary}' },
      breaker: { QUOTE_BREAKER_PAUSE_MS: '100' },
    },
    reset: [
      'DELETE FROM market.reference_quotes',
      "UPDATE market.quotes SET bid = 64999.99, ask = 65000.01, source = 'primary', as_of = now() WHERE symbol = 'BTCUSDT'",
      "UPDATE workers.leases SET expires_at = now() WHERE name = 'quote-feed'",
    ],
  },
  risk: {
    setLimits: { method: 'PUT', path: '/api/v1/risk/limits', body: { accountId: '{account}', reason: 'preflight' } },
    cap: {
      limits: { maxOpenOrders: '{limit}', maxOrdersPerMinute: 1_000_000 },
      standing: `SELECT count(*) FROM execution.orders
                  WHERE account_id = $1 AND status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED')`,
    },
    wide: {
      maxOpenOrders: 1_000_000,
      maxOrdersPerMinute: 1_000_000,
      fatFingerMultiple: 1_000_000_000,
      maxOrderNotional: '999999999999',
      maxDailyNotional: '999999999999',
      maxPositionNotional: '999999999999',
    },
    reset: {
      fatFingerMultiple: null,
      maxOpenOrders: null,
      maxOrdersPerMinute: null,
      maxOrderNotional: null,
      maxDailyNotional: null,
      maxPositionNotional: null,
      priceCollarBps: null,
      allowedModes: null,
      restrictedSymbols: null,
    },
    denial: {
      status: 422,
      reason: 'details.reason',
      limit: 'details.limit',
      observed: 'details.observed',
      attempted: 'details.attempted',
      id: 'details.orderId',
      stored: 'SELECT denial_reason FROM execution.orders WHERE id = $1',
    },
    // What is usual for an account is told by its last ten orders.
    writesBefore: 10,
    denied: [
      { reason: 'MAX_ORDER_NOTIONAL', limits: { maxOrderNotional: '0.05' } },
      { reason: 'MAX_DAILY_NOTIONAL', limits: { maxDailyNotional: '0.05' } },
      { reason: 'MAX_POSITION', limits: { maxPositionNotional: '0.05' } },
      { reason: 'MAX_OPEN_ORDERS', limits: { maxOpenOrders: 1 } },
      { reason: 'MAX_ORDERS_PER_MINUTE', limits: { maxOrdersPerMinute: 1 } },
      // The sandbox quotes 65,000: this is typed with a digit too many.
      { reason: 'PRICE_COLLAR', limits: { priceCollarBps: 100 }, write: { price: '650000' } },
      { reason: 'FAT_FINGER', limits: { fatFingerMultiple: 1 }, write: { quantity: '100' } },
      // Five times what the seed gives to this account.
      { reason: 'INSUFFICIENT_CASH', write: { quantity: '500000' } },
      { reason: 'INSUFFICIENT_SHARES', write: { side: 'SELL', quantity: '1', price: '70000' } },
      { reason: 'RESTRICTED_SYMBOL', limits: { restrictedSymbols: ['BTCUSDT'] }, amounts: false },
      { reason: 'MODE_NOT_ALLOWED', limits: { allowedModes: ['LIVE'] }, amounts: false },
    ],
  },
  // Where production's own backups are is told in `backups`, by whoever releases: see deploy/pgbackrest/README.md.
  recovery: { settings: 'deploy/pgbackrest/postgresql.conf', pointMinutes: 15, timeMinutes: 60 },
  code: {
    // Two checkers take two thirds of the processor time that the compiler's own four do, and end no later on two cores.
    // What has not changed since the last run, by its content, is not checked again.
    typeCheck: [
      'tsc',
      '--noEmit',
      '--checkers',
      '2',
      '--incremental',
      '--tsBuildInfoFile',
      '.preflight/types.tsbuildinfo',
    ],
    production: ['service/src/**/*.ts', 'checks/src/**/*.ts'],
    serving: ['service/src/**/*.ts'],
  },
  load: {
    script: 'loadtests/placement.ts',
    environment: toTraders,
  },
  loadProfiles: {
    users: { script: 'loadtests/users-100.ts', environment: { ...toTraders, USERS: '100', DURATION_S: '4' } },
    // Twice the rate of the placement test, for a minute.
    peak: { script: 'loadtests/placement.ts', environment: { ...toTraders, RATE_PER_S: '200', DURATION_S: '60' } },
    hour: { script: 'loadtests/hour.ts', environment: { ...toTraders, WINDOWS: '6', WINDOW_S: '600' } },
  },
  runbooks: { scripts: ['runbooks/bin/*'] },
  alerts: {
    rules: ['deploy/prometheus/rules/*.yaml'],
    tests: ['deploy/prometheus/rules/*.test.yaml'],
    alertmanager: 'deploy/alertmanager/alertmanager.yml',
    exporters: ['alertmanager', 'blackbox_exporter', 'node_exporter', 'pgbackrest_exporter', 'postgres_exporter'],
    // Only where there is a Redis.
    others: ['redis_up'],
    // What the checklists ask, with the stricter bound where they differ: checks/src/checklist/thresholds.ts.
    required: [
      { alert: 'OrderPlacementFailing', states: ['outcome="failed"', '> 0'], withinSeconds: 0 },
      { alert: 'OrderExecutionFailing', states: ['"Failed to execute limit order"', '> 0'], withinSeconds: 0 },
      { alert: 'ProcessingBroken', states: ['"Critical error in order processing"', '> 0'], withinSeconds: 0 },
      { alert: 'PriceUnavailable', states: ['"Unable to get price for asset"', '> 0'], withinSeconds: 0 },
      { alert: 'OrdersWaiting', states: ['> 100'], withinSeconds: 60 },
      { alert: 'KillSwitchActivated', states: ['kill_switch_engaged', '== 1'], withinSeconds: 0 },
      { alert: 'DatabaseLost', states: ['== 0'], withinSeconds: 10 },
      { alert: 'RedisLost', states: ['== 0'], withinSeconds: 10 },
      { alert: 'OutboxBacklog', states: ['> 100'], withinSeconds: 60 },
      { alert: 'ReconciliationSlow', states: ['> 5'], withinSeconds: 0 },
      { alert: 'PlacementRateHigh', states: ['> 20'], withinSeconds: 0 },
      { alert: 'CpuHigh', states: ['> 0.8'], withinSeconds: 300 },
      { alert: 'MemoryHigh', states: ['> 0.85'], withinSeconds: 300 },
      { alert: 'DiskFull', states: ['> 0.85'], withinSeconds: 300 },
      { alert: 'DatabaseConnectionsHigh', states: ['> 0.8'], withinSeconds: 120 },
      { alert: 'ErrorsLogged', states: ['level=~"error|fatal"'], withinSeconds: 0 },
      { alert: 'CertificateExpires', states: ['< 21'], withinSeconds: 0 },
      { alert: 'BackupMissing', states: ['> 90000', '> 18000'], withinSeconds: 600 },
      { alert: 'BackupFailed', states: ['> 0'], withinSeconds: 0 },
      { alert: 'BackupCompleted', states: ['< 1200'], withinSeconds: 0 },
      { alert: 'WalArchivingFails', states: ['> 900'], withinSeconds: 0 },
      { alert: 'BackupStorageFull', states: ['> 0.8'], withinSeconds: 300 },
      { alert: 'ErrorRateHigh', states: ['> 0.01'], withinSeconds: 120 },
      { alert: 'ErrorRateCritical', states: ['> 0.5'], withinSeconds: 60 },
      { alert: 'ResponsesSlow', states: ['> 0.1'], withinSeconds: 300 },
      { alert: 'ResponsesVerySlow', states: ['> 0.5'], withinSeconds: 120 },
      { alert: 'PostgresDown', states: ['== 0'], withinSeconds: 10 },
      { alert: 'QueriesSlow', states: ['> 1'], withinSeconds: 0 },
      { alert: 'NetworkFails', states: ['== 0'], withinSeconds: 60 },
      { alert: 'NetworkSlow', states: ['> 0.1'], withinSeconds: 300 },
      { alert: 'ProfitAnomaly', states: ['> 0.05'], withinSeconds: 0 },
      { alert: 'BooksDoNotAddUp', states: ['> 0'], withinSeconds: 0 },
      { alert: 'DatabaseFailedOver', states: ['> 0'], withinSeconds: 0 },
      { alert: 'ServiceDown', states: ['== 0'], withinSeconds: 30 },
      { alert: 'HealthCheckFails', states: ['health|process-orders', '== 0'], withinSeconds: 30 },
      { alert: 'TradingVolumeUnusual', states: ['> 3 *'], withinSeconds: 0 },
      { alert: 'HeartbeatSlow', states: ['le="10"'], withinSeconds: 0 },
      { alert: 'WorkerSilent', states: ['> 10'], withinSeconds: 10 },
      { alert: 'WorkerQueueDeep', states: ['> 50'], withinSeconds: 60 },
      { alert: 'PoolUsageHigh', states: ['> 0.8'], withinSeconds: 60 },
      { alert: 'AuthFailuresHigh', states: ['> 10'], withinSeconds: 0 },
      { alert: 'DailySummary', states: ['hour() == 6'], withinSeconds: 0 },
      {
        alert: 'ErrorBudgetBurn14x',
        states: ['ratio_rate1h > 14.4 * 0.001', 'ratio_rate5m > 14.4 * 0.001'],
        withinSeconds: 0,
      },
      {
        alert: 'ErrorBudgetBurn6x',
        states: ['ratio_rate6h > 6 * 0.001', 'ratio_rate30m > 6 * 0.001'],
        withinSeconds: 0,
      },
      {
        alert: 'ErrorBudgetBurn3x',
        states: ['ratio_rate1d > 3 * 0.001', 'ratio_rate2h > 3 * 0.001'],
        withinSeconds: 0,
      },
      {
        alert: 'ErrorBudgetBurn1x',
        states: ['ratio_rate3d > 1 * 0.001', 'ratio_rate6h > 1 * 0.001'],
        withinSeconds: 0,
      },
    ],
    channels: [
      { labels: { severity: 'critical' }, by: ['pagerduty', 'email', 'slack', 'webhook'], withinSeconds: 0 },
      {
        labels: { severity: 'critical', scope: 'outage' },
        by: ['sns', 'pagerduty', 'email', 'slack'],
        withinSeconds: 0,
      },
      { labels: { severity: 'warning' }, by: ['slack', 'email'], withinSeconds: 30 },
      { labels: { severity: 'warning', category: 'security' }, by: ['email', 'slack'], withinSeconds: 0 },
      { labels: { severity: 'info' }, by: ['slack'], withinSeconds: 60 },
      { labels: { severity: 'info', alertname: 'DailySummary' }, by: ['email'], withinSeconds: 0 },
    ],
    inhibited: [
      { by: { severity: 'critical', alertname: 'HostDown' }, silenced: { severity: 'warning', alertname: 'CpuHigh' } },
      {
        by: { severity: 'critical', alertname: 'DatabaseLost', scope: 'outage' },
        silenced: { severity: 'critical', alertname: 'WorkerSilent' },
      },
    ],
    pages: {
      sections: ['Meaning', 'Diagnosis', 'Mitigation', 'How you know that it is over'],
      scripts: ['runbooks/bin/*'],
      required: ['runbooks/EmergencyShutdown.md', 'runbooks/SecurityIncident.md'],
    },
  },
  workflows: ['.github/workflows/*.yml', 'deploy/cron/*.yml'],
  schedule: {
    files: [
      { path: 'deploy/cron/crontab', kind: 'crontab' },
      { path: 'deploy/cron/vercel.json', kind: 'vercel' },
      { path: 'deploy/cron/process-orders.yml', kind: 'github' },
    ],
    calls: 'process-orders',
    session: { timeZone: 'America/New_York', opens: '09:30', closes: '16:00' },
    everyMinutes: 3,
    otherwiseEveryMinutes: 30,
  },
  books: {
    misplace:
      'UPDATE portfolio.accounts SET cash = cash + 0.01 WHERE id = (SELECT id FROM portfolio.accounts ORDER BY id LIMIT 1)',
    restore:
      'UPDATE portfolio.accounts SET cash = cash - 0.01 WHERE id = (SELECT id FROM portfolio.accounts ORDER BY id LIMIT 1)',
  },
  quotes: {
    table: 'market.quotes',
    bid: 'bid',
    ask: 'ask',
    asOf: 'as_of',
    of: "symbol = 'BTCUSDT'",
    usual: { bid: '64999.99', ask: '65000.01' },
    // QUOTE_MAX_AGE_MS of the sandbox's service.
    maxAgeSeconds: 600,
  },
  orders: {
    state: `SELECT status, trim_scale(filled_quantity)::text, trim_scale(average_fill_price)::text,
              trim_scale(reserved_cash + reserved_quantity)::text FROM execution.orders WHERE id = $1::uuid`,
    resting: 'OPEN',
    filled: 'FILLED',
    expired: 'EXPIRED',
    limits: [
      {
        side: 'buy',
        request: {
          method: 'POST',
          path: '/api/v1/orders',
          body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '60000.00', mode: 'PAPER' },
        },
        limit: '60000',
        justMet: { bid: '59999.50', ask: '60000.00' },
        better: { bid: '59990.00', ask: '59991.23' },
      },
      {
        side: 'sell',
        request: {
          method: 'POST',
          path: '/api/v1/orders',
          body: { symbol: 'BTCUSDT', side: 'SELL', type: 'LIMIT', quantity: '0.001', price: '70000.00', mode: 'PAPER' },
        },
        limit: '70000',
        justMet: { bid: '70000.00', ask: '70000.50' },
        better: { bid: '70010.77', ask: '70011.00' },
      },
    ],
    expiring: {
      method: 'POST',
      path: '/api/v1/orders',
      body: {
        symbol: 'BTCUSDT',
        side: 'BUY',
        type: 'LIMIT',
        quantity: '0.001',
        price: '100.00',
        mode: 'PAPER',
        timeInForce: 'GTD',
        expireAt: '{expiresAt}',
      },
    },
    expiry: { table: 'execution.orders', column: 'expire_at' },
    activity: {
      path: '/api/v1/activity',
      list: 'activity',
      id: 'orderId',
      kind: 'type',
      executed: 'ORDER_FILLED',
    },
  },
  portfolio: {
    request: { method: 'GET', path: '/api/v1/portfolio' },
    cash: 'cash',
    storedCash: 'SELECT trim_scale(cash)::text FROM portfolio.accounts WHERE id = $1::uuid',
    more: `WITH deposit AS (
        INSERT INTO portfolio.deposits (id, account_id, amount, note) VALUES (gen_random_uuid(), $1::uuid, 1, 'preflight') RETURNING 1)
      UPDATE portfolio.accounts SET cash = cash + 1 FROM deposit WHERE id = $1::uuid`,
    less: `WITH withdrawal AS (
        INSERT INTO portfolio.deposits (id, account_id, amount, note) VALUES (gen_random_uuid(), $1::uuid, -1, 'preflight') RETURNING 1)
      UPDATE portfolio.accounts SET cash = cash - 1 FROM withdrawal WHERE id = $1::uuid`,
    positions: {
      list: 'positions',
      symbol: 'symbol',
      unrealised: 'unrealised',
      priceAgeMs: 'priceAgeMs',
      reason: 'reason',
    },
    symbol: 'BTCUSDT',
  },
  processing: {
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
    health: { method: 'GET', path: '/api/trade/process-orders' },
    cycles: 'SELECT source, finished_at, error_code FROM execution.processing_cycles',
    cycleTable: { name: 'execution.processing_cycles', startedAt: 'started_at', finishedAt: 'finished_at' },
    lastCycleWithinSeconds: 600,
  },
  tests: { report: '.preflight/tests.json', stamp: '.preflight/tests.stamp.json' },
  procedures: {
    pages: ['runbooks/procedures-*.md'],
    required: {
      'manual-processing': 'runbooks/procedures-orders.md#process-orders-by-hand',
      'manual-intervention': 'runbooks/procedures-orders.md#intervene-by-hand',
      reconciliation: 'runbooks/procedures-orders.md#reconcile',
      'worker-recovery': 'runbooks/procedures-orders.md#recover-a-worker',
      'processor-recovery': 'runbooks/procedures-orders.md#recover-the-processor',
      'database-recovery': 'runbooks/procedures-recovery.md#recover-the-database',
      'data-recovery': 'runbooks/procedures-recovery.md#recover-the-data-of-the-application',
      'account-recovery': 'runbooks/procedures-recovery.md#recover-one-account',
      'full-restoration': 'runbooks/procedures-recovery.md#restore-the-whole-service',
      'point-in-time': 'runbooks/procedures-recovery.md#recover-to-a-moment',
    },
    values: {
      ORDER_ID: 'SELECT id FROM execution.orders ORDER BY created_at LIMIT 1',
      ACCOUNT_ID: 'SELECT account_id FROM execution.orders ORDER BY created_at LIMIT 1',
      KEY_PREFIX: 'SELECT prefix FROM access.api_keys ORDER BY created_at LIMIT 1',
    },
    environment: {
      SERVICE_URL: '{url}',
      DATABASE_URL: '{databaseUrl}',
      OPERATOR_API_KEY: '{operatorKey}',
      ORDER_PROCESSING_API_KEY: '{processingKey}',
    },
  },
  onCall: { guide: 'runbooks/on-call.md', postMortem: 'runbooks/post-mortem.md' },
  // Off market hours, and when those who wrote it are awake; nothing over the turn of the year.
  window: {
    calendar: 'XNYS',
    weekly: [
      { days: ['mon', 'tue', 'wed', 'thu'], from: '17:00', until: '21:00', timeZone: 'America/New_York' },
      { days: ['sat'], from: '08:00', until: '14:00', timeZone: 'America/New_York' },
    ],
    freezes: [{ from: '2026-12-18', until: '2027-01-03', reason: 'the turn of the year: half of the desk is away' }],
  },
  review: {
    releases: 'v*',
    critical: [
      ...['service/src/domain/**', 'service/src/orders/**', 'service/src/exchange/**', 'service/src/kill-switch/**'],
      ...['service/src/access/**', 'service/src/db/**', 'migrations/**', 'deploy/**', '.github/workflows/**'],
    ],
  },
  deployment: { runbook: 'deploy/RUNBOOK.md' },
  rollback: { plan: 'deploy/ROLLBACK.md' },
  stability: {
    up: 'up{job="order-service"}',
    critical: [
      { what: 'critical errors in the log', counter: 'log_alarms_total' },
      { what: 'cycles that failed', counter: 'limit_processor_failed_cycles_total' },
    ],
  },
  edge: { configuration: 'deploy/nginx/nginx.conf', upstream: 'order_service', host: 'orders.example' },
  manifests: {
    files: ['deploy/kubernetes/*.yaml'],
    schemas: 'tools/kubernetes-schemas',
    images: ['deploy/Dockerfile'],
  },
  build: {
    path: '/api/v1/health',
    commit: 'commit',
    configuration: 'configuration',
    uptimeSeconds: 'uptimeSeconds',
    variable: 'BUILD_COMMIT',
  },
  // Paper orders of an account that is there for this, without a price collar: one rests and is canceled, one is filled.
  smoke: {
    steps: [
      { name: 'it lives', as: 'nobody', request: { method: 'GET', path: '/health' }, expect: { status: 'ok' } },
      { name: 'it is ready', as: 'nobody', request: { method: 'GET', path: '/health/ready' }, expect: { ready: true } },
      {
        name: 'its database is up',
        as: 'nobody',
        request: { method: 'GET', path: '/api/v1/health' },
        expect: { 'database.status': 'up' },
      },
      { name: 'its routes are described', as: 'nobody', request: { method: 'GET', path: '/openapi.json' } },
      { name: 'its documentation is there', as: 'nobody', request: { method: 'GET', path: '/docs' } },
      {
        name: 'nobody is let in without a key',
        as: 'nobody',
        request: { method: 'GET', path: '/api/v1/portfolio' },
        status: [401],
      },
      {
        name: 'nobody is let in with a wrong key',
        as: 'stranger',
        request: { method: 'GET', path: '/api/v1/portfolio' },
        status: [401],
      },
      {
        name: 'a trader may not throw the kill switch',
        request: { method: 'PUT', path: '/api/v1/kill-switch', body: { state: 'ACTIVE', reason: 'smoke test' } },
        status: [403],
      },
      {
        name: 'trading is not halted',
        request: { method: 'GET', path: '/api/v1/kill-switch' },
        expect: { state: 'ACTIVE' },
      },
      { name: 'strategies are listed', request: { method: 'GET', path: '/api/v1/strategies' } },
      {
        name: 'an order is judged',
        request: {
          method: 'POST',
          path: '/api/v1/risk/check',
          body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '100.00', mode: 'PAPER' },
        },
        expect: { decision: 'accepted' },
      },
      {
        name: 'an order is placed',
        idempotencyKey: 'smoke-{unique}',
        request: {
          method: 'POST',
          path: '/api/v1/orders',
          body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '100.00', mode: 'PAPER' },
        },
        status: [201],
        capture: { resting: 'id' },
      },
      {
        name: 'the same request makes no second order',
        idempotencyKey: 'smoke-{unique}',
        request: {
          method: 'POST',
          path: '/api/v1/orders',
          body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '100.00', mode: 'PAPER' },
        },
        status: [201],
        expect: { id: '{resting}' },
      },
      {
        name: 'the order rests',
        request: { method: 'GET', path: '/api/v1/orders/{resting}' },
        expect: { id: '{resting}', status: 'OPEN' },
      },
      {
        name: 'the order is listed',
        request: { method: 'GET', path: '/api/v1/orders' },
        expect: { 'orders.*.id': '{resting}' },
      },
      {
        name: 'the order can be canceled',
        request: { method: 'POST', path: '/api/v1/orders/{resting}/cancel' },
        status: [200, 202],
      },
      {
        name: 'the order is canceled',
        request: { method: 'GET', path: '/api/v1/orders/{resting}' },
        expect: { status: 'CANCELED' },
      },
      {
        name: 'an order at the market is placed',
        idempotencyKey: 'smoke-market-{unique}',
        request: {
          method: 'POST',
          path: '/api/v1/orders',
          body: { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: '0.001', mode: 'PAPER' },
        },
        status: [201],
        capture: { market: 'id' },
      },
      {
        name: 'a cycle runs when it is called',
        as: 'processor',
        request: { method: 'POST', path: '/api/trade/process-orders' },
        status: [200, 202],
      },
      {
        name: 'the order at the market is filled',
        request: { method: 'GET', path: '/api/v1/orders/{market}' },
        expect: { status: 'FILLED' },
        withinMs: 10_000,
      },
      {
        name: 'its fill is booked',
        request: { method: 'GET', path: '/api/v1/fills' },
        expect: { 'fills.*.orderId': '{market}' },
      },
      {
        name: 'its history is told',
        request: { method: 'GET', path: '/api/v1/orders/{market}/events' },
        expect: { 'events.*.toStatus': 'FILLED' },
      },
      {
        name: 'the portfolio shows it',
        request: { method: 'GET', path: '/api/v1/portfolio' },
        expect: { 'positions.*.symbol': 'BTCUSDT' },
      },
      {
        name: 'activity is told',
        request: { method: 'GET', path: '/api/v1/activity' },
        expect: { 'activity.*.orderId': '{market}' },
        withinMs: 10_000,
      },
      {
        name: 'orders are being processed',
        as: 'processor',
        request: { method: 'GET', path: '/api/trade/process-orders' },
        expect: { status: 'ok' },
        withinMs: 10_000,
      },
    ],
  },
  metrics: {
    url: '{metricsUrl}/metrics',
    promised: [
      {
        ...{ name: 'http_server_request_duration_seconds', type: 'histogram', moves: {} },
        labels: ['http_request_method', 'http_route', 'http_response_status_code'],
        items: ['metrics.response-time', 'metrics.error-rate', 'metrics.throughput'],
      },
      {
        ...{ name: 'orders_total', type: 'counter', labels: ['outcome'], moves: { outcome: 'placed' } },
        items: ['metrics.throughput', 'metrics.business', 'metrics.execution-success'],
      },
      {
        ...{ name: 'limit_processor_orders_total', type: 'counter', labels: ['result'], moves: { result: 'executed' } },
        items: ['metrics.execution-success', 'metrics.business'],
      },
      { name: 'limit_processor_failed_cycles_total', type: 'counter', items: ['metrics.execution-success'] },
      {
        ...{ name: 'limit_processor_cycle_duration_seconds', type: 'histogram', moves: {} },
        items: ['metrics.processing-duration'],
      },
      { name: 'auth_failures_total', type: 'counter', labels: ['failure'], moves: { failure: 'unknown' } },
      { name: 'activity_projected_total', type: 'counter', moves: {} },
      { name: 'webhook_attempts_total', type: 'counter', labels: ['outcome'] },
      { name: 'log_lines_total', type: 'counter', labels: ['level'], items: ['metrics.error-rate'] },
      { name: 'log_alarms_total', type: 'counter', labels: ['message'] },
      { name: 'kill_switch_engaged', type: 'gauge' },
      { name: 'outbox_backlog_events', type: 'gauge' },
      { name: 'orders_waiting', type: 'gauge' },
      { name: 'portfolio_staleness_seconds', type: 'gauge' },
      { name: 'reconciliation_actions', type: 'gauge' },
      { name: 'reconciliation_unresolved', type: 'gauge' },
      { name: 'reconciliation_age_seconds', type: 'gauge' },
      { name: 'reconciliation_duration_seconds', type: 'gauge' },
      { name: 'webhook_backlog_deliveries', type: 'gauge' },
      { name: 'orders_busiest_account_per_minute', type: 'gauge' },
      { name: 'database_rows_written_total', type: 'counter', moves: {}, items: ['metrics.database.resources'] },
      { name: 'database_deadlocks_total', type: 'counter', items: ['metrics.database.resources'] },
      { name: 'worker_heartbeat_age_seconds', type: 'gauge', labels: ['worker'] },
      { name: 'worker_paused', type: 'gauge', labels: ['worker'] },
      { name: 'portfolio_value', type: 'gauge', items: ['metrics.business'] },
      { name: 'portfolio_profit', type: 'gauge', items: ['metrics.business'] },
      { name: 'portfolio_positions', type: 'gauge', items: ['metrics.business'] },
      { name: 'market_data_quote_age_seconds', type: 'gauge' },
      { name: 'database_up', type: 'gauge', items: ['metrics.network'] },
      {
        ...{ name: 'database_statement_duration_seconds', type: 'histogram', labels: ['pool'], moves: { pool: 'api' } },
        items: ['metrics.database.queries'],
      },
      { name: 'database_pool_connections', type: 'gauge', labels: ['pool', 'state'], items: ['metrics.database.pool'] },
      { name: 'database_pool_waiting', type: 'gauge', labels: ['pool'], items: ['metrics.database.pool'] },
      { name: 'database_pool_max_connections', type: 'gauge', labels: ['pool'], items: ['metrics.database.pool'] },
      { name: 'database_server_connections', type: 'gauge', items: ['metrics.database.resources'] },
      { name: 'database_server_max_connections', type: 'gauge', items: ['metrics.database.resources'] },
      { name: 'database_transactions_total', type: 'counter', labels: ['end'], items: ['metrics.database.resources'] },
      { name: 'database_blocks_total', type: 'counter', labels: ['found'], items: ['metrics.database.resources'] },
      { name: 'database_size_bytes', type: 'gauge', items: ['metrics.database.storage'] },
      { name: 'database_replication_standbys', type: 'gauge', items: ['metrics.database.replication'] },
      { name: 'database_replication_lag_seconds', type: 'gauge', items: ['metrics.database.replication'] },
      { name: 'process_cpu_seconds_total', type: 'counter', labels: ['mode'], moves: {}, items: ['metrics.host'] },
      { name: 'process_memory_bytes', type: 'gauge', labels: ['kind'], items: ['metrics.memory', 'metrics.host'] },
      { name: 'process_event_loop_delay_seconds', type: 'gauge', items: ['metrics.host'] },
      { name: 'host_cpu_seconds_total', type: 'counter', labels: ['mode'], moves: {}, items: ['metrics.host'] },
      { name: 'host_memory_bytes', type: 'gauge', labels: ['state'], items: ['metrics.host'] },
      { name: 'host_filesystem_bytes', type: 'gauge', labels: ['state'], items: ['metrics.host'] },
      { name: 'host_network_bytes_total', type: 'counter', labels: ['direction'], items: ['metrics.network'] },
    ],
  },
  tracing: {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: '{otlpUrl}',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      // Spans go out soon: a check waits for them.
      OTEL_BSP_SCHEDULE_DELAY: '200',
    },
    attribute: 'order.id',
    traceField: 'traceId',
  },
  logCollection: {
    forward: 'deploy/logging/forward.conf',
    collect: 'deploy/logging/collect.conf',
    environment: {
      SERVICE_LOG: '{serviceLog}',
      DATABASE_LOG: '{databaseLog}',
      LOG_SERVER: '{address}',
      LOG_ADDRESS: '{address}',
      LOG_PORT: '{port}',
      LOG_SERVER_NAME: 'collector',
      LOG_PEERS: 'collector',
      LOG_STORE: '{store}',
      LOG_CA: '{ca}',
      LOG_CERTIFICATE: '{certificate}',
      LOG_KEY: '{key}',
    },
    rotation: ['deploy/logging/logrotate.conf'],
    store: '/var/log/collected/*/*.log',
  },
  // Jobs and exporters as deploy/prometheus/prometheus.yml has them.
  monitoring: {
    series: 'job="order-service"',
    probes: [
      { what: 'the service, through its proxy', selector: 'probe_success{job="health"}', items: ['metrics.processes'] },
      {
        what: 'the processing of orders',
        selector: 'probe_success{job="process-orders"}',
        items: ['metrics.processing-probed'],
      },
      { what: 'PostgreSQL', selector: 'pg_up', items: ['metrics.processes'] },
    ],
  },
  slo: {
    series: 'job="order-service"',
    requests: { histogram: 'http_server_request_duration_seconds', statusLabel: 'http_response_status_code' },
    executions: {
      ...{ counter: 'limit_processor_orders_total', label: 'result', succeeded: 'executed', failed: 'failed' },
    },
    // Of these a placement takes several, within 20 ms in all.
    statements: { histogram: 'database_statement_duration_seconds', withinSeconds: 0.01 },
    probe: { success: 'probe_success{job="health"}', seconds: 'probe_duration_seconds{job="health"}' },
    resources: {
      cpu: '1 - sum by (instance) (rate(host_cpu_seconds_total{mode="idle"}[5m])) / sum by (instance) (rate(host_cpu_seconds_total[5m]))',
      memory: 'host_memory_bytes{state="used"} / ignoring (state) sum without (state) (host_memory_bytes)',
      disk: 'host_filesystem_bytes{state="used"} / ignoring (state) sum without (state) (host_filesystem_bytes)',
    },
  },
  dashboards: {
    files: ['deploy/grafana/dashboards/*.json'],
    provisioning: ['deploy/grafana/provisioning/*/*.yaml'],
    others: ['up', 'probe_success', 'redis_up'],
    required: [
      {
        ...{ items: ['dashboards.api-success'], dashboard: 'order-service-overview' },
        panels: { 'API success rate': ['http_server_request_duration_seconds'] },
      },
      {
        ...{ items: ['dashboards.overview'], dashboard: 'order-service-overview' },
        panels: {
          'Replicas up': ['up'],
          Database: ['database_up'],
          'Kill switch': ['kill_switch_engaged'],
          'Orders executed': ['limit_processor_orders_total'],
          'Queue depths': ['outbox_backlog_events', 'orders_waiting', 'webhook_backlog_deliveries'],
          'Error rate': ['http_server_request_duration_seconds'],
        },
      },
      {
        ...{ items: ['dashboards.system'], dashboard: 'order-service-system' },
        panels: {
          CPU: ['host_cpu_seconds_total'],
          Memory: ['host_memory_bytes'],
          Disk: ['host_filesystem_bytes'],
          'Request rate': ['http_server_request_duration_seconds'],
          'Error rate': ['http_server_request_duration_seconds'],
          'Response time': ['http_server_request_duration_seconds'],
        },
      },
      {
        ...{ items: ['dashboards.trading'], dashboard: 'order-service-trading' },
        panels: {
          'Active positions': ['portfolio_positions'],
          'Daily profit and loss': ['portfolio_profit'],
          'Order success and failure': ['limit_processor_orders_total'],
          'Execution latency': ['limit_processor_cycle_duration_seconds'],
        },
      },
      {
        ...{ items: ['dashboards.order-flow'], dashboard: 'order-service-trading' },
        panels: { 'Order flow': ['orders_total', 'limit_processor_orders_total'] },
      },
      {
        ...{ items: ['dashboards.portfolio-staleness'], dashboard: 'order-service-trading' },
        panels: { 'Portfolio staleness': ['portfolio_staleness_seconds'] },
      },
      {
        ...{ items: ['dashboards.risk-approvals'], dashboard: 'order-service-trading' },
        panels: { 'Risk approval rate': ['orders_total'] },
      },
      {
        ...{ items: ['dashboards.reconciliation'], dashboard: 'order-service-trading' },
        panels: { Reconciliation: ['reconciliation_actions'] },
      },
    ],
  },
  logs: {
    levels: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    requestId: { field: 'requestId', header: 'x-request-id' },
    writeId: 'orderId',
    security: {
      wrongKey: { message: 'Access refused', who: 'address', fields: { code: 'unauthenticated' } },
      lockedOut: { message: 'Locked out', who: 'address' },
      forbidden: { message: 'Access refused', who: 'by', fields: { code: 'forbidden' } },
      rateLimited: { message: 'Access refused', who: 'address', fields: { code: 'rate_limited' } },
      killSwitch: { message: 'Kill switch changed', who: 'by' },
      limits: { message: 'Risk limits changed', who: 'by' },
    },
  },
  audit: {
    tables: recorded,
    events: 'SELECT order_id::text FROM execution.order_events',
    invariants: [
      'the status of an order is the one that its last event left',
      'the events of an order follow one another without a gap, each by an allowed transition',
      'folding the events of an order gives its row',
      'a fill is booked once, and one event tells of it',
      'the kill switch stands where its last event left it',
    ],
    changes: [
      {
        name: 'kill switch',
        // It stays as it is: a change of its reason is a change too.
        request: { method: 'PUT', path: '/api/v1/kill-switch', body: { state: 'ACTIVE', reason: '{marker}' } },
        table: 'risk.kill_switch_events',
        records: 'SELECT reason, changed_by FROM risk.kill_switch_events',
      },
      {
        name: 'risk limits',
        request: {
          method: 'PUT',
          path: '/api/v1/risk/limits',
          body: { accountId: '{account}', reason: '{marker}', maxOpenOrders: 1_000_000 },
        },
        table: 'risk.limit_changes',
        records: 'SELECT reason, changed_by FROM risk.limit_changes',
      },
      {
        name: 'keys',
        command: ['node', 'service/src/keys.ts', 'create', '--role', 'viewer', '--account', '{marker}', '--json'],
        table: 'access.key_events',
        records:
          'SELECT a.name, e.changed_by FROM access.key_events e JOIN portfolio.accounts a ON a.id = e.account_id',
      },
    ],
  },
  outage: { answerMs: 1_000, inFlightMs: 3_000, notReadyMs: 5_000, writesAgainMs: 10_000 },
  replicas: { environment: { DRAIN_DELAY_MS: '500' } },
  drillPages: {
    'drills/backend-killed-mid-order': 'runbooks/ServiceDown.md',
    'drills/postgres-stopped': 'runbooks/DatabaseLost.md',
    'drills/slow-and-broken-links': 'runbooks/DatabaseLost.md',
    'drills/disk-full': 'runbooks/DatabaseDiskFull.md',
    'drills/redis-lost': 'runbooks/RedisLost.md',
    'drills/kill-switch-linearizable': 'runbooks/KillSwitchActivated.md',
    'drills/worker-killed': 'runbooks/WorkerSilent.md',
    'drills/replica-killed': 'runbooks/ServiceDown.md',
    'drills/replicas-are-rolled': 'runbooks/ServiceDown.md',
    'drills/graceful-stop': 'runbooks/ServiceDown.md',
    'drills/process-crashes-cleanly': 'runbooks/ServiceDown.md',
  },
  governance: {
    // Beside the gates that say so themselves: who may see whose orders, and what becomes of them.
    unwaivable: ['access/*', 'orders/state-machine-is-enforced'],
    // Whoever releases names in `roles` who signs for what: until then no sign-off counts.
    twoApprovers: ['approval.security', 'approval.risk'],
  },
});
