import { isRowFault } from '../db/errors.ts';
import { expireDueOrders } from '../db/expire-orders.ts';
import {
  type ExecutionBounds,
  fillMarketableOrders,
  findMarketableOrders,
  findUnpricedSymbols,
} from '../db/limit-orders.ts';
import { type DatabasePool, transaction, withConnection } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';

/** What one cycle did. */
export interface ExecutionCycle {
  /** Marketable orders that this cycle claimed. */
  readonly examined: number;
  readonly executed: number;
  readonly expired: number;
  /** Marketable orders whose own execution failed; they stay as they were. */
  readonly failed: number;
  readonly durationMs: number;
  /** Symbols on which orders rest while no fresh quote can price them. */
  readonly unpriced: readonly string[];
  readonly failures: readonly { readonly orderId: string; readonly error: OrderServiceError }[];
}

type Fills = Pick<ExecutionCycle, 'examined' | 'executed' | 'failed' | 'failures'>;

/**
 * One cycle of the limit processor: ends orders whose time is over, then fills what the quotes fill. It goes on while the
 * kill switch is engaged, which stops new orders only. Any number of processors may run side by side.
 *
 * @throws OrderServiceError when the database cannot be used; what was committed before stays.
 */
export async function executeLimitOrders(pool: DatabasePool, bounds: ExecutionBounds): Promise<ExecutionCycle> {
  const startedAt = performance.now();
  const expired = await transaction(pool, (tx) => expireDueOrders(tx, bounds.batch));
  const fills = await fillTogether(pool, bounds);
  const unpriced = await withConnection(pool, (tx) => findUnpricedSymbols(tx, bounds));
  return { ...fills, expired, unpriced, durationMs: performance.now() - startedAt };
}

async function fillTogether(pool: DatabasePool, bounds: ExecutionBounds): Promise<Fills> {
  try {
    const filled = await transaction(pool, (tx) => fillMarketableOrders(tx, bounds, null));
    return { ...filled, failed: 0, failures: [] };
  } catch (error) {
    if (!isRowFault(error)) {
      throw error;
    }
    // One row that cannot be booked would hold up all others for ever: each gets a transaction of its own.
    return fillOneByOne(pool, bounds);
  }
}

/** At most `batch` transactions. */
async function fillOneByOne(pool: DatabasePool, bounds: ExecutionBounds): Promise<Fills> {
  const orderIds = await withConnection(pool, (tx) => findMarketableOrders(tx, bounds));
  let executed = 0;
  const failures: { orderId: string; error: OrderServiceError }[] = [];
  for (const orderId of orderIds) {
    try {
      executed += (await transaction(pool, (tx) => fillMarketableOrders(tx, bounds, [orderId]))).executed;
    } catch (error) {
      if (!(error instanceof OrderServiceError) || !isRowFault(error)) {
        throw error;
      }
      failures.push({ orderId, error });
    }
  }
  return { examined: orderIds.length, executed, failed: failures.length, failures };
}
