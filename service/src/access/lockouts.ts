import { clearLockouts, findLockouts, LOCKOUT_PAGE_MAX, type Lockout } from '../db/lockouts.ts';
import { type DatabasePool, transaction, withConnection } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import { clientAddress } from './client-address.ts';

export { LOCKOUT_PAGE_MAX } from '../db/lockouts.ts';
export const LOCKOUT_PAGE_DEFAULT = 50;

export interface LockoutPage {
  readonly lockouts: readonly Lockout[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Ids are bigints; a longer text would only make PostgreSQL complain. */
const CURSOR = /^[1-9]\d{0,17}$/;

/**
 * Lockouts that stand, newest first. One that begins while pages are read changes none of the later pages.
 * @throws OrderServiceError `invalid_cursor`. @throws RangeError for a limit out of range.
 */
export async function listLockouts(
  pool: DatabasePool,
  query: { readonly cursor?: string | undefined; readonly limit?: number | undefined } = {},
): Promise<LockoutPage> {
  const { cursor, limit = LOCKOUT_PAGE_DEFAULT } = query;
  if (!Number.isInteger(limit) || limit < 1 || limit > LOCKOUT_PAGE_MAX) {
    throw new RangeError(`limit must be 1 to ${LOCKOUT_PAGE_MAX}`);
  }
  if (cursor !== undefined && !CURSOR.test(cursor)) throw new OrderServiceError('invalid_cursor');
  // One more than asked for tells whether there is a next page.
  const found = await withConnection(pool, (tx) => findLockouts(tx, cursor ?? null, limit + 1));
  const lockouts = found.slice(0, limit);
  return { lockouts, nextCursor: found.length > limit ? (lockouts.at(-1)?.id ?? null) : null };
}

/**
 * Lets an address in again, and forgets its failures. Any spelling of the address will do; an IPv6 address stands for its
 * /56, which may also be given as a list shows it. Returns how many lockouts stood.
 * @throws OrderServiceError `invalid_address`.
 */
export async function clearLockout(pool: DatabasePool, address: string, by: string): Promise<number> {
  const counted = clientAddress(address.replace(/\/(32|56)$/, ''));
  if (counted === undefined) throw new OrderServiceError('invalid_address');
  return transaction(pool, (tx) => clearLockouts(tx, counted, by));
}
