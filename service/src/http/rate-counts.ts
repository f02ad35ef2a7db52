import type { ClientRateLimitInfo, Store } from 'express-rate-limit';

/**
 * A quota and what breaking it costs. The first violation waits for the window's end; every further one doubles the time
 * that was left, up to `backOffMaxMs`, and the wait is enforced: whoever goes on asking is not let in sooner.
 */
export interface Quota {
  readonly limit: number;
  readonly windowMs: number;
  readonly backOffMaxMs: number;
}

/** Sends one command to Redis; rejects when there is no answer in good time. */
export type SendToRedis = (command: readonly string[]) => Promise<unknown>;

/** Most clients that one process remembers. Beyond it the one that was seen first is forgotten. */
const CLIENTS_MAX = 100_000;
/** Clients whose time is over and who are forgotten with each new one: more than come, so that the rest stays small. */
const FORGOTTEN_AT_ONCE = 2;

interface Count {
  hits: number;
  resetAtMs: number;
}

/** Counts of this process alone. */
export function localCounts(quota: Quota, now: () => number = Date.now): Store {
  const counts = new Map<string, Count>();
  const forget = (): void => {
    let looked = 0;
    for (const [key, count] of counts) {
      if (looked >= FORGOTTEN_AT_ONCE) break;
      looked += 1;
      if (count.resetAtMs <= now() || counts.size > CLIENTS_MAX) counts.delete(key);
    }
  };
  // Written to the end each time that its own end moves, so that those that end first come first.
  const keep = (key: string, count: Count): void => {
    counts.delete(key);
    counts.set(key, count);
    forget();
  };
  return {
    localKeys: true,
    increment: (key): ClientRateLimitInfo => {
      const count = counts.get(key);
      if (count === undefined || count.resetAtMs <= now()) {
        const resetAtMs = now() + quota.windowMs;
        keep(key, { hits: 1, resetAtMs });
        return { totalHits: 1, resetTime: new Date(resetAtMs) };
      }
      count.hits += 1;
      const leftMs = count.resetAtMs - now();
      if (count.hits > quota.limit + 1 && leftMs < quota.backOffMaxMs) {
        count.resetAtMs = now() + Math.min(leftMs * 2, quota.backOffMaxMs);
        keep(key, count);
      }
      return { totalHits: count.hits, resetTime: new Date(count.resetAtMs) };
    },
    decrement: (key) => {
      const count = counts.get(key);
      if (count !== undefined && count.hits > 0) count.hits -= 1;
    },
    resetKey: (key) => {
      counts.delete(key);
    },
  };
}

/** The same rule as `localCounts`, as one step that no other replica can come between. Returns hits and milliseconds left. */
const INCREMENT = `
local limit, window, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local hits = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if hits == 1 or left < 0 then
  left = window
  redis.call('PEXPIRE', KEYS[1], left)
elseif hits > limit + 1 and left < most then
  left = math.min(left * 2, most)
  redis.call('PEXPIRE', KEYS[1], left)
end
return { hits, left }`;

/** After a failure Redis is left alone for so long, so that one that is frozen does not delay every request. */
const REDIS_PAUSE_MS = 1000;

/**
 * Counts that all replicas share. While Redis cannot be asked each process counts for itself: N replicas then grant up to
 * N quotas. A limit is no permission, and refusing everybody would turn the loss of Redis into an outage in which
 * nobody could cancel an order.
 */
export function sharedCounts(quota: Quota, name: string, send: SendToRedis, now: () => number = Date.now): Store {
  const local = localCounts(quota, now);
  const prefix = `rate-limit:${name}:`;
  const rule = [quota.limit, quota.windowMs, quota.backOffMaxMs].map(String);
  let pausedUntilMs = 0;
  const ask = async (key: string): Promise<ClientRateLimitInfo> => {
    const reply = await send(['EVAL', INCREMENT, '1', prefix + key, ...rule]);
    const [hits, leftMs] = Array.isArray(reply) ? reply.map(Number) : [];
    if (hits === undefined || leftMs === undefined) throw new TypeError('not what the script returns');
    return { totalHits: hits, resetTime: new Date(now() + leftMs) };
  };
  return {
    prefix,
    increment: async (key) => {
      if (now() < pausedUntilMs) return local.increment(key);
      try {
        return await ask(key);
      } catch {
        // The connection's holder tells the log of its loss, once; here it only means to count alone for a while.
        pausedUntilMs = now() + REDIS_PAUSE_MS;
        return local.increment(key);
      }
    },
    decrement: async (key) => {
      await send(['DECR', prefix + key]);
    },
    resetKey: async (key) => {
      await send(['DEL', prefix + key]);
    },
  };
}
