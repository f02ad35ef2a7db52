import { findOrders, type OrderCursor } from '../db/orders.ts';
import { type DatabasePool, withConnection } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import type { Order, OrderStatus } from '../domain/order.ts';

/** The most orders of one page, and how many come unasked. */
export const ORDER_PAGE_MAX = 100;
export const ORDER_PAGE_DEFAULT = 50;

export interface ListOrdersQuery {
  readonly accountId: string;
  readonly status?: OrderStatus | undefined;
  readonly symbol?: string | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  /** 1 to ORDER_PAGE_MAX; ORDER_PAGE_DEFAULT when absent. */
  readonly limit?: number | undefined;
}

export interface OrderPage {
  readonly orders: readonly Order[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/**
 * Orders of an account, newest first. Pages neither repeat nor skip an order that was there when the first was read.
 *
 * @throws OrderServiceError `invalid_cursor`. @throws RangeError for a limit out of range.
 */
export async function listOrders(pool: DatabasePool, query: ListOrdersQuery): Promise<OrderPage> {
  const limit = query.limit ?? ORDER_PAGE_DEFAULT;
  if (!Number.isInteger(limit) || limit < 1 || limit > ORDER_PAGE_MAX) {
    throw new RangeError(`limit must be 1 to ${ORDER_PAGE_MAX}`);
  }
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor);
  const found = await withConnection(pool, (tx) =>
    findOrders(tx, {
      accountId: query.accountId,
      status: query.status ?? null,
      symbol: query.symbol ?? null,
      after,
      // One more than asked for tells whether there is a next page.
      limit: limit + 1,
    }),
  );
  const orders = found.slice(0, limit);
  const last = found.length > limit ? orders.at(-1) : undefined;
  return { orders, nextCursor: last === undefined ? null : encodeCursor(last) };
}

const CURSOR = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function encodeCursor(order: OrderCursor): string {
  return Buffer.from(`${order.createdAt} ${order.id}`, 'utf8').toString('base64url');
}

function decodeCursor(cursor: string): OrderCursor {
  const [, createdAt, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (createdAt === undefined || id === undefined || Number.isNaN(Date.parse(createdAt))) {
    throw new OrderServiceError('invalid_cursor');
  }
  return { createdAt, id };
}
