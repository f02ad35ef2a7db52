/** How the order service is started, and what it reads. */
import type { ConfigInput } from 'preflight';

export const service: ConfigInput['service'] = {
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
};

export const build: ConfigInput['build'] = {
  path: '/api/v1/health',
  commit: 'commit',
  configuration: 'configuration',
  uptimeSeconds: 'uptimeSeconds',
  variable: 'BUILD_COMMIT',
};
