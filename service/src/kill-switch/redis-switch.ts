import type { SwitchPosition } from '../domain/kill-switch.ts';
import {
  halted,
  positionOf,
  REDIS_TROUBLE,
  type RedisKeys,
  type RedisMemory,
  SENTINEL_KEY,
  SWITCH_KEY,
} from '../domain/kill-switch-redis.ts';
import { type Redis, type RedisReply, RedisUnavailableError } from '../redis.ts';

/** The switch's two keys in Redis. Everything is bounded by the connection's own timeout. */
export interface RedisSwitch {
  /** What Redis says of the switch, read now. Never throws: what cannot be read is engaged. */
  readonly position: () => Promise<SwitchPosition>;
  /** The keys, and whether Redis can be relied on. @throws RedisUnavailableError. */
  readonly look: () => Promise<RedisMemory>;
  /**
   * Writes both keys if they are still as `seen`, in one step; null removes. Resolves with false when somebody else was
   * faster. @throws RedisUnavailableError; the keys may then have been written, or not.
   */
  readonly replace: (seen: RedisKeys, wanted: RedisKeys) => Promise<boolean>;
}

/** Both keys of one moment. Unlike MGET it fails for a key of another type, which somebody meant to stop something with. */
const READ_SCRIPT = `return { redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2]) }`;

/** Keys and values as the script compares them: `-` absent, `+text` present. A SET drops an expiry, too: only a person clears. */
const REPLACE_SCRIPT = `
  local function is(key, wanted)
    local value = redis.call('GET', key)
    if value == false then return wanted == '-' end
    return wanted == '+' .. value
  end
  local function put(key, wanted)
    if wanted == '-' then redis.call('DEL', key) else redis.call('SET', key, string.sub(wanted, 2)) end
  end
  if not is(KEYS[1], ARGV[1]) or not is(KEYS[2], ARGV[2]) then return 0 end
  put(KEYS[1], ARGV[3])
  put(KEYS[2], ARGV[4])
  return 1`;

function text(reply: RedisReply | undefined): string | null {
  if (reply === null || typeof reply === 'string') return reply;
  throw new RedisUnavailableError('a key of the kill switch is no text');
}

const coded = (value: string | null): string => (value === null ? '-' : `+${value}`);

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
}

/** What Redis tells of its own memory. A server that evicts any key it likes cannot be trusted with a switch. */
function memoryOf(info: string): Pick<RedisMemory, 'forgets' | 'evictions' | 'evictsNothing'> {
  const policy = field(info, 'maxmemory_policy');
  const isBounded = field(info, 'maxmemory') !== '0';
  const forgets =
    isBounded && policy.startsWith('allkeys')
      ? `Redis may evict the kill switch (maxmemory-policy ${policy}); set noeviction`
      : null;
  return { forgets, evictions: Number(field(info, 'evicted_keys')), evictsNothing: policy === 'noeviction' };
}

/** Makes it on a connection of its own, so that nothing waits before the switch. */
export function createRedisSwitch(redis: Pick<Redis, 'send'>): RedisSwitch {
  // While a frozen server is asked again and again, placements need not each wait for its timeout.
  let silent = false;
  const keys = async (): Promise<RedisKeys> => {
    const both = await redis.send(['EVAL', READ_SCRIPT, '2', SWITCH_KEY, SENTINEL_KEY]);
    if (!Array.isArray(both)) throw new RedisUnavailableError('the keys of the kill switch are not two');
    return { key: text(both[0]), sentinel: text(both[1]) };
  };
  return {
    position: async () => {
      if (silent) return halted(REDIS_TROUBLE.unreadable);
      try {
        return positionOf(await keys());
      } catch {
        // Unreadable is an answer here; the watch, which asks the same, reports it.
        silent = true;
        return halted(REDIS_TROUBLE.unreadable);
      }
    },
    look: async () => {
      try {
        const [both, info] = await Promise.all([keys(), redis.send(['INFO'])]);
        const memory = { ...both, ...memoryOf(text(info) ?? '') };
        silent = false;
        return memory;
      } catch (error) {
        silent = true;
        throw error;
      }
    },
    replace: async (seen, wanted) => {
      const values = [seen.key, seen.sentinel, wanted.key, wanted.sentinel].map(coded);
      return (await redis.send(['EVAL', REPLACE_SCRIPT, '2', SWITCH_KEY, SENTINEL_KEY, ...values])) === 1;
    },
  };
}
