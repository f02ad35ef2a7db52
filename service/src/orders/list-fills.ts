import { type Fill, findFills } from '../db/fills.ts';
import { type DatabasePool, withConnection } from '../db/pool.ts';
import { decodeSequence, encodeSequence } from './sequence-cursor.ts';

/** The most fills of one page, and how many come unasked. */
export const FILL_PAGE_MAX = 100;
export const FILL_PAGE_DEFAULT = 50;

export interface ListFillsQuery {
  readonly accountId: string;
  readonly symbol?: string | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  /** 1 to FILL_PAGE_MAX; FILL_PAGE_DEFAULT when absent. */
  readonly limit?: number | undefined;
}

export interface FillPage {
  readonly fills: readonly Fill[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/**
 * Fills of an account, newest first. Pages neither repeat nor skip a fill: an account's fills are numbered under its lock.
 *
 * @throws OrderServiceError `invalid_cursor`. @throws RangeError for a limit out of range.
 */
export async function listFills(pool: DatabasePool, query: ListFillsQuery): Promise<FillPage> {
  const limit = query.limit ?? FILL_PAGE_DEFAULT;
  if (!Number.isInteger(limit) || limit < 1 || limit > FILL_PAGE_MAX) {
    throw new RangeError(`limit must be 1 to ${FILL_PAGE_MAX}`);
  }
  const before = query.cursor === undefined ? null : decodeSequence('fills', query.cursor);
  const filter = { accountId: query.accountId, symbol: query.symbol ?? null, before, limit: limit + 1 };
  const found = await withConnection(pool, (tx) => findFills(tx, filter));
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  return {
    fills: page.map(({ seq: _, ...fill }) => fill),
    nextCursor: last === undefined ? null : encodeSequence('fills', last.seq),
  };
}
