import { type ErrorCode, OrderServiceError } from '../domain/errors.ts';

/**
 * The HTTP status of every error: the compiler refuses a code that is missing here.
 * 400 is for what is not well formed, 422 for a well-formed request that is refused for what it asks,
 * 503 for what passes by itself.
 */
export const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 400,
  inexact_number: 400,
  unauthenticated: 401,
  forbidden: 403,
  account_required: 403,
  not_found: 404,
  method_not_allowed: 405,
  body_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  request_timeout: 503,
  idempotency_key_missing: 400,
  idempotency_key_invalid: 400,
  idempotency_in_flight: 409,
  idempotency_mismatch: 422,
  duplicate_client_order_id: 409,
  unknown_symbol: 422,
  invalid_quantity: 422,
  invalid_price: 422,
  invalid_price_increment: 422,
  invalid_quantity_increment: 422,
  notional_too_small: 422,
  invalid_expiry: 422,
  live_mode_unavailable: 422,
  order_denied: 422,
  // Deliberate, so no 5xx: it must not look like an outage. The same key may be sent again once trading is on.
  kill_switch_engaged: 409,
  account_missing: 403,
  overloaded: 503,
  draining: 503,
  database_unavailable: 503,
  database_timeout: 503,
  database_conflict: 503,
  transaction_rolled_back: 503,
  outcome_unknown: 503,
  internal: 500,
};

/** Errors that a client may simply try again, and that therefore carry Retry-After. */
export const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'rate_limited',
  'request_timeout',
  'idempotency_in_flight',
  'overloaded',
  'draining',
  'database_unavailable',
  'database_timeout',
  'database_conflict',
  'transaction_rolled_back',
  'outcome_unknown',
] as const);

/** One field that is not as it should be. The message never quotes the value. */
export interface InputFault {
  readonly in: 'path' | 'query' | 'body';
  readonly field: string;
  readonly message: string;
}

/** `invalid_request` with every field at fault. */
export class InvalidInputError extends OrderServiceError {
  readonly faults: readonly InputFault[];

  constructor(faults: readonly InputFault[]) {
    const [first] = faults;
    super('invalid_request', first === undefined ? {} : { message: `${first.field || first.in}: ${first.message}` });
    this.faults = faults;
  }
}

/** Errors of Express and its body parser carry a 4xx status; what they say may quote input and is not passed on. */
function fromFramework(error: unknown): OrderServiceError | undefined {
  const status: unknown = error instanceof Error ? Reflect.get(error, 'status') : undefined;
  if (status === 413) return new OrderServiceError('body_too_large', { cause: error });
  if (status === 415) return new OrderServiceError('unsupported_media_type', { cause: error });
  const isClients = typeof status === 'number' && status >= 400 && status < 500;
  return isClients ? new OrderServiceError('invalid_request', { cause: error }) : undefined;
}

/** Anything thrown as an error with a code. Unforeseen errors become `internal`, with the original as the cause. */
export function asServiceError(error: unknown): OrderServiceError {
  if (error instanceof OrderServiceError) return error;
  return fromFramework(error) ?? new OrderServiceError('internal', { cause: error });
}
