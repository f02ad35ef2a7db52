import { findKillSwitch } from '../db/kill-switch.ts';
import { type DatabasePool, type Tx, transaction, withConnection } from '../db/pool.ts';
import { findStrategies, setStrategyStatus, shareKillSwitch } from '../db/strategies.ts';
import { OrderServiceError } from '../domain/errors.ts';
import type { Strategy, StrategyStatus } from '../domain/strategy.ts';
import type { JudgeDeps } from './place-order.ts';

/** The most strategies of one page, and how many come unasked. */
export const STRATEGY_PAGE_MAX = 100;
export const STRATEGY_PAGE_DEFAULT = 50;

export interface StrategyPage {
  readonly strategies: readonly Strategy[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Strategies of an account, or with `accountId` null of all, oldest first.
 *
 * @throws OrderServiceError `invalid_cursor`.
 */
export async function listStrategies(
  pool: DatabasePool,
  query: { accountId: string | null; cursor?: string | undefined; limit: number },
): Promise<StrategyPage> {
  const { accountId, cursor, limit } = query;
  if (cursor !== undefined && !UUID.test(cursor)) {
    throw new OrderServiceError('invalid_cursor');
  }
  const filter = { accountId, afterId: cursor ?? null, limit: limit + 1 };
  const found = await withConnection(pool, (tx) => findStrategies(tx, filter));
  const strategies = found.slice(0, limit);
  return { strategies, nextCursor: found.length > limit ? (strategies.at(-1)?.id ?? null) : null };
}

/**
 * Starts or stops a strategy. With `accountId` null it may be any account's.
 *
 * @throws OrderServiceError `strategy_not_found`; `kill_switch_engaged` for a start while it is. Stopping is always possible.
 */
export async function changeStrategy(
  deps: Pick<JudgeDeps, 'pool' | 'switchInRedis'>,
  strategy: { id: string; accountId: string | null },
  status: StrategyStatus,
  by: string,
): Promise<Strategy> {
  const changed = UUID.test(strategy.id)
    ? await transaction(deps.pool, async (tx) => {
        if (status === 'RUNNING') {
          await refuseWhileEngaged(tx, deps);
        }
        return setStrategyStatus(tx, strategy, status, `${status === 'RUNNING' ? 'started' : 'stopped'} by ${by}`);
      })
    : undefined;
  if (changed === undefined) {
    throw new OrderServiceError('strategy_not_found');
  }
  return changed;
}

/** The table's trigger refuses it too, by what PostgreSQL says; this asks Redis as well, and under the same lock. */
async function refuseWhileEngaged(tx: Tx, deps: Pick<JudgeDeps, 'switchInRedis'>): Promise<void> {
  await shareKillSwitch(tx);
  const [inDatabase, inRedis] = await Promise.all([findKillSwitch(tx), deps.switchInRedis?.()]);
  const engaged = [inDatabase?.state ?? 'HALTED', inRedis?.state ?? 'ACTIVE'].find((state) => state !== 'ACTIVE');
  if (engaged !== undefined) {
    throw new OrderServiceError('kill_switch_engaged', { details: { state: engaged } });
  }
}
