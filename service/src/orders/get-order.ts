import { findOrder, findOrderEvents } from '../db/orders.ts';
import { type DatabasePool, withConnection } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import type { Order, OrderEventRecord } from '../domain/order.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * One order of the account. Another account's order does not exist here.
 *
 * @throws OrderServiceError `order_not_found`.
 */
export async function getOrder(pool: DatabasePool, accountId: string, orderId: string): Promise<Order> {
  const order = UUID.test(orderId) ? await withConnection(pool, (tx) => findOrder(tx, accountId, orderId)) : undefined;
  if (order === undefined) {
    throw new OrderServiceError('order_not_found');
  }
  return order;
}

/**
 * The history of one order of the account, oldest first. Every order has at least one event.
 *
 * @throws OrderServiceError `order_not_found`.
 */
export async function getOrderEvents(
  pool: DatabasePool,
  accountId: string,
  orderId: string,
): Promise<readonly OrderEventRecord[]> {
  const events = UUID.test(orderId) ? await withConnection(pool, (tx) => findOrderEvents(tx, accountId, orderId)) : [];
  if (events.length === 0) {
    throw new OrderServiceError('order_not_found');
  }
  return events;
}
