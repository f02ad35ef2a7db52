import { randomUUIDv7 } from 'node:crypto';
import type { QueryResultRow } from 'pg';
import { violatedConstraint } from '../db/errors.ts';
import {
  idempotencyLock,
  type PlacementFacts,
  placementLocksSql,
  readPlacementFacts,
  writePlacement,
} from '../db/place-order.ts';
import { type DatabasePool, type Tx, transaction } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import { reducesPosition, type SwitchPosition, strictest } from '../domain/kill-switch.ts';
import { NO_REDIS } from '../domain/kill-switch-redis.ts';
import { isOpen, sessionEndOf } from '../domain/market-calendar.ts';
import { plain } from '../domain/money.ts';
import type { NewOrder, Order } from '../domain/order.ts';
import { checkShape, decide, type RiskDecision, type RiskFacts, type RiskLimits } from '../domain/risk.ts';
import type { Denial } from '../domain/risk-rules.ts';
import { effectiveTimeInForce, expiryOf } from '../domain/time-in-force.ts';

/** The reply to store under the Idempotency-Key; `body` is replayed byte by byte. */
export interface RenderedReply {
  readonly status: number;
  readonly body: string;
}

/** What a placement made: an order, or a denied one with the reason. */
export type Placement =
  | { readonly kind: 'placed'; readonly order: Order }
  | { readonly kind: 'denied'; readonly order: Order; readonly denial: Denial };

/** What a placement answers: a new placement, or the stored reply of an earlier one with the same key. */
export type PlaceOrderOutcome =
  | (Placement & { readonly reply: RenderedReply })
  | { readonly kind: 'replayed'; readonly reply: RenderedReply };

/** What an order is judged with, by a placement and by a dry run. */
export interface JudgeDeps {
  readonly pool: DatabasePool;
  readonly limits: RiskLimits;
  /** What Redis says of the kill switch; it never throws. Default: there is no Redis. */
  readonly switchInRedis?: () => Promise<SwitchPosition>;
  /** Whether a market is open. Default: its calendar says. */
  readonly isOpen?: typeof isOpen;
}

export interface PlaceOrderDeps extends JudgeDeps {
  /** Renders the reply inside the transaction, so that it is stored with the order. Must be pure. */
  readonly render: (placement: Placement) => RenderedReply;
}

export interface PlaceOrderCommand {
  readonly accountId: string;
  /** 1–255 visible ASCII characters. */
  readonly idempotencyKey: string;
  /** Hash of what was asked for: the same key with another hash is refused. */
  readonly requestHash: string;
  readonly order: NewOrder;
}

/**
 * Places an order in one transaction: idempotency key, kill switch, risk, reservation, order, event, outbox, reply.
 *
 * @throws OrderServiceError `idempotency_in_flight`, `idempotency_mismatch`, `kill_switch_engaged`, `account_missing`,
 * `unknown_symbol`, `invalid_quantity`, `invalid_price`, `invalid_price_increment`, `invalid_quantity_increment`,
 * `notional_too_small`, `invalid_expiry`, `live_mode_unavailable`, `duplicate_client_order_id` and those of
 * `transaction`. None of them stores anything under the key.
 */
export async function placeOrder(deps: PlaceOrderDeps, command: PlaceOrderCommand): Promise<PlaceOrderOutcome> {
  const lock = idempotencyLock(command.accountId, command.idempotencyKey);
  try {
    return await transaction(
      deps.pool,
      (tx, [locks]) => placeUnderLocks(tx, locks, deps, command),
      placementLocksSql(command.accountId, lock),
    );
  } catch (error) {
    const cause = error instanceof OrderServiceError ? error.cause : undefined;
    if (violatedConstraint(cause) === 'orders_client_order_id_key') {
      throw new OrderServiceError('duplicate_client_order_id', { cause });
    }
    throw error;
  }
}

async function placeUnderLocks(
  tx: Tx,
  locks: QueryResultRow | undefined,
  deps: PlaceOrderDeps,
  command: PlaceOrderCommand,
): Promise<PlaceOrderOutcome> {
  if (locks?.granted !== true) {
    throw new OrderServiceError('idempotency_in_flight');
  }
  const facts = await readFacts(tx, deps, {
    accountId: command.accountId,
    key: command.idempotencyKey,
    symbol: command.order.symbol,
    clientOrderId: command.order.clientOrderId,
    quoteMaxAgeMs: deps.limits.quoteMaxAgeMs,
  });
  const stored = storedReply(facts, command.requestHash);
  if (stored !== null) {
    return { kind: 'replayed', reply: stored };
  }
  const { decision, ...begun } = judgeOrder(facts, deps, command.order);
  const placement = placementOf(command, { now: facts.now, ...begun }, decision);
  const reply = deps.render(placement);
  await writePlacement(tx, {
    order: placement.order,
    notional: decision.kind === 'accepted' ? decision.notional : null,
    eventType: placement.kind === 'placed' ? 'PLACED' : 'DENIED',
    eventData: JSON.stringify(eventDataOf(placement)),
    idempotencyKey: command.idempotencyKey,
    requestHash: command.requestHash,
    reply,
  });
  return { ...placement, reply };
}

/** The earlier reply under this key, or null for a new key. It holds even while the kill switch is engaged. */
function storedReply(facts: PlacementFacts, requestHash: string): RenderedReply | null {
  if (facts.storedHash === null || facts.storedStatus === null || facts.storedBody === null) {
    return null;
  }
  if (facts.storedHash !== requestHash) {
    throw new OrderServiceError('idempotency_mismatch');
  }
  return { status: facts.storedStatus, body: facts.storedBody };
}

