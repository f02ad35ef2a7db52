import type { LockoutPolicy } from '../domain/lockout.ts';
import type { Tx } from './pool.ts';

/** Expired rows that go with each failure: more than come, so that the table follows the attackers of the last hour. */
const PURGED_AT_ONCE = 10;
/** The most lockouts of one page. */
export const LOCKOUT_PAGE_MAX = 100;

/** Whose failure it was. `prefix` is empty for the address as a whole. */
export interface FailureSubject {
  readonly address: string;
  readonly prefix: string;
}

/** What became of a failure. */
export interface CountedFailure {
  readonly prefix: string;
  /** This very failure reached the threshold. */
  readonly locks: boolean;
  /** Seconds that a lockout which stood before it has still to run; null when none stood. */
  readonly lockedSeconds: number | null;
}

/**
 * Counts one failed attempt for each of the prefixes, and locks what has reached its threshold. Failures of one subject
 * queue up behind its row, so that of any number at once exactly as many as the threshold are counted before the lock.
 */
export async function countFailure(
  tx: Tx,
  address: string,
  prefixes: readonly string[],
  policy: LockoutPolicy,
): Promise<CountedFailure[]> {
  const { rows } = await tx.query<CountedFailure>({
    name: 'count-auth-failure',
    text: `WITH policy AS (
        SELECT prefix, CASE prefix WHEN '' THEN $3::integer ELSE $4::integer END AS threshold,
            now() + make_interval(secs => $5::integer) AS until
          FROM unnest($2::text[]) AS p (prefix) ORDER BY prefix
      ), counted AS (
        INSERT INTO access.auth_failures AS f (address, prefix, failures, last_failure_at, expires_at, locked_until)
        SELECT $1::cidr, prefix, 1, now(), until, CASE WHEN threshold = 1 THEN until END FROM policy
        ON CONFLICT (address, prefix) DO UPDATE SET
          failures = CASE WHEN f.expires_at <= now() THEN 1 ELSE f.failures + 1 END,
          last_failure_at = now(),
          locked_until = CASE
            WHEN f.expires_at <= now() THEN EXCLUDED.locked_until
            WHEN f.locked_until IS NOT NULL THEN f.locked_until
            WHEN f.failures + 1 >= (SELECT threshold FROM policy WHERE policy.prefix = f.prefix) THEN EXCLUDED.expires_at
          END,
          expires_at = CASE
            WHEN f.expires_at <= now() THEN EXCLUDED.expires_at
            WHEN f.locked_until IS NOT NULL THEN f.expires_at
            WHEN f.failures + 1 >= (SELECT threshold FROM policy WHERE policy.prefix = f.prefix) THEN EXCLUDED.expires_at
            ELSE f.expires_at
          END
        RETURNING f.prefix, f.locked_until
      ), events AS (
        INSERT INTO access.lockout_events (address, prefix, type, changed_by)
        SELECT $1::cidr, c.prefix, 'LOCKED', 'order-service' FROM counted c JOIN policy p USING (prefix)
          WHERE c.locked_until = p.until
      ), purged AS (
        DELETE FROM access.auth_failures WHERE id IN (
          SELECT id FROM access.auth_failures WHERE expires_at <= now() AND address <> $1::cidr
            ORDER BY expires_at LIMIT ${PURGED_AT_ONCE} FOR UPDATE SKIP LOCKED)
      )
      SELECT c.prefix, coalesce(c.locked_until = p.until, false) AS locks,
          CASE WHEN c.locked_until <> p.until
            THEN greatest(1, ceil(extract(epoch FROM c.locked_until - now())))::integer END AS "lockedSeconds"
        FROM counted c JOIN policy p USING (prefix)`,
    values: [address, prefixes, policy.failuresPerAddress, policy.failuresPerKey, policy.seconds],
  });
  return rows;
}

/** A key that was accepted clears what was mistyped before it, for its own prefix only. */
export async function forgetFailures(tx: Tx, subject: FailureSubject): Promise<void> {
  await tx.query({
    name: 'forget-auth-failures',
    text: `DELETE FROM access.auth_failures
      WHERE address = $1::cidr AND prefix = $2::text AND (locked_until IS NULL OR locked_until <= now())`,
    values: [subject.address, subject.prefix],
  });
}

/** A lockout that stands. `prefix` is null when the whole address is locked; times are RFC 3339. */
export interface Lockout {
  readonly id: string;
  readonly address: string;
  readonly prefix: string | null;
  readonly failures: number;
  readonly lastFailureAt: string;
  readonly lockedUntil: string;
}

/** Lockouts that stand, newest first; `before` is the id of the last one of the page before. */
export async function findLockouts(tx: Tx, before: string | null, limit: number): Promise<Lockout[]> {
  const { rows } = await tx.query<Lockout>({
    text: `SELECT id, address::text, nullif(prefix, '') AS prefix, failures, last_failure_at AS "lastFailureAt",
        locked_until AS "lockedUntil"
      FROM access.auth_failures WHERE locked_until > now() AND ($1::bigint IS NULL OR id < $1::bigint)
      ORDER BY id DESC LIMIT $2::integer`,
    values: [before, limit],
  });
  return rows;
}

/** Forgets every failure of an address, lockouts included, and records who cleared which. Returns how many stood. */
export async function clearLockouts(tx: Tx, address: string, by: string): Promise<number> {
  const { rows } = await tx.query<{ cleared: string }>({
    text: `WITH gone AS (
        DELETE FROM access.auth_failures WHERE address = $1::cidr RETURNING prefix, locked_until
      ), events AS (
        INSERT INTO access.lockout_events (address, prefix, type, changed_by)
        SELECT $1::cidr, prefix, 'CLEARED', $2::text FROM gone WHERE locked_until > now() RETURNING id
      )
      SELECT count(*) AS cleared FROM events`,
    values: [address, by],
  });
  return Number(rows[0]?.cleared ?? 0);
}
