import type { KeyRole } from '../domain/api-key.ts';
import type { Tx } from './pool.ts';

/** How stale last_used_at may become, so that a busy key does not write a row per request. */
const LAST_USED_RESOLUTION = "interval '1 minute'";
/** The most keys that a list shows. */
export const API_KEYS_MAX = 1000;

/** A usable key. `accountId` is null for operators' keys without an account. */
export interface FoundApiKey {
  readonly keyId: string;
  readonly role: KeyRole;
  readonly accountId: string | null;
}

/** The key with this SHA-256, unless it is unknown, revoked or expired. */
export async function findApiKey(tx: Tx, digest: Buffer): Promise<FoundApiKey | undefined> {
  const { rows } = await tx.query<FoundApiKey & { stale: boolean }>({
    name: 'find-api-key',
    text: `SELECT id AS "keyId", role, account_id AS "accountId",
        coalesce(last_used_at < now() - ${LAST_USED_RESOLUTION}, true) AS stale
      FROM access.api_keys
      WHERE digest = $1::bytea AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
    values: [digest],
  });
  const [found] = rows;
  if (found === undefined) {
    return undefined;
  }
  const { stale, ...key } = found;
  if (stale) {
    await touchApiKey(tx, key.keyId);
  }
  return key;
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
}

/** Stores keys, each by its digest only. */
export async function insertApiKeys(tx: Tx, keys: readonly NewApiKey[]): Promise<void> {
  await tx.query({
    text: `INSERT INTO access.api_keys (id, prefix, digest, role, account_id, expires_at)
      SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::uuid[], $6::timestamptz[])`,
    values: [
      keys.map((key) => key.id),
      keys.map((key) => key.prefix),
      keys.map((key) => key.digest),
      keys.map((key) => key.role),
      keys.map((key) => key.accountId),
      keys.map((key) => key.expiresAt),
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
