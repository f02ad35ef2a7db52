import { createHash } from 'node:crypto';
import type { KillSwitchState } from '../domain/kill-switch.ts';
import type { Closure } from '../domain/market-calendar.ts';
import type { Order } from '../domain/order.ts';
import { closuresOf } from './calendars.ts';
import type { Tx } from './pool.ts';
import { RISK_COLUMNS, RISK_JOINS, type StoredRiskFacts } from './risk-facts.ts';

/**
 * The lock that placements share and that every change of risk.kill_switch takes alone, in its trigger
 * (migrations/0005_risk.sql). Two numbers, because one-number advisory locks are a space of their own.
 */
export const KILL_SWITCH_LOCK = [1802071148, 1] as const;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const INTEGER = /^-?\d{1,19}$/;

/** The advisory lock of one idempotency key of one account: a collision costs a needless retry, nothing else. */
export function idempotencyLock(accountId: string, key: string): string {
  return createHash('sha256').update(`${accountId}\n${key}`).digest().readBigInt64BE(0).toString();
}

/**
 * Takes the three locks of a placement, in this order: the key's (or gives up at once), the kill switch's shared side,
 * the account's row. Runs together with BEGIN and so has no parameters: both values are checked before they become text.
 * What is read after it, in a statement with a snapshot of its own, is therefore the committed truth.
 */
export function placementLocksSql(accountId: string, lock: string): string {
  if (!UUID.test(accountId) || !INTEGER.test(lock)) {
    throw new RangeError('not an account id and a lock number');
  }
  return `
    SELECT k.granted,
      CASE WHEN k.granted THEN pg_advisory_xact_lock_shared(${KILL_SWITCH_LOCK[0]}, ${KILL_SWITCH_LOCK[1]})::text END AS shared,
      CASE WHEN k.granted THEN
        (SELECT a.id FROM portfolio.accounts a WHERE a.id = '${accountId}' FOR NO KEY UPDATE) END AS account_id
    FROM (SELECT pg_try_advisory_xact_lock(${lock}) AS granted OFFSET 0) k`;
}

/**
 * $1 account, $2 key, $3 symbol, $4 oldest quote in milliseconds, $5 client order id. One row always; what is missing is
 * null.
 */
export const READ_PLACEMENT_SQL = `
  SELECT now() AS "now",
    k.state AS "killSwitch", k.reason AS "killSwitchReason",
    i.request_hash AS "storedHash", i.response_status AS "storedStatus", i.response_body AS "storedBody",
    trim_scale(a.cash) AS "freeCash",
    trim_scale(s.tick_size) AS "tickSize", trim_scale(s.lot_size) AS "lotSize", trim_scale(s.min_notional) AS "minNotional",
    trim_scale(coalesce(p.quantity - p.reserved, 0)) AS "freeQuantity",
    trim_scale(q.bid) AS bid, trim_scale(q.ask) AS ask,
    trim_scale(s.taker_fee_bps) AS "takerFeeBps", s.calendar, ${closuresOf('s.calendar')} AS closures,
    ${RISK_COLUMNS}
  FROM (SELECT) one
  LEFT JOIN risk.kill_switch k ON true
  LEFT JOIN execution.idempotency_keys i ON i.account_id = $1::uuid AND i.key = $2::text
  LEFT JOIN portfolio.accounts a ON a.id = $1::uuid
  LEFT JOIN market.instruments s ON s.symbol = $3::text
  LEFT JOIN portfolio.positions p ON p.account_id = $1::uuid AND p.symbol = $3::text
  LEFT JOIN market.executable_quotes q ON q.symbol = $3::text
    AND q.as_of > clock_timestamp() - $4::integer * interval '1 millisecond'
    AND q.as_of <= clock_timestamp() + interval '5 seconds'
  ${RISK_JOINS}`;

/**
 * $1 id, $2 account, $3 client order id, $4 symbol, $5 side, $6 type, $7 quantity, $8 price, $9 mode, $10 time in force,
 * $11 expire at, $12 status, $13 reserved cash, $14 reserved quantity, $15 denial reason, $16 now, $17 event type,
 * $18 event data, $19 idempotency key, $20 request hash, $21 reply status, $22 reply body, $23 notional,
 * $24 fee in basis points.
 */
