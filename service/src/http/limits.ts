import type { RequestHandler } from 'express';
import { type Options, rateLimit } from 'express-rate-limit';
import { HttpError } from './errors.ts';
import { stateOf } from './request-state.ts';

export interface RateLimits {
  readonly rateLimitPerMinuteAddress: number;
  readonly rateLimitPerHourKey: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** One household or server usually holds a whole /56; a finer key would hand out 256 quotas and more. */
const IPV6_SUBNET_BITS = 56;

const common: Partial<Options> = {
  standardHeaders: 'draft-8',
  legacyHeaders: false,
  // Forwarding headers that no trusted proxy wrote are ignored on purpose; that is no mistake to warn about.
  validate: { xForwardedForHeader: false, forwardedHeader: false },
  handler: (_request, _response, next) => {
    next(new HttpError('rate_limited'));
  },
};

/** Per client address, before anything expensive: guesses at keys count too. */
export function limitByAddress(limits: RateLimits): RequestHandler {
  return rateLimit({
    ...common,
    identifier: 'address',
    windowMs: MINUTE_MS,
    limit: limits.rateLimitPerMinuteAddress,
    ipv6Subnet: IPV6_SUBNET_BITS,
  });
}

/** Per API key, wherever it is used from. The process key belongs to our own scheduler and is not counted. */
export function limitByKey(limits: RateLimits): RequestHandler {
  return rateLimit({
    ...common,
    identifier: 'key',
    windowMs: HOUR_MS,
    limit: limits.rateLimitPerHourKey,
    skip: (_request, response) => stateOf(response).principal.kind !== 'api-key',
    keyGenerator: (_request, response) => {
      const { principal } = stateOf(response);
      return principal.kind === 'api-key' ? principal.keyId : principal.kind;
    },
  });
}
