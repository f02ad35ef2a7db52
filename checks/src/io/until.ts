import { setTimeout as delay } from 'node:timers/promises';

const lookEveryMs = 20;

/** Waits, and tells for how long: null when it did not come to be in time. */
export async function msUntil(
  { signal }: { signal: AbortSignal },
  withinMs: number,
  probe: () => boolean | Promise<boolean>,
): Promise<number | null> {
  const startedAt = performance.now();
  for (;;) {
    if (await probe()) return Math.round(performance.now() - startedAt);
    if (performance.now() - startedAt > withinMs) return null;
    await delay(lookEveryMs, undefined, { signal });
  }
}
