import { isRowFault, violatedConstraint } from '../db/errors.ts';
import { expireDueOrders, expireLeftover, findDueOrders } from '../db/expire-orders.ts';
import {
  type ExecutionBounds,
  type ExecutionFailure,
  fillMarketableOrders,
  findMarketableOrders,
  findUnpricedSymbols,
  recordExecutionFailure,
  type UnpricedSymbol,
} from '../db/limit-orders.ts';
import { type DatabasePool, type Tx, transaction, withConnection } from '../db/pool.ts';
import { findProcessingPause } from '../db/processing-pauses.ts';
import { OrderServiceError } from '../domain/errors.ts';

/**
 * How long an order whose execution failed is left alone. It cannot be booked before somebody mends the books, and until
 * then it would force every cycle to go order by order.
 */
export const EXECUTION_RETRY_AFTER_MS = 60_000;

/** What one cycle did. */
export interface ExecutionCycle {
  /** Orders that this cycle claimed: those that the quotes reach, and those that must be looked at at once. */
  readonly examined: number;
  /** Orders that got a fill, whole or in part. */
  readonly executed: number;
  /** Orders whose time is over, and what was left of immediate ones. */
  readonly expired: number;
  /** Orders whose own execution or expiry failed; each says so in an event, and is tried again later. */
  readonly failed: number;
  readonly durationMs: number;
  /** Symbols on which orders rest while nothing can price them. */
  readonly unpriced: readonly UnpricedSymbol[];
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly orderId: string;
  readonly reason: ExecutionFailure;
  readonly error: OrderServiceError;
}

interface Done {
  readonly examined: number;
  readonly executed: number;
  readonly expired: number;
}
const NOTHING = { examined: 0, executed: 0, expired: 0, failed: 0 } as const;
type Attempt = Done & { readonly failures: readonly Failure[] };

/**
 * One cycle of the limit processor: ends orders whose time is over, then fills what the quotes fill and ends what is left
 * of immediate orders. It goes on while the kill switch is engaged, which stops new orders only, and does nothing while an
 * operator has paused it. Any number of processors may run side by side.
 *
 * @throws OrderServiceError when the database cannot be used; what was committed before stays.
 */
export async function executeLimitOrders(pool: DatabasePool, bounds: ExecutionBounds): Promise<ExecutionCycle> {
  const startedAt = performance.now();
  if ((await withConnection(pool, findProcessingPause))?.paused === true) {
    return { ...NOTHING, failures: [], unpriced: [], durationMs: performance.now() - startedAt };
  }
  const due = await together(pool, {
    all: (tx) => expireDue(tx, bounds, null),
    find: (tx) => findDueOrders(tx, bounds.batch),
    one: (tx, orderId) => expireDue(tx, bounds, [orderId]),
  });
  const filled = await together(pool, {
    all: (tx) => fill(tx, bounds, null),
    find: (tx) => findMarketableOrders(tx, bounds),
    one: (tx, orderId) => fill(tx, bounds, [orderId]),
  });
  const failures = [...due.failures, ...filled.failures];
  return {
    examined: filled.examined,
    executed: filled.executed,
    expired: due.expired + filled.expired,
    failed: failures.length,
    failures,
    unpriced: await withConnection(pool, (tx) => findUnpricedSymbols(tx, bounds)),
    durationMs: performance.now() - startedAt,
  };
}

async function expireDue(tx: Tx, { batch }: ExecutionBounds, orderIds: readonly string[] | null): Promise<Done> {
  return { examined: 0, executed: 0, expired: await expireDueOrders(tx, batch, orderIds) };
}

async function fill(tx: Tx, bounds: ExecutionBounds, orderIds: readonly string[] | null): Promise<Done> {
  const { leftover, ...counts } = await fillMarketableOrders(tx, bounds, orderIds);
  return { ...counts, expired: leftover.length === 0 ? 0 : await expireLeftover(tx, leftover) };
}

/** The same work for all orders in one transaction, and for one order in a transaction of its own. */
interface Work {
  readonly all: (tx: Tx) => Promise<Done>;
  readonly find: (tx: Tx) => Promise<string[]>;
  readonly one: (tx: Tx, orderId: string) => Promise<Done>;
}

async function together(pool: DatabasePool, work: Work): Promise<Attempt> {
  try {
    return { ...(await transaction(pool, work.all)), failures: [] };
  } catch (error) {
    if (!isRowFault(error)) {
      throw error;
    }
    // One row that cannot be booked would hold up all others for ever: each gets a transaction of its own.
    return oneByOne(pool, work);
  }
}

/** At most `batch` transactions, which is as many as `find` finds. */
async function oneByOne(pool: DatabasePool, work: Work): Promise<Attempt> {
  const total = { examined: 0, executed: 0, expired: 0 };
  const failures: Failure[] = [];
  for (const orderId of await withConnection(pool, work.find)) {
    try {
      const done = await transaction(pool, (tx) => work.one(tx, orderId));
      total.examined += done.examined;
      total.executed += done.executed;
      total.expired += done.expired;
    } catch (error) {
      if (!(error instanceof OrderServiceError) || !isRowFault(error)) {
        throw error;
      }
      const reason = failureReason(error);
      const failure = { orderId, reason, retryAfterMs: EXECUTION_RETRY_AFTER_MS };
      await transaction(pool, (tx) => recordExecutionFailure(tx, failure));
      total.examined += 1;
      failures.push({ orderId, reason, error });
    }
  }
  return { ...total, failures };
}

/** What the books lack, by the constraint that refused. */
export function failureReason(error: OrderServiceError): ExecutionFailure {
  const constraint = violatedConstraint(error.cause) ?? '';
  if (/^accounts_(cash|reserved)_check$/.test(constraint)) {
    return 'INSUFFICIENT_CASH';
  }
  return /^positions_(quantity|reserved)_check$/.test(constraint) ? 'INSUFFICIENT_SHARES' : 'NOT_BOOKABLE';
}
