/**
 * The last net under the log: known secrets and anything shaped like a credential never reach the stream,
 * whatever field, message or cause they slipped into.
 */

const MASK = '[redacted]';
/** Shorter strings than this would mask ordinary words. */
const SECRET_LENGTH_MIN = 6;

const CREDENTIAL_SHAPES: readonly (readonly [RegExp, string])[] = [
  [/\bpk_[A-Za-z0-9]+_[A-Za-z0-9_-]{20,}/g, MASK],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}/gi, `$1 ${MASK}`],
  [/\b(postgres(?:ql)?|rediss?):\/\/[^\s"'@/]*@/gi, `$1://${MASK}@`],
];

/** The secrets inside the configuration: the process key, and the passwords of URLs as written and as decoded. */
export function secretsOf(config: {
  readonly databaseUrl: string;
  readonly redisUrl?: string | null;
  readonly orderProcessingApiKey: string;
  readonly nextOrderProcessingApiKey?: string | null;
  readonly webhook?: { readonly secret: string } | null;
}): readonly string[] {
  const passwords = [config.databaseUrl, config.redisUrl ?? ''].map((url) => URL.parse(url)?.password ?? '');
  const keys = [config.orderProcessingApiKey, config.nextOrderProcessingApiKey ?? '', config.webhook?.secret ?? ''];
  return [...keys, ...passwords, ...passwords.map(decodePassword)];
}

function decodePassword(password: string): string {
  try {
    return decodeURIComponent(password);
  } catch {
    // A stray percent sign means that the password was not encoded; it is masked as written.
    return password;
  }
}

/** Makes a function that masks the given secrets, and every credential-shaped text, in one serialised log line. */
export function createScrubber(secrets: readonly string[]): (line: string) => string {
  const exact = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < SECRET_LENGTH_MIN) continue;
    exact.add(secret);
    // Inside a JSON line a quote or backslash of the secret is escaped.
    exact.add(JSON.stringify(secret).slice(1, -1));
  }
  return (line) => {
    let clean = line;
    for (const secret of exact) clean = clean.replaceAll(secret, MASK);
    for (const [shape, mask] of CREDENTIAL_SHAPES) clean = clean.replace(shape, mask);
    return clean;
  };
}
