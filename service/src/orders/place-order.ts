import type { DatabasePool } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import type { NewOrder, Order } from '../domain/order.ts';
import type { Denial, RiskLimits } from '../domain/risk.ts';

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

export interface PlaceOrderDeps {
  readonly pool: DatabasePool;
  readonly limits: RiskLimits;
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
export async function placeOrder(_deps: PlaceOrderDeps, _command: PlaceOrderCommand): Promise<PlaceOrderOutcome> {
  throw new OrderServiceError('internal', { message: 'Placement is not wired up.' });
}
