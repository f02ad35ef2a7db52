import { OrderServiceError } from '../domain/errors.ts';

/** A place in a list that is numbered: entries after it have lower numbers. */
const CURSOR = /^([a-z]{1,16}) ([1-9]\d{0,18})$/;

/** Opaque to callers. `list` names the list, so that the cursor of one is not taken for that of another. */
export function encodeSequence(list: string, sequence: string): string {
  return Buffer.from(`${list} ${sequence}`, 'utf8').toString('base64url');
}

/** @throws OrderServiceError `invalid_cursor` for anything that `encodeSequence` did not make for this list. */
export function decodeSequence(list: string, cursor: string): string {
  const [, name, sequence] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  // Beyond eight bytes the database would answer with an error of its own.
  if (name !== list || sequence === undefined || BigInt(sequence) > 2n ** 63n - 1n) {
    throw new OrderServiceError('invalid_cursor');
  }
  return sequence;
}
