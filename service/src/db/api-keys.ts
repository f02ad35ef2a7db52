import type { KeyRole } from '../domain/api-key.ts';
import type { Tx } from './pool.ts';

/** How stale last_used_at may become, so that a busy key does not write a row per request. */
const LAST_USED_RESOLUTION = "interval '1 minute'";
/** The most keys that a list shows. */
export const API_KEYS_MAX = 1000;

/** A key that was issued. `accountId` is null for operators' keys without an account. */
export interface FoundApiKey {
  readonly keyId: string;
  readonly role: KeyRole;
  readonly accountId: string | null;
}

/** What a request came with. `key` is null when its credential is not of a key's form. */
export interface PresentedKey {
  /** As `clientAddress` spells it. */
  readonly address: string;
  readonly key: { readonly prefix: string; readonly digest: Buffer } | null;
}

/** What is known about a presented key and its address, all of one moment. */
export interface PresentedKeyState {
  /** Seconds until the address, or this prefix from it, is let in again; null when it is not locked out. */
  readonly lockedSeconds: number | null;
  /** There are failures of this prefix from this address that still count. */
  readonly mistyped: boolean;
  /** Whoever presents it has had the key, usable or not. */
  readonly issued: boolean;
  /** Undefined when it is unknown, revoked or expired. */
  readonly key: FoundApiKey | undefined;
}

/**
 * Looks a key up together with the lockouts that concern it, in one statement and without any cache: a revocation and a
 * lockout hold on every replica from the moment of their commit.
 */
export async function findPresentedKey(tx: Tx, presented: PresentedKey): Promise<PresentedKeyState> {
  interface FoundRow extends Omit<PresentedKeyState, 'key'> {
    readonly keyId: string;
    readonly role: KeyRole;
    readonly accountId: string | null;
    readonly usable: boolean;
    readonly stale: boolean;
  }
  const { rows } = await tx.query<FoundRow>({
    name: 'find-presented-key',
    text: `SELECT ceil(extract(epoch FROM f.locked_until - now()))::integer AS "lockedSeconds", f.mistyped,
        k.id IS NOT NULL AS issued, k.id AS "keyId", k.role, k.account_id AS "accountId",
        k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AS usable,
        coalesce(k.last_used_at < now() - ${LAST_USED_RESOLUTION}, true) AS stale
      FROM (
        SELECT max(locked_until) FILTER (WHERE locked_until > now()) AS locked_until,
            count(*) FILTER (WHERE prefix <> '') > 0 AS mistyped
          FROM access.auth_failures
          WHERE address = $1::cidr AND prefix IN ('', $2::text) AND expires_at > now()
      ) f LEFT JOIN access.api_keys k ON k.digest = $3::bytea`,
    values: [presented.address, presented.key?.prefix ?? '', presented.key?.digest ?? null],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('an aggregate gave no row');
  const { lockedSeconds, mistyped, issued, keyId, role, accountId } = row;
  if (!issued || !row.usable || lockedSeconds !== null) return { lockedSeconds, mistyped, issued, key: undefined };
  if (row.stale) await touchApiKey(tx, keyId);
  return { lockedSeconds, mistyped, issued, key: { keyId, role, accountId } };
}

/** SKIP LOCKED: of many first requests at once, one writes the time and none waits for it. */
async function touchApiKey(tx: Tx, keyId: string): Promise<void> {
  await tx.query({
    name: 'touch-api-key',
    text: `UPDATE access.api_keys SET last_used_at = now()
      WHERE id = (SELECT id FROM access.api_keys WHERE id = $1::uuid FOR NO KEY UPDATE SKIP LOCKED)`,
    values: [keyId],
  });
}

export interface NewApiKey {
  readonly id: string;
  readonly prefix: string;
  readonly digest: Buffer;
  readonly role: KeyRole;
  readonly accountId: string | null;
  readonly expiresAt: string | null;
  /** The id of the key that this one is made to replace. */
  readonly replaces?: string;
}

/** Names in the record of keys who makes the changes that follow in this transaction. */
export async function nameKeyChanger(tx: Tx, by: string): Promise<void> {
  await tx.query({ text: "SELECT set_config('access.changed_by', $1::text, true)", values: [by] });
}

/** Stores keys, each by its digest only. */
export async function insertApiKeys(tx: Tx, keys: readonly NewApiKey[]): Promise<void> {
  await tx.query({
    text: `INSERT INTO access.api_keys (id, prefix, digest, role, account_id, expires_at, replaces)
      SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::uuid[], $6::timestamptz[], $7::uuid[])`,
    values: [
      keys.map((key) => key.id),
      keys.map((key) => key.prefix),
      keys.map((key) => key.digest),
      keys.map((key) => key.role),
      keys.map((key) => key.accountId),
      keys.map((key) => key.expiresAt),
      keys.map((key) => key.replaces ?? null),
    ],
  });
}

/** A key as a list shows it; times are RFC 3339. */
export interface ListedApiKey {
  readonly prefix: string;
  readonly role: KeyRole;
  readonly account: string | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}

/** Newest first. */
export async function listApiKeys(tx: Tx): Promise<ListedApiKey[]> {
  const { rows } = await tx.query<ListedApiKey>({
    text: `SELECT k.prefix, k.role, a.name AS account, k.created_at AS "createdAt", k.expires_at AS "expiresAt",
        k.revoked_at AS "revokedAt", k.last_used_at AS "lastUsedAt"
      FROM access.api_keys k LEFT JOIN portfolio.accounts a ON a.id = k.account_id
      ORDER BY k.created_at DESC, k.id DESC LIMIT ${API_KEYS_MAX}`,
  });
  return rows;
}

/** True when a key with this prefix was usable and no longer is. */
export async function revokeApiKey(tx: Tx, prefix: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'UPDATE access.api_keys SET revoked_at = now() WHERE prefix = $1::text AND revoked_at IS NULL',
    values: [prefix],
  });
  return rowCount === 1;
}

/** A key that is about to be replaced, and when its replacement and itself are to end; times are RFC 3339. */
export interface RotatedApiKey extends FoundApiKey {
  readonly account: string | null;
  /** Null when the old key had no end: the new one has none either. */
  readonly newExpiresAt: string | null;
  readonly oldExpiresAt: string;
}

/**
 * Lets the usable key with this prefix end after the overlap, or earlier where it would have ended earlier, and works out
 * an equally long life for the new one. Undefined when no usable key has the prefix.
 */
export async function expireForRotation(
  tx: Tx,
  prefix: string,
  overlapSeconds: number,
): Promise<RotatedApiKey | undefined> {
  const { rows } = await tx.query<RotatedApiKey>({
    text: `WITH old AS (
        SELECT id, expires_at - created_at AS lifetime FROM access.api_keys
          WHERE prefix = $1::text AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) FOR UPDATE
      )
      UPDATE access.api_keys k
        SET expires_at = least(k.expires_at, now() + make_interval(secs => $2::integer))
        FROM old WHERE k.id = old.id
        RETURNING k.id AS "keyId", k.role, k.account_id AS "accountId",
          (SELECT name FROM portfolio.accounts a WHERE a.id = k.account_id) AS account,
          now() + old.lifetime AS "newExpiresAt", k.expires_at AS "oldExpiresAt"`,
    values: [prefix, overlapSeconds],
  });
  return rows[0];
}
