/** What stands in a report where a secret stood. */
export const redacted = '[redacted]';

/** A shorter text is no secret: it occurs by chance, and taking it out would spoil what is to be read. */
const shortestSecret = 8;

/** A password in a URL, and what follows `Bearer` in a header: secrets whose value nobody has told us. */
const patterns: readonly [RegExp, string][] = [
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@]{0,200}:)[^\s/@]{1,500}(?=@)/gi, `$1${redacted}`],
  [/\b(Bearer\s{1,3})[\w.~+/=-]{16,}/gi, `$1${redacted}`],
];

/** A deep copy of what a report is made of, without any of the secrets, neither in texts nor in names. */
export function redact<T>(value: T, secrets: readonly string[]): T {
  const known = [...new Set(secrets)].filter(({ length }) => length >= shortestSecret);
  // The longest first: what is left of a secret whose beginning is another one would still tell something.
  known.sort((one, other) => other.length - one.length);
  return copyWithout(value, (text) => {
    const told = known.reduce((rest, secret) => rest.replaceAll(secret, redacted), text);
    return patterns.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), told);
  }) as T;
}

function copyWithout(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map((part) => copyWithout(part, clean));
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [clean(name), copyWithout(part, clean)]));
}