/**
 * What an order is judged on. PostgreSQL and Redis, which both hold the kill switch, are read side by side, after the
 * request began: the facts carry the stricter of the two.
 */
export async function readFacts(
  tx: Tx,
  deps: Pick<JudgeDeps, 'switchInRedis'>,
  query: Parameters<typeof readPlacementFacts>[1],
): Promise<PlacementFacts> {
  const [facts, inRedis] = await Promise.all([readPlacementFacts(tx, query), deps.switchInRedis?.() ?? NO_REDIS]);
  // A row that is not there counts as engaged.
  const state = facts.killSwitch ?? 'HALTED';
  const inDatabase = { state, reason: facts.killSwitchReason ?? 'the switch cannot be read', changedBy: '' };
  const { state: killSwitch, reason: killSwitchReason } = strictest<SwitchPosition, SwitchPosition>(
    inDatabase,
    inRedis,
  );
  return { ...facts, killSwitch, killSwitchReason };
}

function refuseWhileEngaged(facts: PlacementFacts, order: NewOrder): void {
  const { killSwitch: state, killSwitchReason: reason } = facts;
  if (state === 'ACTIVE' || (state === 'REDUCING' && reducesPosition(order, facts.freeQuantity))) return;
  throw new OrderServiceError('kill_switch_engaged', { details: { state, reason } });
}

/** What becomes of an order, when it would end by itself (RFC 3339; null: not by itself), and the fee of its fills. */
export interface Judgement {
  readonly decision: RiskDecision;
  readonly expireAt: string | null;
  readonly feeBps: string;
}

/**
 * Decides what becomes of an order: the one judgement that a placement and a dry run share.
 *
 * @throws OrderServiceError `kill_switch_engaged`, `account_missing`, `unknown_symbol`, `duplicate_client_order_id`, and
 * those of `checkShape`, `decide` and `expiryOf`.
 */
export function judgeOrder(facts: PlacementFacts, deps: Omit<JudgeDeps, 'pool'>, order: NewOrder): Judgement {
  refuseWhileEngaged(facts, order);
  checkShape(order, Date.parse(facts.now));
  const riskFacts = riskFactsOf(facts, order.symbol, deps.isOpen ?? isOpen);
  const decision = decide(order, riskFacts, deps.limits);
  if (decision.kind === 'accepted' && facts.clientOrderIdTaken) {
    throw new OrderServiceError('duplicate_client_order_id');
  }
  const { calendar, instrument } = riskFacts;
  const expireAt = expiryOf(order, facts.now, (at) => sessionEndOf(calendar, at, facts.closures));
  return { decision, expireAt, feeBps: instrument.takerFeeBps };
}

function riskFactsOf(facts: PlacementFacts, symbol: string, opens: typeof isOpen): RiskFacts {
  const { freeCash, tickSize, lotSize, minNotional, takerFeeBps, calendar, bid, ask, lastBid, lastAsk } = facts;
  if (freeCash === null) {
    throw new OrderServiceError('account_missing');
  }
  if (tickSize === null || lotSize === null || minNotional === null || takerFeeBps === null || calendar === null) {
    throw new OrderServiceError('unknown_symbol', { details: { symbol } });
  }
  return {
    ...facts,
    instrument: { tickSize, lotSize, minNotional, takerFeeBps },
    freeCash,
    calendar,
    sessionOpen: opens(calendar, Temporal.Instant.from(facts.now), facts.closures),
    freshQuote: bid === null || ask === null ? null : { bid, ask },
    lastQuote: lastBid === null || lastAsk === null ? null : { bid: lastBid, ask: lastAsk },
    storedLimits: facts,
  };
}

/** What the order's row takes over from its judgement. */
type Begun = Pick<Order, 'expireAt' | 'feeBps'> & { readonly now: string };

function placementOf(command: PlaceOrderCommand, begun: Begun, decision: RiskDecision): Placement {
  const order = newRow(command, begun, decision);
  return decision.kind === 'accepted' ? { kind: 'placed', order } : { kind: 'denied', order, denial: decision.denial };
}

function newRow(command: PlaceOrderCommand, { now, expireAt, feeBps }: Begun, decision: RiskDecision): Order {
  const { order } = command;
  const id = randomUUIDv7();
  return {
    id,
    accountId: command.accountId,
    clientOrderId: order.clientOrderId ?? id,
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    quantity: plain(order.quantity),
    price: order.price === null ? null : plain(order.price),
    mode: order.mode,
    timeInForce: effectiveTimeInForce(order),
    expireAt,
    status: decision.kind === 'accepted' ? 'OPEN' : 'DENIED',
    version: 1,
    filledQuantity: '0',
    averageFillPrice: null,
    reservedCash: decision.kind === 'accepted' ? plain(decision.reservedCash) : '0',
    reservedQuantity: decision.kind === 'accepted' ? plain(decision.reservedQuantity) : '0',
    denialReason: decision.kind === 'accepted' ? null : decision.denial.reason,
    feeBps,
    createdAt: now,
    updatedAt: now,
  };
}

/** What the first event keeps: enough to build the order's row from its events alone. */
function eventDataOf(placement: Placement): Readonly<Record<string, unknown>> {
  const { version, status, filledQuantity, averageFillPrice, createdAt, updatedAt, id, ...ordered } = placement.order;
  return placement.kind === 'placed' ? ordered : { ...ordered, denial: placement.denial };
}
