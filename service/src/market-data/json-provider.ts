import * as z from 'zod';

/** What a provider says of a symbol; decimal strings, RFC 3339. */
export interface ProvidedQuote {
  readonly bid: string;
  readonly ask: string;
  readonly asOf: string;
}

/** How it came to no quote. `unknown-symbol` is an answer; after all others the provider is less believed. */
export const QUOTE_FAILURES = [
  'unknown-symbol',
  'rate-limited',
  'refused',
  'timeout',
  'unreachable',
  'malformed',
  'stale',
] as const;
export type QuoteFailure = (typeof QUOTE_FAILURES)[number];

export class QuoteError extends Error {
  override readonly name = 'QuoteError';
  readonly failure: QuoteFailure;
  /** How long it asks to be left alone; null where it does not say. */
  readonly retryAfterMs: number | null;

  constructor(failure: QuoteFailure, options: { cause?: unknown; retryAfterMs?: number | null } = {}) {
    super(failure, options.cause === undefined ? undefined : { cause: options.cause });
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

const decimal = z
  .union([z.number(), z.string().max(40)])
  .transform(String)
  .refine((text) => /^(0|[1-9]\d{0,11})(\.\d{1,8})?$/.test(text) && /[1-9]/.test(text));
const answer = z.object({ bid: decimal, ask: decimal, asOf: z.iso.datetime({ offset: true }) });

/** A quote is a hundred bytes: what is longer is something else. */
const ANSWER_BYTES_MAX = 16_384;
const RETRY_AFTER_MAX_MS = 60 * 60_000;

/**
 * Asks `url`, in which `{symbol}` stands for the symbol, and reads `{"bid":…,"ask":…,"asOf":…}`.
 * @throws QuoteError when there is no such answer within `timeoutMs`.
 */
export async function fetchQuote(url: string, symbol: string, timeoutMs: number): Promise<ProvidedQuote> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url.replaceAll('{symbol}', encodeURIComponent(symbol)), {
      redirect: 'error',
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    text = await readBounded(response);
  } catch (cause) {
    if (cause instanceof QuoteError) throw cause;
    const timedOut = cause instanceof Error && cause.name === 'TimeoutError';
    throw new QuoteError(timedOut ? 'timeout' : 'unreachable', { cause });
  }
  if (response.status === 404) throw new QuoteError('unknown-symbol');
  if (response.status === 429) throw new QuoteError('rate-limited', { retryAfterMs: retryAfterOf(response) });
  if (!response.ok) throw new QuoteError('refused');
  return parse(text);
}

function parse(text: string): ProvidedQuote {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new QuoteError('malformed', { cause });
  }
  const parsed = answer.safeParse(value);
  if (!parsed.success) throw new QuoteError('malformed', { cause: parsed.error });
  if (Number(parsed.data.ask) < Number(parsed.data.bid)) throw new QuoteError('malformed');
  return parsed.data;
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) throw new QuoteError('malformed');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function retryAfterOf(response: Response): number | null {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, RETRY_AFTER_MAX_MS) : null;
}
