/**
 * Every error that the service knows, with its meaning. The domain knows no HTTP: `http/errors.ts` maps each code to a
 * status. A message here is safe to show to a caller: it names no secret, no SQL and no other account's data.
 */
export const ERROR_MEANINGS = {
  order_not_found: 'This account has no such order.',
  invalid_cursor: 'The cursor is not one that this service gave out.',
  invalid_address: 'An IPv4 or IPv6 address is needed.',
  invalid_reason: 'A reason of 1 to 500 characters is needed.',
  idempotency_in_flight: 'A request with this Idempotency-Key is still in progress.',
  idempotency_mismatch: 'This Idempotency-Key was used with another request.',
  duplicate_client_order_id: 'This account already has an order with this clientOrderId.',
  unknown_symbol: 'This symbol cannot be traded here.',
  invalid_quantity: 'The quantity is not a positive decimal that can be booked.',
  invalid_price: 'The price is not a positive decimal that can be booked, or does not suit the order type.',
  invalid_price_increment: 'The price is not a multiple of the tick size.',
  invalid_quantity_increment: 'The quantity is not a multiple of the lot size.',
  notional_too_small: 'The order is worth less than the minimum of the symbol.',
  invalid_expiry:
    'expireAt must be in the future and goes with timeInForce GTD of a LIMIT order; DAY needs a known session.',
  order_not_unknown: 'What became of this order is known: there is nothing to resolve.',
  order_not_cancelable: 'The order is not in a state in which it can be canceled.',
  live_mode_unavailable: 'LIVE orders are not available: no venue is configured. Use mode PAPER.',
  order_denied: 'The order was denied by a risk check.',
  kill_switch_engaged: 'Trading is stopped: the kill switch is engaged.',
  account_not_found: 'There is no such account.',
  strategy_not_found: 'This account has no such strategy.',
  kill_switch_not_cleared: 'The kill switch was not cleared: Redis, which holds it too, would not have agreed.',
  account_missing: 'The account of this API key does not exist.',
  books_unbalanced: 'This account is closed to trading: its books do not add up, and an operator has to look.',
  overloaded: 'The service is busy. Try again shortly.',
  database_unavailable: 'The database cannot be reached. Try again shortly.',
  database_timeout: 'The database took too long. Nothing was changed. Try again shortly.',
  database_conflict: 'The request collided with another one. Nothing was changed. Try again.',
  lease_lost: 'Another process has taken this work over. Nothing was changed.',
  transaction_rolled_back: 'The change was rolled back. Nothing was changed.',
  outcome_unknown: 'The connection was lost while committing. Repeat the request with the same Idempotency-Key.',
  internal: 'Something went wrong.',
} as const;

/** The code of an error: stable, in snake_case, part of the API. */
export type ErrorCode = keyof typeof ERROR_MEANINGS;

/** Facts beside the message that are safe to show, as JSON scalars. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** Thrown everywhere. `message` and `details` may be shown to the caller, `cause` only to the log. */
export class OrderServiceError extends Error {
  override readonly name = 'OrderServiceError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, options: { message?: string; details?: ErrorDetails; cause?: unknown } = {}) {
    super(options.message ?? ERROR_MEANINGS[code], options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}
