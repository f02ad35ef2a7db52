import { randomBytes, randomUUID, randomUUIDv7 } from 'node:crypto';
import { type App, type AppRole, createAlarmCounter, createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { insertApiKeys } from '../../src/db/api-keys.ts';
import { type DatabasePool, transaction } from '../../src/db/pool.ts';
import { type KeyRole, mintKey } from '../../src/domain/api-key.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { secretsOf } from '../../src/telemetry/scrub.ts';
import { type Answer, type Ask, ask } from './client.ts';
import { asService } from './postgres.ts';

/** The whole service in this process, on free ports, with its log kept. */
export interface RunningApp {
  readonly url: string;
  readonly metricsUrl: string;
  readonly app: App;
  readonly processorKey: string;
  /** Every log line so far, as written. */
  readonly log: readonly string[];
  readonly ask: (method: string, path: string, options?: Ask) => Promise<Answer>;
  /** Places an order with a fresh idempotency key unless `headers` brings one. */
  readonly place: (key: string, order: unknown, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

const CLOSE_DEADLINE_MS = 10_000;

/** Environment of a service for tests: free ports, and limits that tests do not run into by accident. */
export function testEnvironment(
  databaseUrl: string,
  changes: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    DATABASE_URL: asService(databaseUrl),
    ORDER_PROCESSING_API_KEY: randomBytes(32).toString('hex'),
    NODE_ENV: 'test',
    PORT: '0',
    METRICS_PORT: '0',
    LOG_LEVEL: 'debug',
    RATE_LIMIT_PER_MINUTE_ADDRESS: '100000',
    RATE_LIMIT_PER_HOUR_KEY: '100000',
    LOCKOUT_FAILURES_PER_KEY: '100000',
    LOCKOUT_FAILURES_PER_ADDRESS: '100000',
    // A machine that is busy with other tests is late, which is not what most of them are about.
    IN_FLIGHT_MAX: '1000',
    POOL_WAIT_MAX_MS: '10000',
    POOL_CONNECTION_TIMEOUT_MS: '5000',
    EVENT_LOOP_DELAY_MAX_MS: '10000',
    ...changes,
  };
}

/** Starts it. Role `api`, so that nothing runs which a test did not ask for. */
export async function startApp(
  databaseUrl: string,
  changes: Readonly<Record<string, string>> = {},
  role: AppRole = 'api',
): Promise<RunningApp> {
  const config = loadConfig(testEnvironment(databaseUrl, changes));
  const log: string[] = [];
  const logCounts = createAlarmCounter();
  const logger = createLogger({
    onLine: logCounts.count,
    level: config.logLevel,
    nodeEnv: config.nodeEnv,
    secrets: secretsOf(config),
    destination: { write: (line) => log.push(line) },
  });
  const app = createApp(config, { logger, role, logCounts });
  const { port, metricsPort } = await app.start();
  const url = `http://127.0.0.1:${port}`;
  const askApp: RunningApp['ask'] = (method, path, options) => ask(url, method, path, options);
  return {
    url,
    metricsUrl: `http://127.0.0.1:${metricsPort}`,
    app,
    processorKey: config.orderProcessingApiKey,
    log,
    ask: askApp,
    place: (key, order, headers = {}) =>
      askApp('POST', '/api/v1/orders', { key, body: order, headers: { 'idempotency-key': randomUUID(), ...headers } }),
    close: () => app.close(CLOSE_DEADLINE_MS),
  };
}

/** Stores a new key and gives it back. */
export async function addKey(
  pool: DatabasePool,
  role: KeyRole,
  accountId: string | null,
  expiresAt: string | null = null,
): Promise<string> {
  const { key, prefix, digest } = mintKey();
  await transaction(pool, (tx) =>
    insertApiKeys(tx, [{ id: randomUUIDv7(), prefix, digest, role, accountId, expiresAt }]),
  );
  return key;
}

/** A LIMIT BUY of 1 at 100 as a client writes it, with what `changes` says. */
export function orderBody(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '1', price: '100', mode: 'PAPER', ...changes };
}
