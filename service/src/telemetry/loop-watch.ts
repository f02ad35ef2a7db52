/** How often the watch wants to come round, in milliseconds. */
const TICK_MS = 20;
/** A stall is over when the loop has come round in time for so long, in milliseconds. */
const CALM_MS = 100;

/** Says whether the event loop comes round in time. */
export interface LoopWatch {
  readonly isLate: () => boolean;
  readonly stop: () => void;
}

export interface LoopWatchOptions {
  /** A delay from which on the loop counts as late, in milliseconds. */
  readonly delayMaxMs: number;
  /** Milliseconds of a monotonic clock. Default: the process's own. */
  readonly now?: () => number;
}

/**
 * Watches the event loop by a timer that notices when it is late itself, and by the time since then: what has come in during a
 * stall may be handled before the timer is. It keeps no process alive.
 */
export function watchLoop({ delayMaxMs, now = () => performance.now() }: LoopWatchOptions): LoopWatch {
  let lastTickMs = now();
  let lateUntilMs = Number.NEGATIVE_INFINITY;
  const isOverdue = (atMs: number): boolean => atMs - lastTickMs - TICK_MS >= delayMaxMs;
  const timer = setInterval(() => {
    const tickMs = now();
    if (isOverdue(tickMs)) lateUntilMs = tickMs + CALM_MS;
    lastTickMs = tickMs;
  }, TICK_MS);
  timer.unref();
  return { isLate: () => now() < lateUntilMs || isOverdue(now()), stop: () => clearInterval(timer) };
}
