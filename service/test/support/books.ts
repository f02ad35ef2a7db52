import { randomUUIDv7 } from 'node:crypto';
import { expect } from 'vitest';
import { auditBooks } from '../../src/db/audit.ts';
import { ORDER_COLUMNS } from '../../src/db/orders.ts';
import { type DatabasePool, transaction } from '../../src/db/pool.ts';
import type { Order, OrderEventRecord } from '../../src/domain/order.ts';
import type { TestDatabase } from './database.ts';
import { SYMBOL } from './fixtures.ts';
import { foldOrder } from './fold-order.ts';

/** Folds the events of every order and compares with its row; gives back how many orders there were. */
export async function expectAllFolded(database: TestDatabase): Promise<number> {
  const orders = await database.query<Order & Record<string, unknown>>(
    `SELECT ${ORDER_COLUMNS} FROM execution.orders o`,
  );
  const events = await database.query<OrderEventRecord & Record<string, unknown>>(
    `SELECT e.order_id AS "orderId", e.version, e.type, e.from_status AS "fromStatus", e.to_status AS "toStatus", e.data, e.at
     FROM execution.order_events e ORDER BY e.order_id, e.version`,
  );
  const byOrder = Map.groupBy(events, ({ orderId }) => orderId);
  for (const order of orders) {
    expect(foldOrder(byOrder.get(order.id) ?? [])).toEqual(order);
  }
  expect(byOrder.size).toBe(orders.length);
  return orders.length;
}

/** No invariant of the books is broken. */
export async function expectBooksHold(pool: DatabasePool): Promise<void> {
  const broken = (await auditBooks(pool)).filter(({ violations }) => violations > 0);
  expect(broken).toEqual([]);
}

/**
 * A LIVE order that was sent and not answered: SUBMITTING, with its reservation. The service has no venue yet, so the rows
 * are written here, by the same triggers.
 */
export async function submitted(
  pool: DatabasePool,
  accountId: string,
  ordered: { symbol?: string; side?: 'BUY' | 'SELL'; quantity?: string; price?: string } = {},
): Promise<string> {
  const { symbol = SYMBOL, side = 'BUY', quantity = '10', price = '100' } = ordered;
  const id = randomUUIDv7();
  const reservedCash = side === 'BUY' ? String(Number(quantity) * Number(price)) : '0';
  const reservedQuantity = side === 'SELL' ? quantity : '0';
  const data = JSON.stringify({
    accountId,
    clientOrderId: id,
    symbol,
    side,
    type: 'LIMIT',
    quantity,
    price,
    mode: 'LIVE',
    timeInForce: 'GTC',
    expireAt: null,
    reservedCash,
    reservedQuantity,
    denialReason: null,
    feeBps: '0',
  });
  await transaction(pool, async (tx) => {
    await tx.query({
      text: `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode,
          time_in_force, status, reserved_cash, reserved_quantity)
        VALUES ($1, $2, $8, $9, $3, 'LIMIT', $4, $5, 'LIVE', 'GTC', 'PENDING', $6, $7)`,
      values: [id, accountId, side, quantity, price, reservedCash, reservedQuantity, id, symbol],
    });
    await tx.query({
      text: `INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data)
        VALUES ($1, 1, 'PLACED', NULL, 'PENDING', $2), ($1, 2, 'SUBMISSION_STARTED', 'PENDING', 'SUBMITTING', '{}')`,
      values: [id, data],
    });
    await tx.query({
      text: `INSERT INTO execution.portfolio_events_outbox (order_id, type, payload)
        VALUES ($1, 'ORDER_PLACED', $2), ($1, 'ORDER_SUBMISSION_STARTED', '{}')`,
      values: [id, data],
    });
    await tx.query({
      text: `UPDATE execution.orders SET status = 'SUBMITTING', version = 2, updated_at = now() WHERE id = $1`,
      values: [id],
    });
    await tx.query({
      text: 'UPDATE portfolio.accounts SET cash = cash - $2::numeric, reserved = reserved + $2::numeric WHERE id = $1',
      values: [accountId, reservedCash],
    });
    await tx.query({
      text: 'UPDATE portfolio.positions SET reserved = reserved + $2::numeric WHERE account_id = $1 AND symbol = $3',
      values: [accountId, reservedQuantity, symbol],
    });
  });
  return id;
}

/**
 * `count` PAPER LIMIT orders of 1 at `price`, as placement makes them,
 * spread over the accounts. All are in the book from one moment on, which placing them one by one would not give.
 */
export async function restTogether(
  database: TestDatabase,
  accounts: readonly string[],
  orders: { side: 'BUY' | 'SELL'; count: number; price: number },
): Promise<void> {
  const client = await database.connect();
  await client.query('BEGIN');
  await client.query(
    `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode,
       time_in_force, status, reserved_cash, reserved_quantity)
     SELECT id, account_id, id, '${SYMBOL}', $2, 'LIMIT', 1, $3::numeric, 'PAPER', 'GTC', 'OPEN',
       CASE $2 WHEN 'BUY' THEN $3::numeric ELSE 0 END, CASE $2 WHEN 'SELL' THEN 1 ELSE 0 END
     FROM (SELECT gen_random_uuid() AS id, ($1::uuid[])[1 + n % cardinality($1::uuid[])] AS account_id
       FROM generate_series(1, $4::integer) n) new`,
    [accounts, orders.side, orders.price, orders.count],
  );
  await client.query(
    `INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data, at)
     SELECT o.id, 1, 'PLACED', NULL, 'OPEN', jsonb_build_object('accountId', o.account_id, 'clientOrderId', o.client_order_id,
       'symbol', o.symbol, 'side', o.side, 'type', o.type, 'quantity', trim_scale(o.quantity)::text,
       'price', trim_scale(o.price)::text, 'mode', o.mode, 'timeInForce', o.time_in_force, 'expireAt', NULL,
       'reservedCash', trim_scale(o.reserved_cash)::text, 'reservedQuantity', trim_scale(o.reserved_quantity)::text,
       'denialReason', NULL, 'feeBps', trim_scale(o.fee_bps)::text), o.created_at
     FROM execution.orders o WHERE NOT EXISTS (SELECT FROM execution.order_events e WHERE e.order_id = o.id)`,
  );
  await client.query(
    `INSERT INTO execution.portfolio_events_outbox (order_id, type, payload)
     SELECT e.order_id, 'ORDER_' || e.type, e.data FROM execution.order_events e
     WHERE NOT EXISTS (SELECT FROM execution.portfolio_events_outbox x WHERE x.order_id = e.order_id)`,
  );
  await client.query(
    `UPDATE portfolio.accounts a SET cash = a.cash + a.reserved - o.held, reserved = o.held
     FROM (SELECT account_id, sum(reserved_cash) AS held FROM execution.orders GROUP BY account_id) o WHERE o.account_id = a.id`,
  );
  await client.query(
    `UPDATE portfolio.positions p SET reserved = o.held
     FROM (SELECT account_id, symbol, sum(reserved_quantity) AS held FROM execution.orders GROUP BY account_id, symbol) o
     WHERE o.account_id = p.account_id AND o.symbol = p.symbol`,
  );
  await client.query('COMMIT');
}
