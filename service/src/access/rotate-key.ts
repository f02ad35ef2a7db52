import { randomUUIDv7 } from 'node:crypto';
import { expireForRotation, insertApiKeys, nameKeyChanger, type RotatedApiKey } from '../db/api-keys.ts';
import { type DatabasePool, transaction } from '../db/pool.ts';
import { type MintedKey, mintKey } from '../domain/api-key.ts';

/** The new key at the one moment when it is known, and what becomes of the old one. */
export type RotatedKey = Pick<MintedKey, 'key' | 'prefix'> & Omit<RotatedApiKey, 'keyId'>;

/**
 * Makes a key for the same account and role. Both are good until the old one ends, `overlapSeconds` from now at the latest,
 * so that clients change over without one refusal. The new key lives as long as the old one was made for.
 * Undefined when no usable key has the prefix. `by` stands in the record of keys.
 */
export async function rotateKey(
  pool: DatabasePool,
  prefix: string,
  overlapSeconds: number,
  by: string,
): Promise<RotatedKey | undefined> {
  const minted = mintKey();
  return transaction(pool, async (tx) => {
    await nameKeyChanger(tx, by);
    const old = await expireForRotation(tx, prefix, overlapSeconds);
    if (old === undefined) return undefined;
    const { keyId, ...rest } = old;
    const { role, accountId, newExpiresAt: expiresAt } = rest;
    const { digest } = minted;
    const id = randomUUIDv7();
    await insertApiKeys(tx, [{ id, prefix: minted.prefix, digest, role, accountId, expiresAt, replaces: keyId }]);
    return { key: minted.key, prefix: minted.prefix, ...rest };
  });
}
