import { ERROR_MEANINGS, type ErrorCode, type ErrorDetails, OrderServiceError } from '../domain/errors.ts';

/** Errors that only exist because the service is spoken to over HTTP. Messages are safe to show. */
const HTTP_ERROR_MEANINGS = {
  invalid_request: 'The request is not well formed.',
  inexact_number: 'A JSON number cannot be carried exactly as written: send it as a string.',
  unauthenticated: 'A valid API key is needed.',
  forbidden: 'This API key may not do that.',
  account_required:
    'This API key belongs to no account: use a key of the account itself, or name the account where that is offered.',
  not_found: 'There is no such thing here.',
  locked_out: 'Too many wrong keys came from this address. Wait as Retry-After says, or ask an operator to clear it.',
  body_too_deep: 'The request body is nested too deeply.',
  body_too_large: 'The request body is too large.',
  unsupported_media_type: 'The request body must be uncompressed application/json.',
  rate_limited: 'Too many requests: the RateLimit headers say when to come back.',
  request_timeout: 'The request took too long.',
  idempotency_key_missing: 'An Idempotency-Key header is needed.',
  idempotency_key_invalid: 'The Idempotency-Key must be 1 to 255 visible ASCII characters.',
} as const;

export type HttpErrorCode = keyof typeof HTTP_ERROR_MEANINGS;

/** Every code that can stand in a problem, with its meaning. */
export const PROBLEM_MEANINGS = { ...ERROR_MEANINGS, ...HTTP_ERROR_MEANINGS };
export type ProblemCode = keyof typeof PROBLEM_MEANINGS;

/**
 * The HTTP status of every error: the compiler refuses a code that is missing here.
 * 400 is for what is not well formed, 422 for a well-formed request that is refused for what it asks,
 * 503 for what passes by itself.
 */
export const STATUS_OF: Readonly<Record<ErrorCode | HttpErrorCode, number>> = {
  invalid_request: 400,
  inexact_number: 400,
  idempotency_key_missing: 400,
  idempotency_key_invalid: 400,
  body_too_deep: 400,
  invalid_address: 400,
  invalid_cursor: 400,
  invalid_reason: 400,
  unauthenticated: 401,
  forbidden: 403,
  account_required: 403,
  account_missing: 403,
  not_found: 404,
  order_not_found: 404,
  account_not_found: 404,
  strategy_not_found: 404,
  idempotency_in_flight: 409,
  duplicate_client_order_id: 409,
  order_not_cancelable: 409,
  order_not_unknown: 409,
  // Deliberate, so no 5xx: it must not look like an outage. The same key may be sent again once trading is on.
  kill_switch_engaged: 409,
  // It does not pass by itself, so no 503: somebody has to mend Redis first.
  kill_switch_not_cleared: 409,
  body_too_large: 413,
  unsupported_media_type: 415,
  idempotency_mismatch: 422,
  unknown_symbol: 422,
  invalid_quantity: 422,
  invalid_price: 422,
  invalid_price_increment: 422,
  invalid_quantity_increment: 422,
  notional_too_small: 422,
  invalid_expiry: 422,
  live_mode_unavailable: 422,
  order_denied: 422,
  locked_out: 429,
  rate_limited: 429,
  internal: 500,
  // Ours to mend, and it does not pass by itself: it must wake somebody.
  books_unbalanced: 500,
  request_timeout: 503,
  overloaded: 503,
  database_unavailable: 503,
  database_timeout: 503,
  database_conflict: 503,
  lease_lost: 503,
  transaction_rolled_back: 503,
  outcome_unknown: 503,
};

/** Errors that pass by themselves, within a second or so unless they say otherwise: they carry Retry-After. */
export function isRetryable(code: ProblemCode): boolean {
  return STATUS_OF[code] === 503 || STATUS_OF[code] === 429 || code === 'idempotency_in_flight';
}

/** An error of the HTTP layer. `message` and `details` are shown to the caller, so they never quote secrets. */
export class HttpError extends Error {
  override readonly name: string = 'HttpError';
  readonly code: HttpErrorCode;
  readonly details: ErrorDetails;
  /** When to come back, where that is known. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: HttpErrorCode,
    options: { message?: string; details?: ErrorDetails; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(
      options.message ?? HTTP_ERROR_MEANINGS[code],
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** One field that is not as it should be. The message never quotes the value. */
export interface InputFault {
  readonly in: 'path' | 'query' | 'body';
  readonly field: string;
  readonly message: string;
}

/** `invalid_request` with every field at fault. */
export class InvalidInputError extends HttpError {
  override readonly name = 'InvalidInputError';
  readonly faults: readonly InputFault[];

  constructor(faults: readonly InputFault[]) {
    const [first] = faults;
    super('invalid_request', first === undefined ? {} : { message: `${first.field || first.in}: ${first.message}` });
    this.faults = faults;
  }
}

/** An error that has a code, a safe message and safe details. */
export type KnownError = OrderServiceError | HttpError;

/** Errors of Express and its body parser carry a 4xx status; what they say may quote input and is not passed on. */
function fromFramework(error: unknown): HttpError | undefined {
  const status: unknown = error instanceof Error ? Reflect.get(error, 'status') : undefined;
  if (status === 413) return new HttpError('body_too_large', { cause: error });
  if (status === 415) return new HttpError('unsupported_media_type', { cause: error });
  const isClients = typeof status === 'number' && status >= 400 && status < 500;
  return isClients ? new HttpError('invalid_request', { cause: error }) : undefined;
}

/** Anything thrown as an error with a code. Unforeseen errors become `internal`, with the original as the cause. */
export function asKnownError(error: unknown): KnownError {
  if (error instanceof OrderServiceError || error instanceof HttpError) return error;
  return fromFramework(error) ?? new OrderServiceError('internal', { cause: error });
}
