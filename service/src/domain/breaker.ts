/** How many errors in a row open it, and for how long it then stays open. */
export interface BreakerOptions {
  readonly errorsInRow: number;
  readonly pauseMs: number;
}

/** After three errors in a row a worker rests for five minutes, and then tries once. */
export const WORKER_BREAKER: BreakerOptions = { errorsInRow: 3, pauseMs: 5 * 60_000 };

/** Closed: work goes on. Open: nothing is tried before `untilMs`; the next try decides. */
export interface Breaker {
  readonly failuresInRow: number;
  /** Milliseconds on the caller's clock, or null while closed. */
  readonly openUntilMs: number | null;
}

export const CLOSED: Breaker = { failuresInRow: 0, openUntilMs: null };

/** Whether nothing may be tried now. */
export function isOpen({ openUntilMs }: Breaker, nowMs: number): boolean {
  return openUntilMs !== null && nowMs < openUntilMs;
}

/** After an error: the third in a row opens it, and so does the one that follows a pause. */
export function afterFailure(breaker: Breaker, options: BreakerOptions, nowMs: number): Breaker {
  const failuresInRow = breaker.failuresInRow + 1;
  return { failuresInRow, openUntilMs: failuresInRow >= options.errorsInRow ? nowMs + options.pauseMs : null };
}
