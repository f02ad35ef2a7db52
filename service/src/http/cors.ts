import type { RequestHandler } from 'express';
import { stateOf } from './request-state.ts';

const METHODS = 'GET, POST, PUT';
const REQUEST_HEADERS = 'Authorization, Content-Type, Idempotency-Key, X-Request-Id';
/** What a page may read of an answer, beyond what every page may. */
const EXPOSED_HEADERS = 'Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id';
/** Chromium keeps a preflight no longer than this. https://developer.mozilla.org/docs/Web/HTTP/Headers/Access-Control-Max-Age */
const MAX_AGE_SECONDS = 7200;

/**
 * Lets pages of exactly the given origins read answers. An origin is compared as a whole: no suffix, no pattern, never
 * `null`. Nobody else's is ever reflected, and cookies play no part, so credentials are not allowed to anyone.
 */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  const allowed = new Set(origins);
  return (request, response, next) => {
    // Also without an origin: a cache must not give one page's answer to another.
    response.vary('Origin');
    const origin = request.get('origin');
    if (origin === undefined || !allowed.has(origin)) return next();
    response.setHeader('access-control-allow-origin', origin);
    if (request.method !== 'OPTIONS' || request.get('access-control-request-method') === undefined) {
      response.setHeader('access-control-expose-headers', EXPOSED_HEADERS);
      return next();
    }
    const state = stateOf(response);
    state.route = 'preflight';
    state.quiet = true;
    response.setHeader('access-control-allow-methods', METHODS);
    response.setHeader('access-control-allow-headers', REQUEST_HEADERS);
    response.setHeader('access-control-max-age', String(MAX_AGE_SECONDS));
    response.status(204).end();
  };
}
