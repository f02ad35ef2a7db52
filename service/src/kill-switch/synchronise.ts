import {
  findSwitchRecord,
  LOCK_SWITCH_MIRROR_SQL,
  rememberMirror,
  type SwitchSource,
  updateKillSwitch,
} from '../db/kill-switch.ts';
import { type DatabasePool, type Tx, transaction, withConnection } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import type { KillSwitch } from '../domain/kill-switch.ts';
import { firstSentinel, halted, nextStep, REDIS_TROUBLE, writeSentinel } from '../domain/kill-switch-redis.ts';
import { RedisUnavailableError } from '../redis.ts';
import type { RedisSwitch } from './redis-switch.ts';

/** Both places that hold the switch. */
export interface BothSides {
  readonly pool: DatabasePool;
  readonly redis: RedisSwitch;
}

/** From an operator's SET to agreement it takes two steps; more means that others go on changing things. */
const ROUNDS_MAX = 6;

/**
 * Brings PostgreSQL and Redis together: what an operator did in Redis is recorded, and what PostgreSQL says is written
 * there. Resolves with what was recorded, oldest first; empty when both agreed already.
 *
 * @throws RedisUnavailableError, or OrderServiceError when the database cannot be used. Nothing is half done then.
 */
export async function synchronise(sides: BothSides): Promise<readonly KillSwitch[]> {
  const recorded: KillSwitch[] = [];
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    // PostgreSQL is read first: its mark is written after the sentinel, so that a mark without a sentinel is a loss.
    const record = await withConnection(sides.pool, findSwitchRecord);
    const memory = await sides.redis.look();
    // A row that is gone counts as engaged by itself; there is nothing to agree on.
    if (record === undefined || nextStep(record, memory).do === 'nothing') break;
    const change = await underLock(sides);
    if (change !== undefined) recorded.push(change);
  }
  return recorded;
}

/** One step, alone among all replicas. What Redis refuses is no fault of the connection to the database. */
async function underLock({ pool, redis }: BothSides): Promise<KillSwitch | undefined> {
  const kept: { error?: RedisUnavailableError } = {};
  const change = await transaction(
    pool,
    (tx) =>
      takeStep(tx, redis).catch((error: unknown) => {
        if (!(error instanceof RedisUnavailableError)) throw error;
        kept.error = error;
        return undefined;
      }),
    LOCK_SWITCH_MIRROR_SQL,
  );
  if (kept.error !== undefined) throw kept.error;
  return change;
}

/** Decides afresh: another replica may have taken the step while this one waited. Redis is never asked after a change. */
async function takeStep(tx: Tx, redis: RedisSwitch): Promise<KillSwitch | undefined> {
  const record = await findSwitchRecord(tx);
  if (record === undefined) return undefined;
  const memory = await redis.look();
  const step = nextStep(record, memory);
  if (step.do === 'record') {
    const { state, reason, changedBy, statedAt } = step.change;
    return updateKillSwitch(tx, {
      state,
      reason,
      by: changedBy,
      source: step.source,
      statedAt,
      ifVersion: record.version,
    });
  }
  if (step.do === 'write') {
    await redis.replace(memory, { key: step.key, sentinel: step.sentinel && writeSentinel(step.sentinel) });
  } else if (step.do === 'initialise') {
    // A sentinel that is there already was written by a replica that then lost its database.
    const sentinel = memory.sentinel ?? writeSentinel(firstSentinel(record, memory));
    if (await redis.replace(memory, { key: memory.key, sentinel })) await rememberMirror(tx);
  }
  return undefined;
}

/** Records that Redis cannot be read, unless trading is stopped already. Resolves with the change, if there was one. */
export async function recordOutage(pool: DatabasePool): Promise<KillSwitch | undefined> {
  return transaction(
    pool,
    async (tx) => {
      const record = await findSwitchRecord(tx);
      if (record === undefined || record.state !== 'ACTIVE') return undefined;
      const { state, reason, changedBy } = halted(REDIS_TROUBLE.unreadable);
      return updateKillSwitch(tx, { state, reason, by: changedBy, source: 'service', ifVersion: record.version });
    },
    LOCK_SWITCH_MIRROR_SQL,
  );
}

/**
 * Clears the switch on both sides, and tells Redis to remember from now on. Redis is written before the database commits:
 * a clearing that fails in between leaves trading stopped.
 *
 * @throws OrderServiceError `kill_switch_not_cleared` while Redis cannot be read or relied on, or was changed meanwhile.
 */
export async function clearBothSides(
  { pool, redis }: BothSides,
  change: { readonly reason: string; readonly by: string; readonly source: SwitchSource },
): Promise<KillSwitch | undefined> {
  return transaction(
    pool,
    async (tx) => {
      const memory = await redis.look().catch((cause: unknown) => {
        throw notCleared(REDIS_TROUBLE.unreadable, cause);
      });
      if (memory.forgets !== null) throw notCleared(memory.forgets);
      const changed = await updateKillSwitch(tx, { ...change, state: 'ACTIVE' });
      if (changed === undefined) return undefined;
      const sentinel = writeSentinel({ version: changed.version, key: null, evictions: memory.evictions });
      await rememberMirror(tx);
      const written = await redis.replace(memory, { key: null, sentinel }).catch((cause: unknown) => {
        throw notCleared(REDIS_TROUBLE.unreadable, cause);
      });
      if (!written) throw notCleared('the kill switch was changed in Redis at the same moment');
      return changed;
    },
    LOCK_SWITCH_MIRROR_SQL,
  );
}

function notCleared(why: string, cause?: unknown): OrderServiceError {
  return new OrderServiceError('kill_switch_not_cleared', { details: { why }, cause });
}
