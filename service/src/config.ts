/**
 * Environment → checked, frozen configuration.
 *
 * Every fault is collected before anything is reported, so that one failed start shows the whole list.
 * Secrets have no defaults, and neither a secret's value nor any part of it appears in a fault.
 */
import { createHash } from 'node:crypto';
import { corsOrigins, databaseUrl, quoteProviders, redisUrl, webhookUrl } from './config/addresses.ts';
import { buildCommit, nextProcessingKey, processingKey, webhookSecret } from './config/keys.ts';
import {
  ConfigError,
  type ConfigFault,
  host,
  integer,
  oneOf,
  positiveDecimal,
  type Variable,
} from './config/variable.ts';

export { isLoopback } from './config/addresses.ts';
export { ConfigError, type ConfigFault, formatFault } from './config/variable.ts';

/** EX_CONFIG of sysexits.h: what every command exits with when its environment is wrong. */
export const EXIT_CONFIG = 78;

/** The environment as a plain record, so that tests can pass their own. */
export type Environment = Readonly<Record<string, string | undefined>>;

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Every variable that the service reads, with its range and default. `.env.example` lists exactly these. */
const VARIABLES = {
  DATABASE_URL: databaseUrl,
  ORDER_PROCESSING_API_KEY: processingKey,
  ORDER_PROCESSING_API_KEY_NEXT: nextProcessingKey,
  NODE_ENV: oneOf('development', ['development', 'test', 'production']),
  BUILD_COMMIT: buildCommit,
  HOST: host('127.0.0.1'),
  PORT: integer(3000, 0, 65_535),
  METRICS_HOST: host('127.0.0.1'),
  METRICS_PORT: integer(9464, 0, 65_535),
  LOG_LEVEL: oneOf('info', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  POOL_MAX: integer(10, 2, 100),
  POOL_QUEUE_MAX: integer(100, 1, 10_000),
  POOL_CONNECTION_TIMEOUT_MS: integer(600, 50, MINUTE),
  POOL_WAIT_MAX_MS: integer(200, 10, MINUTE),
  STATEMENT_TIMEOUT_MS: integer(2000, 50, MINUTE),
  LOCK_TIMEOUT_MS: integer(1000, 50, MINUTE),
  IDLE_IN_TRANSACTION_TIMEOUT_MS: integer(5000, 100, 5 * MINUTE),
  QUERY_TIMEOUT_MS: integer(2500, 50, 2 * MINUTE),
  REQUEST_TIMEOUT_MS: integer(3000, 100, 2 * MINUTE),
  IN_FLIGHT_MAX: integer(120, 1, 10_000),
  EVENT_LOOP_DELAY_MAX_MS: integer(100, 20, MINUTE),
  BODY_LIMIT_BYTES: integer(16_384, 256, 1_048_576),
  RATE_LIMIT_PER_MINUTE_ADDRESS: integer(100, 1, 10_000_000),
  RATE_LIMIT_PER_HOUR_KEY: integer(1000, 1, 100_000_000),
  RATE_LIMIT_PER_MINUTE_PUBLIC: integer(6000, 1, 10_000_000),
  TRUST_PROXY_HOPS: integer(0, 0, 5),
  LOCKOUT_FAILURES_PER_KEY: integer(5, 1, 1_000_000),
  LOCKOUT_FAILURES_PER_ADDRESS: integer(10, 1, 1_000_000),
  LOCKOUT_SECONDS: integer(3600, 1, 86_400),
  CORS_ORIGINS: corsOrigins,
  REDIS_URL: redisUrl,
  MAX_ORDER_NOTIONAL: positiveDecimal('100000'),
  MARKET_ORDER_PADDING_BPS: integer(500, 0, 10_000),
  QUOTE_MAX_AGE_MS: integer(15_000, 100, 10 * MINUTE),
  QUOTE_PROVIDERS: quoteProviders,
  QUOTE_POLL_MS: integer(5000, 50, 10 * MINUTE),
  QUOTE_TIMEOUT_MS: integer(2000, 50, MINUTE),
  QUOTE_TOLERANCE_BPS: integer(10, 1, 10_000),
  QUOTE_CALLS_PER_DAY: integer(100_000, 1, 100_000_000),
  QUOTE_BREAKER_PAUSE_MS: integer(30_000, 100, 10 * MINUTE),
  WEBHOOK_URL: webhookUrl,
  WEBHOOK_SECRET: webhookSecret,
  PNL_METHOD: oneOf('average', ['average', 'fifo']),
  PROCESSOR_INTERVAL_MS: integer(500, 10, 10 * MINUTE),
  PROCESSOR_BATCH: integer(500, 1, 10_000),
  DRAIN_DELAY_MS: integer(0, 0, MINUTE),
  DRAIN_DEADLINE_MS: integer(25_000, 100, 10 * MINUTE),
} satisfies Record<string, Variable<unknown>>;

/** The name of a variable that the service reads. */
export type VariableName = keyof typeof VARIABLES;

type ValueOf<V> = V extends Variable<infer T> ? T : never;
type Values = { -readonly [K in VariableName]: ValueOf<(typeof VARIABLES)[K]> };

/** Name and default of every variable; `fallback` is undefined for those that must be set. */
export function describeVariables(): readonly { readonly name: string; readonly fallback: string | undefined }[] {
  const all: Readonly<Record<string, Variable<unknown>>> = VARIABLES;
  return Object.entries(all).map(([name, variable]) => ({ name, fallback: variable.fallback }));
}

/** Their values open something, or are addresses that carry a password. */
const SECRET: ReadonlySet<string> = new Set<VariableName>([
  'DATABASE_URL',
  'REDIS_URL',
  'WEBHOOK_URL',
  'WEBHOOK_SECRET',
  'QUOTE_PROVIDERS',
  'ORDER_PROCESSING_API_KEY',
  'ORDER_PROCESSING_API_KEY_NEXT',
]);
const FINGERPRINT_LENGTH = 12;

/** What an environment sets, without any secret's value. */
export interface EnvironmentReport {
  /** Names of the variables that are set. */
  readonly set: readonly string[];
  /** What holds for each variable that is no secret, defaults too. */
  readonly values: Readonly<Record<string, string>>;
  /** Of `values`: two processes with the same one run with the same settings. Which build they run is no setting. */
  readonly fingerprint: string;
}

export function describeEnvironment(env: Environment = process.env): EnvironmentReport {
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  const open = describeVariables().filter(({ name }) => !SECRET.has(name));
  const values = Object.fromEntries(open.map(({ name, fallback = '' }) => [name, env[name] || fallback]));
  const { BUILD_COMMIT: _, ...settings } = values;
  const fingerprint = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, FINGERPRINT_LENGTH);
  return { set: Object.keys(VARIABLES).filter(isSet), values, fingerprint };
}

