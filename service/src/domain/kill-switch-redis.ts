/** What the kill switch looks like in Redis, what that means, and what brings Redis and PostgreSQL together again. Pure. */
import {
  isStricter,
  KILL_SWITCH_AUTHOR_MAX,
  KILL_SWITCH_REASON_MAX,
  type KillSwitch,
  type KillSwitchState,
  type SwitchPosition,
} from './kill-switch.ts';

/** What operators SET and DEL. Engaged: `{"active":true,"reason":…,"activatedAt":…,"activatedBy":…}`. Absent: not engaged. */
export const SWITCH_KEY = 'kill_switch:global';
/**
 * What the service leaves beside it. An operator's DEL takes the switch alone; a flush, an eviction or an empty restart
 * takes this too, so that an absent switch means "cleared" only while this is there.
 */
export const SENTINEL_KEY = 'kill_switch:sentinel';

/** Where both sides last agreed. */
export interface Sentinel {
  /** Of the record in PostgreSQL. */
  readonly version: number;
  /** The text of the switch in Redis. */
  readonly key: string | null;
  /** How many keys Redis had evicted since it started. */
  readonly evictions: number;
}

/** Both keys as Redis holds them; null: absent. */
export interface RedisKeys {
  readonly key: string | null;
  readonly sentinel: string | null;
}

/** The keys, and why Redis cannot be relied on to keep them (null: it can). */
export interface RedisMemory extends RedisKeys {
  readonly forgets: string | null;
  /** How many keys it has evicted since it started. */
  readonly evictions: number;
  /** Its policy, as it stands, evicts nothing at all: if `evictions` grew, somebody changed the policy in between. */
  readonly evictsNothing: boolean;
}

/** An engaged or cleared switch as an operator wrote it into Redis. */
export interface StatedSwitch extends SwitchPosition {
  /** When the operator says that it was done; RFC 3339, or null. */
  readonly statedAt: string | null;
}

/** The author on record where Redis does not say who. */
export const REDIS_AUTHOR = 'redis: not named';
/** The author of what the service decides by itself. */
export const SERVICE_AUTHOR = 'order-service';

const CLEAR: StatedSwitch = {
  state: 'ACTIVE',
  reason: `${SWITCH_KEY} was deleted in Redis`,
  changedBy: REDIS_AUTHOR,
  statedAt: null,
};

/** Why the switch counts as engaged when Redis itself is the trouble. */
export const REDIS_TROUBLE = {
  unreadable: 'Redis cannot be read, so that nobody knows whether the kill switch is engaged there',
  lost: 'Redis has lost its memory (flushed, evicted or restarted empty), and the kill switch with it',
  older: 'PostgreSQL is older than what Redis remembers of the kill switch: was it restored from a backup?',
} as const;

/** What stands for Redis when it has no say because there is none. */
export const NO_REDIS: SwitchPosition = {
  state: 'ACTIVE',
  reason: 'no Redis is configured',
  changedBy: SERVICE_AUTHOR,
};

/** A position that the service takes by itself: stopped, and why. */
export function halted(reason: string): SwitchPosition {
  return { state: 'HALTED', reason, changedBy: SERVICE_AUTHOR };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    // Not JSON: the caller decides what a text that nobody understands means.
    return null;
  }
}

/** One line without control characters, at most `max` characters, or `otherwise` when nothing is left. */
function line(value: unknown, max: number, otherwise: string): string {
  if (typeof value !== 'string') return otherwise;
  const text = value.replace(/\p{Cc}+/gu, ' ').trim();
  return text === '' ? otherwise : [...text].slice(0, max).join('').trim();
}

function instant(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  try {
    const text = Temporal.Instant.from(value).toString({ smallestUnit: 'microsecond' });
    // Years beyond four digits are spelled in a way that PostgreSQL does not read.
    return /^[1-9]\d{3}-/.test(text) ? text : null;
  } catch {
    // A time that cannot be read is no reason to leave an emergency stop unrecorded.
    return null;
  }
}

function statedState(value: Readonly<Record<string, unknown>>): KillSwitchState | undefined {
  if (value.active === false) return 'ACTIVE';
  if (value.active !== true) return undefined;
  // HALTED unless the operator asks for less in the one word that means it.
  return value.state === 'REDUCING' ? 'REDUCING' : 'HALTED';
}

/** What an operator's text says. Absent: cleared. A text that cannot be understood is engaged: somebody meant to do something. */
export function readSwitch(text: string | null): StatedSwitch {
  if (text === null) return CLEAR;
  const value = parseObject(text);
  const state = value === null ? undefined : statedState(value);
  if (value === null || state === undefined) {
    return { ...halted(`${SWITCH_KEY} in Redis cannot be understood`), changedBy: REDIS_AUTHOR, statedAt: null };
  }
  return {
    state,
    reason: line(value.reason, KILL_SWITCH_REASON_MAX, `no reason was given in ${SWITCH_KEY}`),
    changedBy: line(value.activatedBy, KILL_SWITCH_AUTHOR_MAX, REDIS_AUTHOR),
    statedAt: instant(value.activatedAt),
  };
}

