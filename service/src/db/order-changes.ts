import type { Order } from '../domain/order.ts';
import type { OrderChange } from '../domain/order-change.ts';
import { changedAt } from './ages.ts';
import { ORDER_COLUMNS } from './orders.ts';
import type { Tx } from './pool.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Locks one order, waiting for whoever holds it. It travels with BEGIN and has no parameters; what is read after it, with
 * a snapshot of its own, is the order and the fills that the holder has committed.
 *
 * @throws RangeError when `orderId` is no UUID.
 */
export function lockOrderSql(orderId: string): string {
  if (!UUID.test(orderId)) {
    throw new RangeError('not an order id');
  }
  return `SELECT o.id FROM execution.orders o WHERE o.id = '${orderId}' FOR NO KEY UPDATE`;
}

/** An order with what its next change is computed from. */
export interface OrderWithFills extends Order {
  /** Σ quantity × price of its fills, exact. */
  readonly filledValue: string;
}

/** The order, or undefined. `accountId` null: whoever's it is. */
export async function readOrderForChange(
  tx: Tx,
  orderId: string,
  accountId: string | null,
): Promise<OrderWithFills | undefined> {
  const { rows } = await tx.query<OrderWithFills>({
    name: 'read-order-for-change',
    text: `SELECT ${ORDER_COLUMNS}, trim_scale(coalesce((
        SELECT sum(f.quantity * f.price) FROM execution.fills f WHERE f.order_id = o.id), 0)) AS "filledValue"
      FROM execution.orders o WHERE o.id = $1::uuid AND ($2::uuid IS NULL OR o.account_id = $2::uuid)`,
    values: [orderId, accountId],
  });
  return rows[0];
}

/** A fill that is booked already. Decimal strings. */
export interface BookedFill {
  readonly orderId: string;
  readonly quantity: string;
  readonly price: string;
}

export async function findFill(tx: Tx, exchangeFillId: string): Promise<BookedFill | undefined> {
  const { rows } = await tx.query<BookedFill>({
    name: 'find-fill',
    text: `SELECT f.order_id AS "orderId", trim_scale(f.quantity) AS quantity, trim_scale(f.price) AS price
      FROM execution.fills f WHERE f.exchange_fill_id = $1::text`,
    values: [exchangeFillId],
  });
  return rows[0];
}

/**
 * $1 order, $2 account, $3 symbol, $4 side, $5 version and $6 status before, $7 event type, $8 status after, $9 event
 * data, $10 filled quantity, $11 average price, $12 and $13 what stays reserved, $14 and $15 what is released, $16 fill id
 * or null, $17 the venue's fill id, $18 quantity, $19 price, $20 fee, $21 key under which the report may have waited.
 * The account is locked after the order, as everywhere.
 */
const WRITE_CHANGE_SQL = `
  WITH account AS MATERIALIZED (
    SELECT a.id FROM portfolio.accounts a WHERE a.id = $2::uuid FOR NO KEY UPDATE
  ), changed AS MATERIALIZED (
    SELECT ${changedAt('o')} AS at FROM execution.orders o WHERE o.id = $1::uuid
  ), updated AS (
    UPDATE execution.orders o SET status = $8::text, version = o.version + 1, filled_quantity = $10::numeric,
      average_fill_price = $11::numeric, reserved_cash = $12::numeric, reserved_quantity = $13::numeric,
      updated_at = (SELECT at FROM changed)
    WHERE o.id = $1::uuid AND o.version = $5::integer AND EXISTS (SELECT FROM account) RETURNING o.id
  ), event AS (
    INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data, at)
    SELECT $1::uuid, $5::integer + 1, $7::text, $6::text, $8::text, $9::jsonb, at FROM changed
  ), outbox AS (
    INSERT INTO execution.portfolio_events_outbox (order_id, type, payload, created_at)
    SELECT $1::uuid, 'ORDER_' || $7::text, $9::jsonb, at FROM changed
  ), fill AS (
    INSERT INTO execution.fills (id, order_id, exchange_fill_id, quantity, price, fee, at)
    SELECT $16::uuid, $1::uuid, $17::text, $18::numeric, $19::numeric, $20::numeric, at FROM changed
    WHERE $16::uuid IS NOT NULL
  ), cash AS (
    UPDATE portfolio.accounts a SET reserved = a.reserved - $14::numeric,
      cash = a.cash + $14::numeric - $20::numeric
        + CASE $4::text WHEN 'BUY' THEN -1 ELSE 1 END * $18::numeric * $19::numeric
    WHERE a.id = $2::uuid
  ), delta AS MATERIALIZED (
    SELECT CASE $4::text WHEN 'BUY' THEN $18::numeric ELSE 0 END AS bought,
      CASE $4::text WHEN 'BUY' THEN $18::numeric * $19::numeric + $20::numeric ELSE 0 END AS bought_cost,
      CASE $4::text WHEN 'SELL' THEN $18::numeric ELSE 0 END AS sold
  ), position AS (
    INSERT INTO portfolio.positions AS p (account_id, symbol, quantity, reserved, cost)
    SELECT $2::uuid, $3::text, d.bought, 0, d.bought_cost FROM delta d
    WHERE $16::uuid IS NOT NULL OR $15::numeric > 0
    ON CONFLICT (account_id, symbol) DO UPDATE SET (quantity, reserved, cost) = (
      SELECT p.quantity + d.bought - d.sold, p.reserved - $15::numeric,
        -- What is sold takes its share of the cost with it.
        CASE WHEN p.quantity + d.bought = d.sold THEN 0
          ELSE round((p.cost + d.bought_cost) * (p.quantity + d.bought - d.sold) / (p.quantity + d.bought), 16) END
      FROM delta d)
  ), resolved AS (
    UPDATE execution.quarantined_reports SET resolved_at = now(), resolution = 'booked when it was delivered again'
    WHERE report_key = $21::text AND resolved_at IS NULL
  )
  SELECT id FROM updated`;

