import {
  afterAnswer,
  afterNoAnswer,
  mayAsk,
  PROVIDER_BREAKER,
  PROVIDER_TRUSTED,
  type ProviderBreaker,
  type ProviderBreakerOptions,
} from '../domain/provider-breaker.ts';
import { fetchQuote, type ProvidedQuote, QuoteError, type QuoteFailure } from './json-provider.ts';

/** A provider as it is configured; `{symbol}` in the URL stands for the symbol. */
export interface ProviderConfig {
  readonly name: string;
  readonly url: string;
}

/** What became of one look at a provider. `skipped`: its breaker is open, or it asked to be left alone. `over-quota`: no call is left today. */
export type QuoteOutcome = 'quoted' | 'skipped' | 'over-quota' | QuoteFailure;

export interface QuoteSourceOptions {
  /** In the order in which they are believed. */
  readonly providers: readonly ProviderConfig[];
  readonly timeoutMs: number;
  /** An older quote counts as none. */
  readonly maxAgeMs: number;
  /** Of each provider, by the day of UTC, while this process does the asking. */
  readonly callsPerDay: number;
  readonly breaker?: ProviderBreakerOptions;
  /** Hears every look. It must not throw. */
  readonly onOutcome?: (provider: string, outcome: QuoteOutcome) => void;
  readonly fetchQuote?: typeof fetchQuote;
  /** Milliseconds since 1970: a quote's age is told by it, and the day of a budget. */
  readonly nowMs?: () => number;
  /** Milliseconds, monotonic: no pause becomes longer or shorter when the clock is set. Default: the process's own clock. */
  readonly elapsedMs?: () => number;
}

export type SourcedQuote = ProvidedQuote & { readonly symbol: string; readonly source: string };

export interface QuoteSource {
  /** What the providers say of a symbol now, the most believed first. Empty: none of them says anything. */
  readonly quotes: (symbol: string) => Promise<SourcedQuote[]>;
}

interface Provider extends ProviderConfig {
  breaker: ProviderBreaker;
  restsUntilMs: number;
  day: number;
  calls: number;
}

const DAY_MS = 86_400_000;
/** A clock may be off by so much. */
const AHEAD_MAX_MS = 5_000;

/**
 * Asks all providers side by side, each behind a breaker and a daily budget of its own: the first one's quote is the price,
 * the others' are second opinions, and where the first says nothing the next one's is the price.
 */
export function createQuoteSource(options: QuoteSourceOptions): QuoteSource {
  const { breaker = PROVIDER_BREAKER, fetchQuote: fetch = fetchQuote, nowMs = Date.now } = options;
  const { elapsedMs = () => performance.now() } = options;
  const providers = options.providers.map(
    (config): Provider => ({
      ...config,
      breaker: PROVIDER_TRUSTED,
      restsUntilMs: Number.NEGATIVE_INFINITY,
      day: 0,
      calls: 0,
    }),
  );
  const count = (provider: Provider, outcome: QuoteOutcome): undefined => {
    options.onOutcome?.(provider.name, outcome);
  };
  const ask = async (provider: Provider, symbol: string): Promise<SourcedQuote | undefined> => {
    if (!mayAsk(provider.breaker, elapsedMs()) || elapsedMs() < provider.restsUntilMs)
      return count(provider, 'skipped');
    if (!takeCall(provider, nowMs(), options.callsPerDay)) return count(provider, 'over-quota');
    try {
      const quote = await fetch(provider.url, symbol, options.timeoutMs);
      if (!isCurrent(quote, nowMs(), options.maxAgeMs)) throw new QuoteError('stale');
      provider.breaker = afterAnswer(provider.breaker, breaker);
      count(provider, 'quoted');
      return { ...quote, symbol, source: provider.name };
    } catch (error) {
      return count(provider, failed(provider, error, breaker, elapsedMs()));
    }
  };
  return {
    quotes: async (symbol) => {
      const said = await Promise.all(providers.map((provider) => ask(provider, symbol)));
      return said.filter((quote) => quote !== undefined);
    },
  };
}

/** @throws what is no QuoteError: that is a fault of ours. */
function failed(provider: Provider, error: unknown, options: ProviderBreakerOptions, atMs: number): QuoteFailure {
  if (!(error instanceof QuoteError)) throw error;
  if (error.failure === 'unknown-symbol') return error.failure;
  provider.breaker = afterNoAnswer(provider.breaker, options, atMs);
  if (error.retryAfterMs !== null) provider.restsUntilMs = atMs + error.retryAfterMs;
  return error.failure;
}

function takeCall(provider: Provider, nowMs: number, callsPerDay: number): boolean {
  const day = Math.floor(nowMs / DAY_MS);
  if (provider.day !== day) Object.assign(provider, { day, calls: 0 });
  if (provider.calls >= callsPerDay) return false;
  provider.calls += 1;
  return true;
}

function isCurrent({ asOf }: ProvidedQuote, nowMs: number, maxAgeMs: number): boolean {
  const at = Date.parse(asOf);
  return at > nowMs - maxAgeMs && at <= nowMs + AHEAD_MAX_MS;
}

/** How far the middles of the first quote and of the others lie apart at most, in basis points of the first. */
export function divergenceBps(quotes: readonly ProvidedQuote[]): number {
  const [first, ...others] = quotes.map(({ bid, ask }) => (Number(bid) + Number(ask)) / 2);
  if (first === undefined) return 0;
  return Math.max(0, ...others.map((middle) => (Math.abs(middle - first) / first) * 10_000));
}
