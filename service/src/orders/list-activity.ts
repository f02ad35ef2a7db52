import { type Activity, findActivity } from '../db/activity.ts';
import { type DatabasePool, withConnection } from '../db/pool.ts';
import { decodeSequence, encodeSequence } from './sequence-cursor.ts';

/** The most entries of one page, and how many come unasked. */
export const ACTIVITY_PAGE_MAX = 100;
export const ACTIVITY_PAGE_DEFAULT = 50;

export interface ListActivityQuery {
  readonly accountId: string;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
  /** 1 to ACTIVITY_PAGE_MAX; ACTIVITY_PAGE_DEFAULT when absent. */
  readonly limit?: number | undefined;
}

export interface ActivityPage {
  readonly activity: readonly Activity[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/**
 * What happened to an account's orders, newest first. Pages neither repeat nor skip what was there when the first was read.
 *
 * @throws OrderServiceError `invalid_cursor`. @throws RangeError for a limit out of range.
 */
export async function listActivity(pool: DatabasePool, query: ListActivityQuery): Promise<ActivityPage> {
  const limit = query.limit ?? ACTIVITY_PAGE_DEFAULT;
  if (!Number.isInteger(limit) || limit < 1 || limit > ACTIVITY_PAGE_MAX) {
    throw new RangeError(`limit must be 1 to ${ACTIVITY_PAGE_MAX}`);
  }
  const before = query.cursor === undefined ? null : decodeSequence('activity', query.cursor);
  const filter = { accountId: query.accountId, before, limit: limit + 1 };
  const found = await withConnection(pool, (tx) => findActivity(tx, filter));
  const activity = found.slice(0, limit);
  const last = found.length > limit ? activity.at(-1) : undefined;
  return { activity, nextCursor: last === undefined ? null : encodeSequence('activity', last.id) };
}
