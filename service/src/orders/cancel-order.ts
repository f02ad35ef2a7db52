import { lockOrderSql, type OrderWithFills, readOrderForChange, writeOrderChange } from '../db/order-changes.ts';
import { findOrder } from '../db/orders.ts';
import { type DatabasePool, type Tx, transaction } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import type { Order } from '../domain/order.ts';
import { type OrderChange, outcomeOf } from '../domain/order-change.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface CancelOrderCommand {
  readonly accountId: string;
  readonly orderId: string;
}

/** The order afterwards: CANCELED, or PENDING_CANCEL until its venue has answered. */
export interface Cancellation {
  readonly order: Order;
}

/**
 * Cancels an order of the account. One that rests in our own book, or was never sent, is canceled at once and gives back
 * what it held; one that a venue holds becomes PENDING_CANCEL. Repeating it changes nothing. It asks no kill switch:
 * whoever stops trading wants to get out of what is open.
 *
 * @throws OrderServiceError `order_not_found`, `order_not_cancelable` with the status, and those of `transaction`.
 */
export async function cancelOrder(pool: DatabasePool, command: CancelOrderCommand): Promise<Cancellation> {
  if (!UUID.test(command.orderId)) {
    throw new OrderServiceError('order_not_found');
  }
  return transaction(pool, (tx) => cancelUnderLock(tx, command), lockOrderSql(command.orderId));
}

async function cancelUnderLock(tx: Tx, { accountId, orderId }: CancelOrderCommand): Promise<Cancellation> {
  const order = await readOrderForChange(tx, orderId, accountId);
  if (order === undefined) {
    throw new OrderServiceError('order_not_found');
  }
  const change = cancellationOf(order);
  if (change !== null) {
    await writeOrderChange(tx, { order, change, facts: { reason: 'REQUESTED' }, reportKey: null });
  }
  const after = await findOrder(tx, accountId, orderId);
  if (after === undefined) {
    throw new Error('an order is never removed');
  }
  return { order: after };
}

/** Null when the order is canceled, or on its way to it, already. */
function cancellationOf(order: OrderWithFills): OrderChange | null {
  const requested = outcomeOf(order, { kind: 'event', event: 'CANCEL_REQUESTED' });
  if (requested.kind === 'ignore') {
    return null;
  }
  const held = order.mode === 'LIVE' && order.status !== 'PENDING';
  const outcome =
    requested.kind === 'change' && !held ? outcomeOf(order, { kind: 'event', event: 'CANCELED' }) : requested;
  if (outcome.kind !== 'change') {
    throw new OrderServiceError('order_not_cancelable', { details: { status: order.status } });
  }
  return outcome.change;
}
