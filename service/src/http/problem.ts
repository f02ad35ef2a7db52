import { STATUS_CODES } from 'node:http';
import type { Response } from 'express';
import { HttpError, InvalidInputError, isRetryable, type KnownError, STATUS_OF } from './errors.ts';
import type { Reply } from './route.ts';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** Long enough for a pool to breathe or a failover to begin, short enough that a client soon tries again. */
const RETRY_AFTER_SECONDS = 1;

/**
 * The RFC 9457 problem for an error: its code, safe message and facts, and the request id as `instance`.
 * Of an `internal` error it says nothing else; the log has the cause under the same id.
 */
export function problemReply(error: KnownError, requestId: string): Reply {
  const status = STATUS_OF[error.code];
  const body = {
    type: `urn:order-service:problem:${error.code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code: error.code,
    detail: error.message,
    instance: requestId,
    ...(error instanceof InvalidInputError ? { errors: error.faults } : {}),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  };
  const headers: Record<string, string> = { 'content-type': PROBLEM_CONTENT_TYPE };
  const waitSeconds = error instanceof HttpError ? error.retryAfterSeconds : undefined;
  if (isRetryable(error.code)) headers['retry-after'] = String(waitSeconds ?? RETRY_AFTER_SECONDS);
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="order-service"';
  return { status, body, headers };
}

/**
 * Sends a reply, unless something was sent already, as after a request timeout; returns whether it did.
 * `closing` tells the client to go elsewhere before the port closes on its idle connection.
 */
export function send(response: Response, reply: Reply, closing: boolean): boolean {
  if (response.headersSent || response.destroyed) return false;
  response.status(reply.status);
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('cache-control', 'no-store');
  if (closing) response.setHeader('connection', 'close');
  for (const [name, value] of Object.entries(reply.headers ?? {})) {
    // The rate limiter has worked out the exact wait; it is not overwritten.
    if (name === 'retry-after' && response.hasHeader(name)) continue;
    response.setHeader(name, value);
  }
  response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
  return true;
}
