import { findOrder, findOrderEvents } from '../db/orders.ts';
import { type DatabasePool, withConnection } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import type { Order, OrderEventRecord } from '../domain/order.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whose orders are looked among: those of one account, by its id, or all. */
export type OrderScope = string | 'all-accounts';

function accountIn(scope: OrderScope): string | null {
  return scope === 'all-accounts' ? null : scope;
}

/**
 * One order of the scope. Another account's order does not exist here.
 *
 * @throws OrderServiceError `order_not_found`.
 */
export async function getOrder(pool: DatabasePool, scope: OrderScope, orderId: string): Promise<Order> {
  const find = () => withConnection(pool, (tx) => findOrder(tx, accountIn(scope), orderId));
  const order = UUID.test(orderId) ? await find() : undefined;
  if (order === undefined) {
    throw new OrderServiceError('order_not_found');
  }
  return order;
}

/**
 * The history of one order of the scope, oldest first. Every order has at least one event.
 *
 * @throws OrderServiceError `order_not_found`.
 */
export async function getOrderEvents(
  pool: DatabasePool,
  scope: OrderScope,
  orderId: string,
): Promise<readonly OrderEventRecord[]> {
  const find = () => withConnection(pool, (tx) => findOrderEvents(tx, accountIn(scope), orderId));
  const events = UUID.test(orderId) ? await find() : [];
  if (events.length === 0) {
    throw new OrderServiceError('order_not_found');
  }
  return events;
}