/** The text that stands for PostgreSQL's record in Redis: null when trading is on, as operators' tools expect. */
export function writeSwitch(record: KillSwitch): string | null {
  if (record.state === 'ACTIVE') return null;
  return JSON.stringify({
    active: true,
    reason: record.reason,
    activatedAt: record.changedAt,
    activatedBy: record.changedBy,
    state: record.state,
  });
}

/** The sentinel, or null when it is absent or not ours: either way Redis does not remember. */
export function readSentinel(text: string | null): Sentinel | null {
  const value = text === null ? null : parseObject(text);
  if (value === null || typeof value.version !== 'number' || !Number.isSafeInteger(value.version)) return null;
  if (value.key !== null && typeof value.key !== 'string') return null;
  return { version: value.version, key: value.key, evictions: Number(value.evictions) };
}

export function writeSentinel({ version, key, evictions }: Sentinel): string {
  return JSON.stringify({ version, key, evictions });
}

/** What Redis says of the switch by itself: the check of every placement. */
export function positionOf(keys: RedisKeys): SwitchPosition {
  return readSentinel(keys.sentinel) === null ? halted(REDIS_TROUBLE.lost) : readSwitch(keys.key);
}

/** PostgreSQL's record, and whether a Redis was ever given its sentinel. */
export interface SwitchRecord extends KillSwitch {
  readonly mirrored: boolean;
}

/** One step towards agreement; after any but `nothing` both sides are looked at again. */
export type MirrorStep =
  | { readonly do: 'nothing' }
  /** Redis gets its sentinel for the first time. */
  | { readonly do: 'initialise' }
  /** PostgreSQL takes over what Redis says, or what its loss means. */
  | { readonly do: 'record'; readonly change: StatedSwitch; readonly source: 'redis' | 'service' }
  /** Redis takes over what PostgreSQL says. `sentinel` null: it stays without, for only an operator may say that all is well. */
  | { readonly do: 'write'; readonly key: string | null; readonly sentinel: Sentinel | null };

/** The first sentinel: no switch in Redis counts as agreed with yet. */
export function firstSentinel(record: SwitchRecord, memory: RedisMemory): Sentinel {
  return { version: record.version, key: null, evictions: memory.evictions };
}

const NOTHING: MirrorStep = { do: 'nothing' };

function recordTrouble(reason: string): MirrorStep {
  return { do: 'record', change: { ...halted(reason), statedAt: null }, source: 'service' };
}

function agree({ version }: SwitchRecord, { evictions }: RedisMemory, key: string | null): MirrorStep {
  return { do: 'write', key, sentinel: { version, key, evictions } };
}

function mirror(record: SwitchRecord, memory: RedisMemory): MirrorStep {
  return agree(record, memory, writeSwitch(record));
}

/**
 * What to do about what both sides say. Where they contradict each other the one that stops trading wins; what an
 * operator did in Redis counts when PostgreSQL has not changed since Redis last agreed with it.
 */
export function nextStep(record: SwitchRecord, memory: RedisMemory): MirrorStep {
  if (memory.forgets !== null) return record.state === 'ACTIVE' ? recordTrouble(memory.forgets) : NOTHING;
  const sentinel = readSentinel(memory.sentinel);
  if (!record.mirrored) return { do: 'initialise' };
  if (sentinel === null) return afterLoss(record, memory);
  return memory.key === sentinel.key
    ? afterDatabase(record, sentinel, memory)
    : afterOperator(record, sentinel, memory);
}

function afterLoss(record: SwitchRecord, memory: RedisMemory): MirrorStep {
  if (record.state === 'ACTIVE') return recordTrouble(REDIS_TROUBLE.lost);
  // Whoever else reads the key sees that trading is stopped.
  return memory.key === null ? { do: 'write', key: writeSwitch(record), sentinel: null } : NOTHING;
}

/** Nobody touched Redis since it last agreed. */
function afterDatabase(record: SwitchRecord, sentinel: Sentinel, memory: RedisMemory): MirrorStep {
  if (record.version < sentinel.version && record.state === 'ACTIVE') return recordTrouble(REDIS_TROUBLE.older);
  if (record.version !== sentinel.version) return mirror(record, memory);
  const stated = readSwitch(memory.key);
  if (record.state === 'ACTIVE') {
    return stated.state === 'ACTIVE' ? NOTHING : { do: 'record', change: stated, source: 'redis' };
  }
  return stated.state === 'ACTIVE' ? mirror(record, memory) : NOTHING;
}

function sameChange(record: SwitchRecord, stated: StatedSwitch): boolean {
  return record.state === stated.state && record.reason === stated.reason && record.changedBy === stated.changedBy;
}

/** Somebody changed the switch in Redis. */
function afterOperator(record: SwitchRecord, sentinel: Sentinel, memory: RedisMemory): MirrorStep {
  const stated = readSwitch(memory.key);
  // It is on record already; only the sentinel was not written yet.
  if (sameChange(record, stated) || (stated.state === 'ACTIVE' && record.state === 'ACTIVE')) {
    return agree(record, memory, memory.key);
  }
  const wasEvicted = memory.evictsNothing && memory.evictions > sentinel.evictions;
  const isOutdated = record.version !== sentinel.version;
  if (isStricter(record.state, stated.state) && (isOutdated || wasEvicted)) return mirror(record, memory);
  return { do: 'record', change: stated, source: 'redis' };
}
