import type { KillSwitch } from '../domain/kill-switch.ts';
import { RedisUnavailableError } from '../redis.ts';
import { type BothSides, recordOutage, synchronise } from './synchronise.ts';

/** Longest time in which nobody looks. What Redis announces is looked at at once. */
export const WATCH_INTERVAL_MS = 200;
/** An outage shorter than this refuses orders while it lasts, and leaves no record. */
export const OUTAGE_GRACE_MS = 500;
/** A Redis that was never reached since this process began may still be starting. */
export const START_GRACE_MS = 10_000;

export interface WatchOptions extends BothSides {
  /** Hears every change that was recorded because of Redis. It must not throw. */
  readonly onChange: (changed: KillSwitch) => void;
  /** Hears every failed look, once per kind of failure until a look succeeds. It must not throw. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

/** Keeps both sides together. `look` never throws and never runs twice at once: who asks meanwhile gets the next one. */
export interface Watch {
  readonly look: () => Promise<void>;
  /** Whether Redis could be read at the last look. */
  readonly isReadable: () => boolean;
}

/** Makes the watch; whoever owns it calls `look` again and again. */
export function createWatch(options: WatchOptions): Watch {
  const { now = () => performance.now() } = options;
  const startedAtMs = now();
  let unreadableSinceMs: number | undefined;
  let everReadable = false;
  let told = '';
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const readable = (): void => {
    everReadable = true;
    unreadableSinceMs = undefined;
  };
  const afterOutage = async (askedAtMs: number): Promise<void> => {
    unreadableSinceMs ??= askedAtMs;
    const isOver = everReadable ? now() - unreadableSinceMs >= OUTAGE_GRACE_MS : now() - startedAtMs >= START_GRACE_MS;
    const changed = isOver ? await recordOutage(options.pool) : undefined;
    if (changed !== undefined) options.onChange(changed);
  };
  const tell = (error: unknown): void => {
    const kind = error instanceof Error ? error.name : 'unknown';
    if (kind !== told) options.onError(error);
    told = kind;
  };
  const lookOnce = async (): Promise<void> => {
    const askedAtMs = now();
    try {
      for (const changed of await synchronise(options)) options.onChange(changed);
      readable();
      told = '';
    } catch (error) {
      tell(error);
      // Without the database nothing can be recorded, and no order is taken either.
      if (error instanceof RedisUnavailableError) await afterOutage(askedAtMs).catch(tell);
    }
  };
  const begin = (): Promise<void> => {
    running = lookOnce().finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    isReadable: () => everReadable && unreadableSinceMs === undefined,
    look: () => {
      if (running === undefined) return begin();
      next ??= running.then(() => {
        next = undefined;
        return begin();
      });
      return next;
    },
  };
}

const FIRST_LOOK_MS = 1000;
const FIRST_LOOK_POLL_MS = 20;

/** Looks until Redis was read once, or for a second. After that it goes on by itself, and no order is taken meanwhile. */
export async function firstLook(watch: Watch): Promise<void> {
  const deadlineMs = performance.now() + FIRST_LOOK_MS;
  await watch.look();
  while (!watch.isReadable() && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, FIRST_LOOK_POLL_MS));
    await watch.look();
  }
}
