import { createHash, randomBytes, randomInt } from 'node:crypto';

/** What a key may do; the CHECK of access.api_keys holds the same four. */
export const KEY_ROLES = ['viewer', 'trader', 'operator', 'admin'] as const;
export type KeyRole = (typeof KEY_ROLES)[number];

const PREFIX_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const PREFIX_LENGTH = 8;
const SECRET_BYTES = 32;

/** A key at the one moment when it is known. */
export interface MintedKey {
  /** `pk_<prefix>_<43 base64url characters>`: 256 random bits. */
  readonly key: string;
  /** Names the key in lists and logs; no secret. */
  readonly prefix: string;
  /** SHA-256 of the whole key. A key of 256 random bits needs no slow hash. */
  readonly digest: Buffer;
}

/** Makes a new random key. */
export function mintKey(): MintedKey {
  const prefix = Array.from({ length: PREFIX_LENGTH }, () => PREFIX_ALPHABET[randomInt(PREFIX_ALPHABET.length)]).join(
    '',
  );
  const key = `pk_${prefix}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { key, prefix, digest: createHash('sha256').update(key).digest() };
}

const KEY_PATTERN = /^pk_([a-z0-9]{8})_[A-Za-z0-9_-]{43}$/;

/** What a presented text says if it has the form of a key: its prefix, and the digest to look it up by. */
export function readKey(text: string): Pick<MintedKey, 'prefix' | 'digest'> | undefined {
  const prefix = KEY_PATTERN.exec(text)?.[1];
  return prefix === undefined ? undefined : { prefix, digest: createHash('sha256').update(text).digest() };
}
