import type { Request, RequestHandler } from 'express';
import { type Options, rateLimit } from 'express-rate-limit';
import { clientAddress } from '../access/client-address.ts';
import { HttpError } from './errors.ts';
import { localCounts, type Quota, type SendToRedis, sharedCounts } from './rate-counts.ts';
import { stateOf } from './request-state.ts';

export interface RateLimits {
  readonly rateLimitPerMinuteAddress: number;
  readonly rateLimitPerHourKey: number;
  readonly rateLimitPerMinutePublic: number;
  /** Where replicas count together; absent, each counts for itself. */
  readonly sendToRedis?: SendToRedis | undefined;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const ADDRESS_BACK_OFF_MAX_MS = 15 * MINUTE_MS;
/** One window: a desk that overshot its quota is never without its key for longer than that. */
const KEY_BACK_OFF_MAX_MS = HOUR_MS;

const common: Partial<Options> = {
  standardHeaders: 'draft-8',
  legacyHeaders: false,
  // Forwarding headers that no trusted proxy wrote are ignored on purpose; that is no mistake to warn about.
  validate: { xForwardedForHeader: false, forwardedHeader: false },
  handler: (_request, _response, next) => {
    next(new HttpError('rate_limited'));
  },
};

/**
 * Whom a request is counted for. What a proxy wrote that is no address counts for the proxy itself, so that nonsense buys
 * no quota of its own.
 */
export function addressOf(request: Request): string {
  return clientAddress(request.ip ?? '') ?? clientAddress(request.socket.remoteAddress ?? '') ?? '0.0.0.0';
}

function counts(name: string, quota: Quota, send: SendToRedis | undefined) {
  return send === undefined ? localCounts(quota) : sharedCounts(quota, name, send);
}

/** Per client address, before anything expensive: guesses at keys count too. */
export function limitByAddress(limits: RateLimits): RequestHandler {
  const quota = {
    limit: limits.rateLimitPerMinuteAddress,
    windowMs: MINUTE_MS,
    backOffMaxMs: ADDRESS_BACK_OFF_MAX_MS,
  };
  return rateLimit({
    ...common,
    identifier: 'address',
    windowMs: quota.windowMs,
    limit: quota.limit,
    keyGenerator: (request) => addressOf(request),
    store: counts('address', quota, limits.sendToRedis),
  });
}

/**
 * What needs no key, by address and generously: probes come often, and must neither be turned away because somebody else
 * behind their address was busy, nor depend on Redis. Violations wait for the end of the minute and no longer.
 */
export function limitPublic(limits: RateLimits): RequestHandler {
  const quota = { limit: limits.rateLimitPerMinutePublic, windowMs: MINUTE_MS, backOffMaxMs: 0 };
  return rateLimit({
    ...common,
    identifier: 'public',
    windowMs: quota.windowMs,
    limit: quota.limit,
    keyGenerator: (request) => addressOf(request),
    store: localCounts(quota),
  });
}

/** Per API key, wherever it is used from. The process key belongs to our own scheduler and is not counted. */
export function limitByKey(limits: RateLimits): RequestHandler {
  const quota = { limit: limits.rateLimitPerHourKey, windowMs: HOUR_MS, backOffMaxMs: KEY_BACK_OFF_MAX_MS };
  return rateLimit({
    ...common,
    identifier: 'key',
    windowMs: quota.windowMs,
    limit: quota.limit,
    skip: (_request, response) => stateOf(response).principal.kind !== 'api-key',
    keyGenerator: (_request, response) => {
      const { principal } = stateOf(response);
      return principal.kind === 'api-key' ? principal.keyId : principal.kind;
    },
    store: counts('key', quota, limits.sendToRedis),
  });
}