export const WRITE_PLACEMENT_SQL = `
  WITH placed AS (
    INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode,
      time_in_force, expire_at, status, reserved_cash, reserved_quantity, denial_reason, created_at, updated_at, notional,
      fee_bps)
    VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::numeric, $8::numeric, $9::text,
      $10::text, $11::timestamptz, $12::text, $13::numeric, $14::numeric, $15::text, $16::timestamptz, $16::timestamptz,
      $23::numeric, $24::numeric)
  ), event AS (
    INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data, at)
    VALUES ($1::uuid, 1, $17::text, NULL, $12::text, $18::jsonb, $16::timestamptz)
  ), outbox AS (
    INSERT INTO execution.portfolio_events_outbox (order_id, type, payload, created_at)
    VALUES ($1::uuid, 'ORDER_' || $17::text, $18::jsonb, $16::timestamptz)
  ), cash AS (
    UPDATE portfolio.accounts SET cash = cash - $13::numeric, reserved = reserved + $13::numeric
    WHERE id = $2::uuid AND $13::numeric > 0
  ), shares AS (
    UPDATE portfolio.positions SET reserved = reserved + $14::numeric
    WHERE account_id = $2::uuid AND symbol = $4::text AND $14::numeric > 0
  )
  INSERT INTO execution.idempotency_keys (account_id, key, request_hash, order_id, response_status, response_body, created_at)
  VALUES ($2::uuid, $19::text, $20::text, $1::uuid, $21::integer, $22::text, $16::timestamptz)`;

/** Everything that a placement is decided on. Decimals are plain decimal strings. */
export interface PlacementFacts extends StoredRiskFacts {
  /** The transaction's time: what the order's created_at will be. */
  readonly now: string;
  /** Null when the switch cannot be read, which counts as engaged. */
  readonly killSwitch: KillSwitchState | null;
  readonly killSwitchReason: string | null;
  readonly storedHash: string | null;
  readonly storedStatus: number | null;
  readonly storedBody: string | null;
  readonly freeCash: string | null;
  readonly tickSize: string | null;
  readonly lotSize: string | null;
  readonly minNotional: string | null;
  readonly takerFeeBps: string | null;
  readonly freeQuantity: string;
  readonly bid: string | null;
  readonly ask: string | null;
  /** The market that the symbol trades on, and its closures at short notice around now. */
  readonly calendar: string | null;
  readonly closures: readonly Closure[];
}

/** Reads under the locks of `placementLocksSql`. `quoteMaxAgeMs` says from when on a quote counts as absent. */
export async function readPlacementFacts(
  tx: Tx,
  placement: {
    accountId: string;
    /** Null in a dry run, which has none. */
    key: string | null;
    symbol: string;
    clientOrderId?: string | null;
    quoteMaxAgeMs: number;
  },
): Promise<PlacementFacts> {
  const { rows } = await tx.query<PlacementFacts>({
    name: 'read-placement',
    text: READ_PLACEMENT_SQL,
    values: [
      placement.accountId,
      placement.key,
      placement.symbol,
      placement.quoteMaxAgeMs,
      placement.clientOrderId ?? null,
    ],
  });
  const [facts] = rows;
  if (facts === undefined) {
    throw new Error('a placement reads exactly one row');
  }
  return facts;
}

export interface PlacementRecord {
  readonly order: Order;
  /** What the order counts as against the limits; null when it was denied. */
  readonly notional: string | null;
  readonly eventType: 'PLACED' | 'DENIED';
  /** JSON object: what was ordered, from which the order can be rebuilt. */
  readonly eventData: string;
  readonly idempotencyKey: string;
  readonly requestHash: string;
  readonly reply: { readonly status: number; readonly body: string };
}

/** Writes the order, its event, its outbox row, the reservation and the reply, in one statement. */
export async function writePlacement(tx: Tx, record: PlacementRecord): Promise<void> {
  const { order, reply } = record;
  await tx.query({
    name: 'write-placement',
    text: WRITE_PLACEMENT_SQL,
    values: [
      order.id,
      order.accountId,
      order.clientOrderId,
      order.symbol,
      order.side,
      order.type,
      order.quantity,
      order.price,
      order.mode,
      order.timeInForce,
      order.expireAt,
      order.status,
      order.reservedCash,
      order.reservedQuantity,
      order.denialReason,
      order.createdAt,
      record.eventType,
      record.eventData,
      record.idempotencyKey,
      record.requestHash,
      reply.status,
      reply.body,
      record.notional,
      order.feeBps,
    ],
  });
}
