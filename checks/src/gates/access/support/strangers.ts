import { randomInt } from 'node:crypto';

/** A client address that nobody has: from the network that is set aside for benchmarks. https://www.rfc-editor.org/rfc/rfc2544 */
export function nobodysAddress(): string {
  return `198.18.${randomInt(256)}.${1 + randomInt(254)}`;
}

const classes = ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '0123456789'] as const;

/** Each letter and digit replaced by another of its kind, so that the form stays and the key is another. */
function scrambled(text: string): string {
  return [...text]
    .map((character) => {
      const kind = classes.find((each) => each.includes(character));
      return kind === undefined ? character : (kind[randomInt(kind.length)] ?? character);
    })
    .join('');
}

/** A key that was never issued and begins as this one does: its first half names it, in keys that have a name at all. */
export function wrongKeyLike(key: string): string {
  const half = Math.floor(key.length / 2);
  return key.slice(0, half) + scrambled(key.slice(half));
}

/** A key of the same form that was never issued; only a scheme in front, up to the first underscore, is kept. */
export function wrongKeyOfAnyName(key: string): string {
  const scheme = /^[A-Za-z]{1,8}_/.exec(key)?.[0] ?? '';
  return scheme + scrambled(key.slice(scheme.length));
}

/** Seconds of a Retry-After, or null. */
export function retryAfterOf(headers: Headers): number | null {
  const text = headers.get('retry-after');
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}
