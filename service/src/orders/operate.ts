import { type DatabasePool, transaction, withConnection } from '../db/pool.ts';
import { findCycles } from '../db/processing-cycles.ts';
import { findProcessingPause, insertProcessingPause, type ProcessingPause } from '../db/processing-pauses.ts';
import { OrderServiceError } from '../domain/errors.ts';
import type { Order } from '../domain/order.ts';
import { applyReport } from './apply-report.ts';
import { getOrder } from './get-order.ts';

/** What became of an order whose outcome nobody knew, as an operator has seen it at the venue. */
export const RESOLUTIONS = ['accepted', 'canceled', 'rejected', 'expired'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export interface ResolveOrder {
  readonly orderId: string;
  readonly outcome: Resolution;
  /** The evidence, for the order's history. */
  readonly reason: string;
  readonly by: string;
}

/**
 * Ends the doubt about an order that is UNKNOWN, by evidence that a person has seen: like a report of the venue, under the
 * same lock, and with who said so in the order's history. Its fills come as reports of their own, also later.
 *
 * @throws OrderServiceError `order_not_found`, or `order_not_unknown` when it is in another state.
 */
export async function resolveOrder(pool: DatabasePool, { orderId, outcome, reason, by }: ResolveOrder): Promise<Order> {
  await getOrder(pool, 'all-accounts', orderId);
  const report = { kind: outcome, orderId, onlyFrom: 'UNKNOWN', reason: `${by}: ${reason}` } as const;
  const { kind } = await applyReport(pool, report);
  const order = await getOrder(pool, 'all-accounts', orderId);
  if (kind !== 'applied') {
    throw new OrderServiceError('order_not_unknown', { details: { status: order.status } });
  }
  return order;
}

/** Whether resting orders are executed. `running`: a cycle of a scheduler that began before is still at it. */
export interface Processing extends Omit<ProcessingPause, 'reason' | 'changedBy' | 'changedAt'> {
  readonly reason: string | null;
  readonly changedBy: string | null;
  readonly changedAt: string | null;
  readonly running: boolean;
}

const NEVER_PAUSED = { paused: false, reason: null, changedBy: null, changedAt: null } as const;

export async function readProcessing(pool: DatabasePool): Promise<Processing> {
  return withConnection(pool, async (tx) => {
    const pause = await findProcessingPause(tx);
    const cycles = await findCycles(tx);
    const running = cycles.some(({ source, finishedAt }) => source === 'scheduler' && finishedAt === null);
    return { ...(pause ?? NEVER_PAUSED), running };
  });
}

/** Pauses the execution and the expiry of resting orders, or goes on with it. A cycle that has begun ends what it began. */
export async function setProcessing(
  pool: DatabasePool,
  change: { paused: boolean; reason: string; by: string },
): Promise<Processing> {
  const { paused, reason, by: changedBy } = change;
  await transaction(pool, (tx) => insertProcessingPause(tx, { paused, reason, changedBy }));
  return readProcessing(pool);
}
