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
 * Watches the event loop by a timer that notices when it is late itself. Timers run before the requests that have come in
 * meanwhile: the first of these already finds it so. It keeps no process alive.
 */
export function watchLoop({ delayMaxMs, now = () => performance.now() }: LoopWatchOptions): LoopWatch {
  let lastTickMs = now();
  let lateUntilMs = Number.NEGATIVE_INFINITY;
  const timer = setInterval(() => {
    const tickMs = now();
    if (tickMs - lastTickMs - TICK_MS >= delayMaxMs) lateUntilMs = tickMs + CALM_MS;
    lastTickMs = tickMs;
  }, TICK_MS);
  timer.unref();
  return { isLate: () => now() < lateUntilMs, stop: () => clearInterval(timer) };
}
