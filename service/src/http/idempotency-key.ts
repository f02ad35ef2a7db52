import { createHash } from 'node:crypto';
import { HttpError } from './errors.ts';

const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;

/**
 * The request's `Idempotency-Key`: 1 to 255 visible ASCII characters.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 * @throws HttpError `idempotency_key_missing` or `idempotency_key_invalid`.
 */
export function readIdempotencyKey(header: string | undefined): string {
  if (header === undefined || header === '') {
    throw new HttpError('idempotency_key_missing');
  }
  if (!KEY_PATTERN.test(header)) {
    throw new HttpError('idempotency_key_invalid');
  }
  return header;
}

/** JSON with sorted keys: the same content is the same text, whatever order it came in. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/**
 * SHA-256 (hexadecimal) of what a request asks for: the same key with another hash is another request.
 * `body` is the validated body, in which 0.10, "0.1" and 0.1 are one text.
 */
export function requestHash(method: string, path: string, body: unknown): string {
  return createHash('sha256')
    .update(`${method} ${path}\n${canonicalJson(body)}`)
    .digest('hex');
}
