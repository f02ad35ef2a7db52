/** Words that make a name that of a secret when they end it. */
const secretWords =
  /^(secret|token|password|passwd|pwd|passphrase|passcode|credentials?|apikey|pgpassword|requirepass)$/;
/** `key` alone names columns and cache entries: these words before it make it one that opens something. */
const keyQualifiers =
  /^(api|access|secret|private|signing|signature|encryption|encrypt|decryption|master|root|admin|auth|authentication|jwt|jwe|jws|hmac|aes|session|cookie|service|account|shared|webhook|deploy|license|client|trader|operator|bearer|processing|dev)$/;
/** Keys that everybody may know, and `RATE_LIMIT_PER_HOUR_KEY`, which counts something per key. */
const openKeys =
  /^(public|primary|foreign|unique|idempotency|cache|sort|partition|row|object|map|lock|routing|group|storage|switch|advisory|index|config|meta|event|message|redis|attribute|per|second|minute|hour|day)$/;
/** What may follow the secret's word without making the name that of something else (as `TOKEN_TTL_MS` is). */
const trailing =
  /^(default|fallback|value|dev|development|test|local|prod|production|staging|old|new|current|previous|\d+)$/;

/** `apiKey`, `API_KEY`, `api-key` and `x.api.key` are the same words. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
}

/**
 * Whether what goes by this name opens something: `DB_PASSWORD`, `apiKey`, `SESSION_SECRET`; not `PASSWORD_FILE`,
 * `primaryKey`, `TOKEN_TTL_MS`. An environment variable's `*_KEY` is one unless its name says that it is open; a variable
 * in code needs a word before `key` that says so, because `key` names much else there.
 */
export function isSecretName(name: string): boolean {
  const words = wordsOf(name);
  while (words.length > 1 && trailing.test(words.at(-1) ?? '')) words.pop();
  const [last = '', before = ''] = words.toReversed();
  if (secretWords.test(last) || /(password|passwd|secret|apikey)$/.test(last)) return true;
  if (last !== 'key') return false;
  return isEnvironmentName(name) ? before !== '' && !openKeys.test(before) : keyQualifiers.test(before);
}

/** In capitals with underscores, as environment variables are written. */
export function isEnvironmentName(name: string): boolean {
  return /^[A-Z][A-Z0-9_]*$/.test(name);
}

/** Words that stand for a value without being one. */
const notAValue =
  /^(true|false|yes|no|on|off|null|nil|none|undefined|read|write|required|optional|inherit|string|number)$/i;
/** A place to fill in, a reference to another variable, an omission, or a mask. A number is no word: `12345` opens doors. */
const placeholder = /^<.*>$|[${}`]|^%\w$|…|\.\.\.|^\*+$|^\[.*\]?$/;
/** A file that holds the secret: /run/secrets/key, ./secrets/key. */
const path = /^(\.{1,2}|~)?(\/[\w.@-]+){2,}$|^\.{1,2}\/[\w./@-]+$/;
/** A header that carries the secret. */
const headerName = /^x(-[a-z]+)+$/i;

/**
 * Whether somebody could start the program with this text as the secret. `change-me` is usable: whoever forgets to change it
 * runs on it. `<…>`, `${NAME}`, `NAME_OF_A_SECRET`, a path to the secret, and nothing at all are not.
 */
export function isUsable(value: string): boolean {
  const text = value.trim();
  if (text.length < shortestSecret || headerName.test(text)) return false;
  if (text.includes('_') && isEnvironmentName(text) && isSecretName(text)) return false;
  return !notAValue.test(text) && !placeholder.test(text) && !path.test(text);
}

/** Below it are abbreviations and numbers of other things; every server of this kind refuses such a password, or should. */
const shortestSecret = 3;

/** Values that countless programs have shipped with: under whatever name they stand as a default, they are one.
 * Plain words such as `password` are not among them: they are labels and fields more often. */
const wellKnown =
  /^(dev[-_]?(key|secret|token|password)([-_]?\w+)?|change[-_]?(me|this|it)\w*|replace[-_]?(me|this)|password\d+|passw0rd|p@ssw0rd|pass1234?|secret\d+|s3cr3t|admin123|letmein|qwerty\d*|hunter2|test[-_](key|secret|token)|insecure[-_]?\w*|supersecret\w*|your[-_](api[-_])?(key|secret|token|password)([-_]here)?)$/i;

export function isWellKnown(value: string): boolean {
  return wellKnown.test(value.trim());
}

/** Hosts that stand in documentation for the reader's own. https://www.rfc-editor.org/rfc/rfc2606 */
const documentationHost = /^(host|hostname|server|(.+\.)?example(\.(com|org|net))?|.+\.(invalid|example))$/i;
const urlWithPassword = /\b[a-z][a-z0-9+.-]*:\/\/([^\s:@/'"`<>]*):([^\s@/'"`<>]+)@([^\s/:'"`?#)]*)/gi;

/** Where a text holds a URL with a password that could be used: their offsets. */
export function urlsWithPassword(text: string): number[] {
  return [...text.matchAll(urlWithPassword)]
    .filter(([, , password = '', host = '']) => isUsable(password) && !documentationHost.test(host))
    .map(({ index }) => index);
}

const sqlPassword = /\b(?:PASSWORD|IDENTIFIED\s+BY)\s+(?:E)?'([^']+)'/gi;

/** Where a text sets a database password to a literal: their offsets. */
export function sqlPasswords(text: string): number[] {
  return [...text.matchAll(sqlPassword)].filter(([, value = '']) => isUsable(value)).map(({ index }) => index);
}