/** Reads one variable; a fault is added to `faults` and undefined returned. */
function read<K extends VariableName>(env: Environment, name: K, faults: ConfigFault[]): Values[K] | undefined {
  const variable = VARIABLES[name] as Variable<Values[K]>;
  const set = env[name];
  const raw = set === undefined || set === '' ? variable.fallback : set;
  if (raw === undefined) {
    faults.push({ name, wrong: 'is missing', right: variable.right });
    return undefined;
  }
  const parsed = variable.parse(raw);
  if ('value' in parsed) return parsed.value;
  faults.push({ name, wrong: parsed.wrong, right: variable.right });
  return undefined;
}

/** Faults that only show between two variables which are each right by themselves. */
function crossFaults(v: Partial<Values>): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const mustExceed = (name: VariableName, value = Infinity, other: VariableName, floor = -Infinity): void => {
    if (value > floor) return;
    faults.push({ name, wrong: `${value} is not greater than ${other} (${floor})`, right: `set more than ${floor}` });
  };
  // The server must give up first: a client-side timeout leaves the statement running.
  mustExceed('QUERY_TIMEOUT_MS', v.QUERY_TIMEOUT_MS, 'STATEMENT_TIMEOUT_MS', v.STATEMENT_TIMEOUT_MS);
  mustExceed('REQUEST_TIMEOUT_MS', v.REQUEST_TIMEOUT_MS, 'QUERY_TIMEOUT_MS', v.QUERY_TIMEOUT_MS);
  mustExceed('DRAIN_DEADLINE_MS', v.DRAIN_DEADLINE_MS, 'DRAIN_DELAY_MS', v.DRAIN_DELAY_MS);
  if ((v.QUOTE_PROVIDERS ?? []).length > 0) {
    // Else each quote would be too old to price anything before the next one comes.
    mustExceed('QUOTE_MAX_AGE_MS', v.QUOTE_MAX_AGE_MS, 'QUOTE_POLL_MS', v.QUOTE_POLL_MS);
  }
  if (typeof v.WEBHOOK_URL === 'string' && v.WEBHOOK_SECRET === null) {
    faults.push({ name: 'WEBHOOK_SECRET', wrong: 'is missing beside WEBHOOK_URL', right: processingKey.right });
  }
  if (v.PORT !== undefined && v.PORT !== 0 && v.PORT === v.METRICS_PORT) {
    faults.push({
      name: 'METRICS_PORT',
      wrong: `${v.PORT} is PORT as well`,
      right: 'set another port, or 0 for a free one',
    });
  }
  return faults;
}

function complete(values: Partial<Values>): values is Values {
  return Object.keys(VARIABLES).every((name) => values[name as VariableName] !== undefined);
}

function readAll(env: Environment): Values {
  const faults: ConfigFault[] = [];
  const values: Partial<Record<VariableName, unknown>> = {};
  for (const name of Object.keys(VARIABLES) as VariableName[]) values[name] = read(env, name, faults);
  const typed = values as Partial<Values>;
  faults.push(...crossFaults(typed));
  if (faults.length > 0 || !complete(typed)) throw new ConfigError(faults);
  return typed;
}

