import { findSymbols } from '../db/instruments.ts';
import { type DatabasePool, transaction, withConnection } from '../db/pool.ts';
import { upsertQuotes, upsertReferenceQuotes } from '../db/quotes.ts';
import { holdLease } from '../db/workers.ts';
import { divergenceBps, type QuoteSource } from '../market-data/quote-source.ts';
import type { WorkerLog } from './limit-processor.ts';
import type { Supervisor } from './supervisor.ts';

/** More symbols than these are not asked for in one round. */
const SYMBOLS_MAX = 200;
/** So many symbols are asked for at once. */
const AT_ONCE = 4;

export const QUOTE_FEED_MESSAGES = {
  silent: 'No provider quotes this symbol',
  disagree: 'Quote providers disagree',
  failed: 'Quotes could not be fetched',
} as const;

export interface QuoteFeedOptions {
  readonly pool: DatabasePool;
  readonly source: QuoteSource;
  readonly intervalMs: number;
  /** From here on two providers disagree, in basis points. */
  readonly toleranceBps: number;
  readonly log: WorkerLog;
}

/**
 * Keeps `market.quotes` fresh, in one process at a time, so that no order ever waits for a provider: all of them read the
 * last quote. What others than the first say is stored as a second opinion, which stops a price that it contradicts.
 */
export function startQuoteFeed(supervisor: Supervisor, options: QuoteFeedOptions): void {
  const { pool, source, log } = options;
  supervisor.workAlone('quote-feed', {
    intervalMs: options.intervalMs,
    step: async (lease) => {
      const symbols = await withConnection(pool, (tx) => findSymbols(tx, SYMBOLS_MAX));
      for (let start = 0; start < symbols.length; start += AT_ONCE) {
        const some = symbols.slice(start, start + AT_ONCE);
        const said = await Promise.all(some.map((symbol) => source.quotes(symbol)));
        for (const [index, quotes] of said.entries()) report(options, some[index] ?? '', quotes);
        await transaction(pool, async (tx) => {
          await holdLease(tx, lease);
          await upsertQuotes(
            tx,
            said.flatMap((quotes) => quotes.slice(0, 1)),
          );
          await upsertReferenceQuotes(
            tx,
            said.flatMap((quotes) => quotes.slice(1)),
          );
        });
      }
    },
    onError: (error) => log.error({ err: error }, QUOTE_FEED_MESSAGES.failed),
  });
}

function report(
  { log, toleranceBps }: QuoteFeedOptions,
  symbol: string,
  quotes: Awaited<ReturnType<QuoteSource['quotes']>>,
): void {
  if (quotes.length === 0) {
    log.warn({ symbol }, QUOTE_FEED_MESSAGES.silent);
    return;
  }
  const bps = divergenceBps(quotes);
  const sources = quotes.map(({ source }) => source);
  if (bps > toleranceBps)
    log.error({ symbol, sources, bps: Math.round(bps), toleranceBps }, QUOTE_FEED_MESSAGES.disagree);
}
