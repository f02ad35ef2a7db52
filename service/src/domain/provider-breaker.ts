/** When a provider of quotes is left alone, and when it is believed again. */
export interface ProviderBreakerOptions {
  /** So many failures within `withinMs` open it. */
  readonly failures: number;
  readonly withinMs: number;
  /** For how long nothing is asked of it then; after that, one request at a time is tried. */
  readonly pauseMs: number;
  /** So many answers in a row close it. */
  readonly successes: number;
}

export const PROVIDER_BREAKER: ProviderBreakerOptions = {
  failures: 5,
  withinMs: 60_000,
  pauseMs: 30_000,
  successes: 3,
};

/** Closed while `openUntilMs` is null; open before it; half-open from then on, until it closes or opens again. */
export interface ProviderBreaker {
  readonly failedAtMs: readonly number[];
  readonly openUntilMs: number | null;
  readonly successesInRow: number;
}

export const PROVIDER_TRUSTED: ProviderBreaker = { failedAtMs: [], openUntilMs: null, successesInRow: 0 };

/** Whether the provider may be asked now. */
export function mayAsk({ openUntilMs }: ProviderBreaker, nowMs: number): boolean {
  return openUntilMs === null || nowMs >= openUntilMs;
}

export function afterAnswer(breaker: ProviderBreaker, options: ProviderBreakerOptions): ProviderBreaker {
  if (breaker.openUntilMs === null) return breaker;
  const successesInRow = breaker.successesInRow + 1;
  return successesInRow >= options.successes ? PROVIDER_TRUSTED : { ...breaker, successesInRow };
}

/** A failure while it is half-open opens it at once. */
export function afterNoAnswer(
  breaker: ProviderBreaker,
  options: ProviderBreakerOptions,
  nowMs: number,
): ProviderBreaker {
  const failedAtMs = [...breaker.failedAtMs.filter((at) => at > nowMs - options.withinMs), nowMs];
  const opens = breaker.openUntilMs !== null || failedAtMs.length >= options.failures;
  return {
    failedAtMs: failedAtMs.slice(-options.failures),
    openUntilMs: opens ? nowMs + options.pauseMs : null,
    successesInRow: 0,
  };
}
