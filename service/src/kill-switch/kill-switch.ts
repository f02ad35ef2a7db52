import { findKillSwitch, type SwitchChange, updateKillSwitch } from '../db/kill-switch.ts';
import { type DatabasePool, transaction, withConnection } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import {
  KILL_SWITCH_AUTHOR_MAX,
  KILL_SWITCH_REASON_MAX,
  type KillSwitch,
  type KillSwitchState,
  type SwitchPosition,
  strictest,
} from '../domain/kill-switch.ts';
import { NO_REDIS, REDIS_TROUBLE } from '../domain/kill-switch-redis.ts';
import type { RedisSwitch } from './redis-switch.ts';
import { clearBothSides } from './synchronise.ts';
import { createWatch, firstLook } from './watch.ts';

/** What stands in for a row that somebody removed: stopped. */
const MISSING: KillSwitch = {
  state: 'HALTED',
  reason: 'the kill switch row is missing',
  changedBy: 'service',
  changedAt: '1970-01-01T00:00:00.000000Z',
  version: 0,
};

/** PostgreSQL's record as it stands now. It is never cached. @throws OrderServiceError when it cannot be read: treat as engaged. */
export async function readKillSwitch(pool: DatabasePool): Promise<KillSwitch> {
  return (await withConnection(pool, findKillSwitch)) ?? MISSING;
}

/**
 * Changes PostgreSQL's record, with who and why. Once this has returned with REDUCING or HALTED, every order that was
 * accepted is committed, and no other will be until the switch is ACTIVE again.
 *
 * @throws OrderServiceError `invalid_reason` for a reason of no or too many characters; `internal` when the row is gone.
 */
export async function setKillSwitch(
  pool: DatabasePool,
  state: KillSwitchState,
  reason: string,
  by: string,
): Promise<KillSwitch> {
  const change = changeOf(state, reason, by);
  return existing(await transaction(pool, (tx) => updateKillSwitch(tx, change)));
}

function changeOf(state: KillSwitchState, reason: string, by: string): SwitchChange {
  const trimmed = reason.trim();
  if (trimmed === '' || trimmed.length > KILL_SWITCH_REASON_MAX) {
    throw new OrderServiceError('invalid_reason');
  }
  return { state, reason: trimmed, by: by.slice(0, KILL_SWITCH_AUTHOR_MAX), source: 'api' };
}

function existing(changed: KillSwitch | undefined): KillSwitch {
  if (changed === undefined) {
    throw new OrderServiceError('internal', { message: 'The kill switch row is missing; trading is stopped.' });
  }
  return changed;
}

/** What Redis says of trading. `off`: there is none. `lost`: it answers, and has forgotten the switch. */
export const REDIS_PARTS = ['off', 'agrees', 'stops', 'lost', 'unreadable'] as const;
export type RedisPart = (typeof REDIS_PARTS)[number];

/** The switch as it takes effect: the stricter of PostgreSQL and Redis. */
export interface EffectiveSwitch extends KillSwitch {
  readonly redis: RedisPart;
}

export interface KillSwitchOptions {
  readonly pool: DatabasePool;
  /** Absent without Redis. */
  readonly redis: RedisSwitch | undefined;
  readonly onChange: (changed: KillSwitch) => void;
  readonly onError: (error: unknown) => void;
}

/** The switch on both sides. */
export interface KillSwitchControl {
  /** @throws OrderServiceError when PostgreSQL cannot be read: treat as engaged. */
  readonly read: () => Promise<EffectiveSwitch>;
  /**
   * Stopping needs PostgreSQL only; Redis follows. Clearing needs both, and restores what Redis has lost.
   * @throws OrderServiceError those of `setKillSwitch`, and `kill_switch_not_cleared`.
   */
  readonly set: (state: KillSwitchState, reason: string, by: string) => Promise<EffectiveSwitch>;
  /** What Redis alone says, for the check inside a placement. Never throws. */
  readonly positionInRedis: () => Promise<SwitchPosition>;
  /** Brings both sides together once. Never throws. */
  readonly look: () => Promise<void>;
  /** Looks until Redis was read, for a second at most, so that the first order finds both sides in agreement. Never throws. */
  readonly firstLook: () => Promise<void>;
  /** Whether Redis could be read at the last look; null without Redis. */
  readonly isRedisReadable: () => boolean | null;
}

function partOf(position: SwitchPosition): RedisPart {
  if (position.state === 'ACTIVE') return 'agrees';
  if (position.reason === REDIS_TROUBLE.unreadable) return 'unreadable';
  return position.reason === REDIS_TROUBLE.lost ? 'lost' : 'stops';
}

/** Makes the switch's control. Nothing is asked before its first use. */
export function createKillSwitch(options: KillSwitchOptions): KillSwitchControl {
  const { pool, redis } = options;
  if (redis === undefined) return withoutRedis(pool);
  const watch = createWatch({ ...options, redis });
  const read = async (): Promise<EffectiveSwitch> => {
    const [record, position] = await Promise.all([readKillSwitch(pool), redis.position()]);
    return { ...record, ...strictest<SwitchPosition, SwitchPosition>(record, position), redis: partOf(position) };
  };
  return {
    read,
    positionInRedis: redis.position,
    look: watch.look,
    firstLook: () => firstLook(watch),
    isRedisReadable: watch.isReadable,
    set: async (state, reason, by) => {
      const change = changeOf(state, reason, by);
      // What an operator did in Redis until now goes on record before this change does.
      if (state === 'ACTIVE') await watch.look();
      existing(
        state === 'ACTIVE'
          ? await clearBothSides({ pool, redis }, change)
          : await transaction(pool, (tx) => updateKillSwitch(tx, change)),
      );
      await watch.look();
      return read();
    },
  };
}

function withoutRedis(pool: DatabasePool): KillSwitchControl {
  return {
    read: async () => ({ ...(await readKillSwitch(pool)), redis: 'off' }),
    set: async (state, reason, by) => ({ ...(await setKillSwitch(pool, state, reason, by)), redis: 'off' }),
    positionInRedis: async () => NO_REDIS,
    look: async () => undefined,
    firstLook: async () => undefined,
    isRedisReadable: () => null,
  };
}
