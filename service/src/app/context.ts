/** What the parts of a process share. */
import type { Config } from '../config.ts';
import { readOperations, readPortfolioTotals } from '../db/operations.ts';
import { type DatabasePool, withConnection } from '../db/pool.ts';
import { readServerStats } from '../db/server-stats.ts';
import { createSilenceWatch, type SilenceWatch } from '../db/silence.ts';
import { findWorkerAges } from '../db/workers.ts';
import { createKillSwitch, type KillSwitchControl, readKillSwitch } from '../kill-switch/kill-switch.ts';
import { createRedisSwitch } from '../kill-switch/redis-switch.ts';
import type { ExecutionCycle } from '../orders/execute-limit-orders.ts';
import { createRedis, type Redis } from '../redis.ts';
import { createLogCounter, type LogCounter, type LogCounts } from '../telemetry/log-counts.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type LoopWatch, watchLoop } from '../telemetry/loop-watch.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { PROCESSOR_MESSAGES } from '../workers/limit-processor.ts';
import { createPools, type Pools } from './pools.ts';

/** `api` answers requests, `worker` processes orders (and answers health only), `all` does both in one process. */
export const ROLES = ['api', 'worker', 'all'] as const;
export type AppRole = (typeof ROLES)[number];

export interface AppOptions {
  readonly logger: Logger;
  readonly role?: AppRole;
  /** What the logger has counted, for metrics. Default: nothing is. */
  readonly logCounts?: LogCounts;
}

/** Counts what a logger says, and apart from the rest the messages that alerts look for. */
export function createAlarmCounter(): LogCounter {
  const { cycleFailed, orderFailed, noPrice } = PROCESSOR_MESSAGES;
  return createLogCounter([cycleFailed, orderFailed, noPrice]);
}

/** A request waits for Redis at most so long before it goes on without. */
const REDIS_COMMAND_TIMEOUT_MS = 200;

/** What the parts share while the process lives. */
export interface Context {
  readonly config: Config;
  readonly logger: Logger;
  readonly pools: Pools;
  /** Absent without REDIS_URL. */
  readonly redis: Redis | undefined;
  /** The kill switch's own connection to Redis, so that it waits behind nothing. Absent without REDIS_URL. */
  readonly switchRedis: Redis | undefined;
  readonly killSwitch: KillSwitchControl;
  readonly metrics: Metrics;
  readonly silence: SilenceWatch;
  readonly eventLoop: LoopWatch;
  draining: boolean;
  readonly startedAt: Temporal.Instant;
}

export const now = (): Temporal.Instant => Temporal.Now.instant();

function redisOf(config: Config, logger: Logger, onChange?: () => void): Redis | undefined {
  if (config.redisUrl === null) return undefined;
  return createRedis({
    url: config.redisUrl,
    commandTimeoutMs: REDIS_COMMAND_TIMEOUT_MS,
    onError: (error) => logger.warn({ err: error }, 'Redis connection lost'),
    ...(onChange === undefined ? {} : { onChange }),
  });
}

function killSwitchOf(config: Config, logger: Logger, pool: DatabasePool) {
  const redis = redisOf(config, logger, () => void control.look());
  const control = createKillSwitch({
    pool,
    redis: redis && createRedisSwitch(redis),
    onChange: ({ state, version, reason, changedBy: by }) =>
      logger.warn({ state, version, reason, by }, 'Kill switch changed'),
    onError: (error) => logger.error({ err: error }, 'Kill switch and Redis cannot be compared'),
  });
  return { switchRedis: redis, killSwitch: control };
}

export function createContext(config: Config, { logger, logCounts = createAlarmCounter() }: AppOptions): Context {
  // The metrics watch the pools, which tell them of each statement.
  const pools = createPools(config, logger, {
    isSilent: () => silence.isSilent(),
    observeStatement: (pool, seconds) => metrics.observeStatement(pool, seconds),
  });
  const silence = createSilenceWatch({
    pool: pools.silence,
    cut: [pools.api, pools.access, pools.killSwitch],
    onChange: (silent) => logger.warn({ silent }, 'PostgreSQL went silent, or answers again'),
  });
  const { killSwitch, switchRedis } = killSwitchOf(config, logger, pools.killSwitch);
  const metrics = createMetrics({
    // The scrape itself uses the health pool, whose gauges would therefore only show the scrape.
    pools: { api: pools.api.stats, access: pools.access.stats, worker: pools.worker.stats },
    killSwitchEngaged: async () => (await killSwitch.read()).state !== 'ACTIVE',
    isRedisReadable: killSwitch.isRedisReadable,
    operations: () =>
      withConnection(pools.health, async (tx) => ({
        ...(await readOperations(tx)),
        workers: await findWorkerAges(tx),
      })),
    portfolio: () => withConnection(pools.health, readPortfolioTotals),
    server: () => withConnection(pools.health, readServerStats),
    askDatabase: () => readKillSwitch(pools.health),
    logCounts,
  });
  const redis = redisOf(config, logger);
  const eventLoop = watchLoop({ delayMaxMs: config.http.eventLoopDelayMaxMs });
  return {
    ...{ config, logger, pools, silence, redis, switchRedis, killSwitch, metrics, eventLoop },
    draining: false,
    startedAt: now(),
  };
}

export function boundsOf(config: Config) {
  return { batch: config.processor.batch, quoteMaxAgeMs: config.orders.quoteMaxAgeMs };
}

export function observeCycle({ metrics }: Context, cycle: ExecutionCycle): void {
  const { examined, executed, expired, failed, durationMs } = cycle;
  metrics.observeCycle(durationMs / 1000, { examined, executed, expired, failed });
}