function freeze(v: Values, fingerprint: string) {
  return Object.freeze({
    nodeEnv: v.NODE_ENV,
    build: Object.freeze({ commit: v.BUILD_COMMIT, configuration: fingerprint }),
    databaseUrl: v.DATABASE_URL,
    orderProcessingApiKey: v.ORDER_PROCESSING_API_KEY,
    nextOrderProcessingApiKey: v.ORDER_PROCESSING_API_KEY_NEXT,
    logLevel: v.LOG_LEVEL,
    http: Object.freeze({
      host: v.HOST,
      port: v.PORT,
      requestTimeoutMs: v.REQUEST_TIMEOUT_MS,
      inFlightMax: v.IN_FLIGHT_MAX,
      poolWaitMaxMs: v.POOL_WAIT_MAX_MS,
      eventLoopDelayMaxMs: v.EVENT_LOOP_DELAY_MAX_MS,
      bodyLimitBytes: v.BODY_LIMIT_BYTES,
      rateLimitPerMinuteAddress: v.RATE_LIMIT_PER_MINUTE_ADDRESS,
      rateLimitPerHourKey: v.RATE_LIMIT_PER_HOUR_KEY,
      rateLimitPerMinutePublic: v.RATE_LIMIT_PER_MINUTE_PUBLIC,
      trustProxyHops: v.TRUST_PROXY_HOPS,
      corsOrigins: Object.freeze([...v.CORS_ORIGINS]),
    }),
    lockout: Object.freeze({
      failuresPerKey: v.LOCKOUT_FAILURES_PER_KEY,
      failuresPerAddress: v.LOCKOUT_FAILURES_PER_ADDRESS,
      seconds: v.LOCKOUT_SECONDS,
    }),
    redisUrl: v.REDIS_URL,
    metrics: Object.freeze({ host: v.METRICS_HOST, port: v.METRICS_PORT }),
    pool: Object.freeze({
      max: v.POOL_MAX,
      queueMax: v.POOL_QUEUE_MAX,
      connectionTimeoutMs: v.POOL_CONNECTION_TIMEOUT_MS,
      statementTimeoutMs: v.STATEMENT_TIMEOUT_MS,
      lockTimeoutMs: v.LOCK_TIMEOUT_MS,
      idleInTransactionTimeoutMs: v.IDLE_IN_TRANSACTION_TIMEOUT_MS,
      queryTimeoutMs: v.QUERY_TIMEOUT_MS,
    }),
    orders: Object.freeze({
      maxOrderNotional: v.MAX_ORDER_NOTIONAL,
      marketOrderPaddingBps: v.MARKET_ORDER_PADDING_BPS,
      quoteMaxAgeMs: v.QUOTE_MAX_AGE_MS,
      pnlMethod: v.PNL_METHOD,
    }),
    quotes: Object.freeze({
      providers: Object.freeze(v.QUOTE_PROVIDERS.map((provider) => Object.freeze(provider))),
      pollMs: v.QUOTE_POLL_MS,
      timeoutMs: v.QUOTE_TIMEOUT_MS,
      toleranceBps: v.QUOTE_TOLERANCE_BPS,
      callsPerDay: v.QUOTE_CALLS_PER_DAY,
      breakerPauseMs: v.QUOTE_BREAKER_PAUSE_MS,
    }),
    webhook:
      v.WEBHOOK_URL === null || v.WEBHOOK_SECRET === null
        ? null
        : Object.freeze({ url: v.WEBHOOK_URL, secret: v.WEBHOOK_SECRET }),
    processor: Object.freeze({ intervalMs: v.PROCESSOR_INTERVAL_MS, batch: v.PROCESSOR_BATCH }),
    drain: Object.freeze({ delayMs: v.DRAIN_DELAY_MS, deadlineMs: v.DRAIN_DEADLINE_MS }),
  });
}

/** The whole checked configuration; deeply frozen. Durations are milliseconds, sizes bytes, money a decimal string. */
export type Config = ReturnType<typeof freeze>;

/**
 * Reads and checks everything.
 * @throws ConfigError with every fault at once.
 */
export function loadConfig(env: Environment = process.env): Config {
  return freeze(readAll(env), describeEnvironment(env).fingerprint);
}

/** What the small commands (migrate, keys, seed) need: the database and the kind of environment. */
export interface CommandConfig {
  readonly databaseUrl: string;
  readonly nodeEnv: Config['nodeEnv'];
  /** MIGRATIONS_DIR, when set: where migrate.ts finds the migrations of an installed service. */
  readonly migrationsDir: string | undefined;
}

/**
 * Reads only what the small commands need, so that a migration runs without the service's secrets.
 * @throws ConfigError with every fault at once.
 */
export function loadCommandConfig(env: Environment = process.env): CommandConfig {
  const faults: ConfigFault[] = [];
  const url = read(env, 'DATABASE_URL', faults);
  const nodeEnv = read(env, 'NODE_ENV', faults);
  if (url === undefined || nodeEnv === undefined) throw new ConfigError(faults);
  const migrationsDir = env.MIGRATIONS_DIR;
  return Object.freeze({ databaseUrl: url, nodeEnv, migrationsDir: migrationsDir === '' ? undefined : migrationsDir });
}
