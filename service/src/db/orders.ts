import type { Order, OrderEventRecord, OrderStatus } from '../domain/order.ts';
import type { Tx } from './pool.ts';

/** Columns of an order under the names of `Order`. */
export const ORDER_COLUMNS = `
  o.id, o.account_id AS "accountId", o.client_order_id AS "clientOrderId", o.symbol, o.side, o.type,
  trim_scale(o.quantity) AS quantity, trim_scale(o.price) AS price, o.mode, o.time_in_force AS "timeInForce",
  o.expire_at AS "expireAt", o.status, o.version, trim_scale(o.filled_quantity) AS "filledQuantity",
  trim_scale(o.average_fill_price) AS "averageFillPrice", trim_scale(o.reserved_cash) AS "reservedCash",
  trim_scale(o.reserved_quantity) AS "reservedQuantity", o.denial_reason AS "denialReason", trim_scale(o.fee_bps) AS "feeBps",
  o.created_at AS "createdAt", o.updated_at AS "updatedAt"`;

/** The most events that one order is read with; an order has a handful. */
export const ORDER_EVENTS_MAX = 1000;

/** The order, or undefined when the account (null: any) has none with this id. */
export async function findOrder(tx: Tx, accountId: string | null, orderId: string): Promise<Order | undefined> {
  const { rows } = await tx.query<Order>({
    name: 'find-order',
    text: `SELECT ${ORDER_COLUMNS} FROM execution.orders o WHERE o.id = $1::uuid
      AND ($2::uuid IS NULL OR o.account_id = $2::uuid)`,
    values: [orderId, accountId],
  });
  return rows[0];
}

/** A place in the list: orders after it are older. */
export interface OrderCursor {
  readonly createdAt: string;
  readonly id: string;
}

export interface OrderFilter {
  readonly accountId: string;
  readonly status: OrderStatus | null;
  readonly symbol: string | null;
  readonly after: OrderCursor | null;
  readonly limit: number;
}

/** Newest first, by time and then id, so that no two orders share a place. */
export async function findOrders(tx: Tx, filter: OrderFilter): Promise<Order[]> {
  const values: unknown[] = [filter.accountId, filter.limit];
  const conditions = ['o.account_id = $1::uuid'];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  if (filter.status !== null) {
    conditions.push(`o.status = ${bind(filter.status)}::text`);
  }
  if (filter.symbol !== null) {
    conditions.push(`o.symbol = ${bind(filter.symbol)}::text`);
  }
  if (filter.after !== null) {
    const createdAt = bind(filter.after.createdAt);
    conditions.push(`(o.created_at, o.id) < (${createdAt}::timestamptz, ${bind(filter.after.id)}::uuid)`);
  }
  const { rows } = await tx.query<Order>({
    text: `SELECT ${ORDER_COLUMNS} FROM execution.orders o WHERE ${conditions.join(' AND ')}
      ORDER BY o.account_id, o.created_at DESC, o.id DESC LIMIT $2::integer`,
    values,
  });
  return rows;
}

/** The history of an order, oldest first; empty when the account (null: any) has no such order. */
export async function findOrderEvents(tx: Tx, accountId: string | null, orderId: string): Promise<OrderEventRecord[]> {
  const { rows } = await tx.query<OrderEventRecord>({
    name: 'find-order-events',
    text: `SELECT e.order_id AS "orderId", e.version, e.type, e.from_status AS "fromStatus", e.to_status AS "toStatus",
        e.data, e.at
      FROM execution.order_events e JOIN execution.orders o ON o.id = e.order_id
      WHERE e.order_id = $1::uuid AND ($2::uuid IS NULL OR o.account_id = $2::uuid) ORDER BY e.version LIMIT ${ORDER_EVENTS_MAX}`,
    values: [orderId, accountId],
  });
  return rows;
}