/** A change of an order that `lockOrderSql` has locked. */
export interface OrderChangeRecord {
  readonly order: Order;
  readonly change: OrderChange;
  /** Facts beside what moved, such as a reason. */
  readonly facts: Readonly<Record<string, string>>;
  /** Under which the report may have been kept before; null when no report caused the change. */
  readonly reportKey: string | null;
}

/** Writes the order, its event, its outbox row, its fill and what the account gets and pays, in one statement. */
export async function writeOrderChange(tx: Tx, record: OrderChangeRecord): Promise<void> {
  const { order, change } = record;
  const { after, fill } = change;
  const { rows } = await tx.query<{ id: string }>({
    name: 'write-order-change',
    text: WRITE_CHANGE_SQL,
    values: [
      order.id,
      order.accountId,
      order.symbol,
      order.side,
      order.version,
      order.status,
      change.type,
      change.toStatus,
      JSON.stringify(eventData(record)),
      after.filledQuantity,
      change.averageFillPrice,
      after.reservedCash,
      after.reservedQuantity,
      change.releasedCash,
      change.releasedQuantity,
      fill?.id ?? null,
      fill?.exchangeFillId ?? null,
      fill?.quantity ?? '0',
      fill?.price ?? '0',
      fill?.fee ?? '0',
      record.reportKey,
    ],
  });
  if (rows.length !== 1) {
    throw new Error('an order changed while it was locked');
  }
}

/** What folding needs to give the row, and what readers of the outbox ask first. */
function eventData({ order, change, facts }: OrderChangeRecord): Readonly<Record<string, unknown>> {
  const { fill, after } = change;
  const reserved = { reservedCash: after.reservedCash, reservedQuantity: after.reservedQuantity };
  if (fill === null) {
    const released = { releasedCash: change.releasedCash, releasedQuantity: change.releasedQuantity };
    return { ...facts, ...released, ...reserved };
  }
  return {
    ...facts,
    fillId: fill.id,
    exchangeFillId: fill.exchangeFillId,
    accountId: order.accountId,
    symbol: order.symbol,
    side: order.side,
    quantity: fill.quantity,
    price: fill.price,
    fee: fill.fee,
    filledQuantity: after.filledQuantity,
    averageFillPrice: change.averageFillPrice,
    ...reserved,
  };
}

/** Why a report was kept instead of booked: equal to the CHECK of execution.quarantined_reports. */
export type QuarantineReason =
  | 'UNKNOWN_ORDER'
  | 'CONTRADICTS_STATE'
  | 'OVERFILL'
  | 'CONFLICTING_FILL'
  | 'INSUFFICIENT_CASH'
  | 'INSUFFICIENT_SHARES'
  | 'NOT_BOOKABLE';

/** Keeps a report for a person to look at; one that was kept before is not kept twice. */
export async function quarantineReport(
  tx: Tx,
  kept: {
    readonly orderId: string | null;
    readonly reportKey: string;
    readonly reason: QuarantineReason;
    readonly report: object;
  },
): Promise<void> {
  await tx.query({
    name: 'quarantine-report',
    text: `INSERT INTO execution.quarantined_reports (order_id, report_key, reason, report)
      VALUES ($1::uuid, $2::text, $3::text, $4::jsonb) ON CONFLICT (report_key) DO NOTHING`,
    values: [kept.orderId, kept.reportKey, kept.reason, JSON.stringify(kept.report)],
  });
}
