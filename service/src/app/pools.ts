/** The connections to PostgreSQL, by what they are for. */
import type { Config } from '../config.ts';
import { createPool, type DatabasePool, type PoolOptions } from '../db/pool.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Requests must not starve probes, nor cycles requests: each has connections of its own. */
const HEALTH_POOL = { max: 2, queueMax: 50, connectionTimeoutMs: 900, statementTimeoutMs: 800, queryTimeoutMs: 900 };
/** A step of each worker, heartbeats, a requested cycle with the connection that holds its lock, and a second request that finds it held. */
const WORKER_POOL_MAX = 8;
/**
 * Of POOL_MAX, what looks up keys: a tenth of what an order asks, and it must not wait behind orders that wait for a lock. Whoever is
 * refused has waited once then, and not twice.
 */
const ACCESS_SHARE = 0.2;
/** A replica that freezes while it holds the mirror's lock must not hold up the others for longer than this. */
const KILL_SWITCH_POOL = { max: 2, idleInTransactionTimeoutMs: 1000 };
/** A cycle may touch a whole batch of orders, and nobody waits for it on a socket. */
const WORKER_STATEMENT_TIMEOUT_MS = 10_000;

export interface Pools {
  readonly api: DatabasePool;
  readonly access: DatabasePool;
  readonly health: DatabasePool;
  readonly worker: DatabasePool;
  readonly killSwitch: DatabasePool;
  /** For the one question whether the server answers at all. */
  readonly silence: DatabasePool;
}

export function createPools(
  config: Config,
  logger: Logger,
  hooks: { isSilent: () => boolean; observeStatement: Metrics['observeStatement'] },
): Pools {
  const { isSilent, observeStatement } = hooks;
  const pool = (name: keyof Pools, bounds: Partial<PoolOptions>): DatabasePool =>
    createPool({
      ...config.pool,
      ...bounds,
      connectionString: config.databaseUrl,
      applicationName: `order-service ${name}`,
      onError: (error) => logger.warn({ err: error, pool: name }, 'Database connection lost'),
      onStatement: (seconds) => observeStatement(name, seconds),
    });
  const accessMax = Math.max(1, Math.floor(config.pool.max * ACCESS_SHARE));
  return {
    api: pool('api', { max: config.pool.max - accessMax, isSilent }),
    access: pool('access', { max: accessMax, isSilent }),
    health: pool('health', HEALTH_POOL),
    killSwitch: pool('killSwitch', { ...KILL_SWITCH_POOL, isSilent }),
    silence: pool('silence', { max: 1 }),
    worker: pool('worker', {
      max: WORKER_POOL_MAX,
      statementTimeoutMs: WORKER_STATEMENT_TIMEOUT_MS,
      queryTimeoutMs: WORKER_STATEMENT_TIMEOUT_MS + 500,
    }),
  };
}
