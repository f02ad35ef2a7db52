import { type FoundApiKey, findPresentedKey, type PresentedKeyState } from '../db/api-keys.ts';
import { countFailure, forgetFailures } from '../db/lockouts.ts';
import { type DatabasePool, withConnection } from '../db/pool.ts';
import { readKey } from '../domain/api-key.ts';
import type { LockoutPolicy } from '../domain/lockout.ts';

/** What a request presented, and from where: `address` as `clientAddress` spells it. */
export interface Presented {
  readonly credential: string;
  readonly address: string;
}

/** `locks`: what this failure has locked out, for the log. */
export type Identification =
  | { readonly kind: 'known'; readonly key: FoundApiKey }
  | { readonly kind: 'unknown'; readonly locks: readonly ('address' | 'key')[] }
  | { readonly kind: 'locked-out'; readonly retryAfterSeconds: number };

/**
 * Decides whether a presented key is let in, and counts what is not.
 *
 * A key has 256 random bits: nobody guesses one, whatever is counted here. Lockouts keep guessing out of the database and
 * in front of an operator's eyes, and so they must not become a weapon themselves:
 * - Prefixes are no secret. A prefix is therefore locked for the address that failed with it, never for everybody: whoever
 *   knows a trader's prefix cannot keep the trader out.
 * - While a lockout stands nothing is looked up and nothing is counted. It ends when it said it would, and a client that
 *   repeats one wrong key locks out that key at its address before its whole address.
 * - A key that was issued and has ended (expired, revoked) is no guess. It counts for its own prefix only, so that a
 *   forgotten process with last year's key does not lock out the new one beside it.
 * - A locked address is refused with a valid key too: answering it would tell which guess was right. An operator clears it.
 */
export async function identifyKey(
  pool: DatabasePool,
  policy: LockoutPolicy,
  { credential, address }: Presented,
): Promise<Identification> {
  const key = readKey(credential) ?? null;
  return withConnection(pool, async (tx): Promise<Identification> => {
    const found = await findPresentedKey(tx, { address, key });
    if (found.lockedSeconds !== null) return { kind: 'locked-out', retryAfterSeconds: found.lockedSeconds };
    if (found.key !== undefined) {
      if (found.mistyped && key !== null) await forgetFailures(tx, { address, prefix: key.prefix });
      return { kind: 'known', key: found.key };
    }
    const counted = await countFailure(tx, address, prefixesOf(found, key?.prefix), policy);
    const [earlier] = counted.flatMap(({ lockedSeconds }) => lockedSeconds ?? []).sort((a, b) => b - a);
    if (earlier !== undefined) return { kind: 'locked-out', retryAfterSeconds: earlier };
    const locks = counted.filter((each) => each.locks).map(({ prefix }) => (prefix === '' ? 'address' : 'key'));
    return { kind: 'unknown', locks };
  });
}

/** For which subjects a failure counts: the empty prefix is the address as a whole. */
function prefixesOf(found: PresentedKeyState, prefix: string | undefined): string[] {
  if (prefix === undefined) return [''];
  return found.issued ? [prefix] : ['', prefix];
}
