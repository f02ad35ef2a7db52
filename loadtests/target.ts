/**
 * Where a load test sends its requests, and with which keys. Read once per virtual user, before the first iteration.
 *
 * Environment:
 * - BASE_URL            the service, default http://127.0.0.1:3000
 * - TRADER_KEYS         API keys of the role trader, separated by commas or whitespace
 * - TRADER_KEYS_FILE    a file with the same content, so that no key stands in a command line; one of the two is required
 */
const DEFAULT_BASE_URL = 'http://127.0.0.1:3000';

/** The address of the service under load, without a slash at its end. */
export const baseUrl = (__ENV.BASE_URL || DEFAULT_BASE_URL).replace(/\/+$/, '');

/** One key per trader account. Never empty: a load test without a key would measure how fast the service says 401. */
export const traderKeys = readTraderKeys();

/**
 * A whole number from the environment.
 *
 * @throws when the variable is set to anything but a whole number from `min` to `max`, so that a typing error ends the
 * run at once and does not measure something else.
 */
export function wholeNumber(name: string, fallback: number, min: number, max: number): number {
  const text = __ENV[name];
  if (!text) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Error(`${name} is not a whole number from ${min} to ${max}`);
  }
  return value;
}

/** Headers that carry a key; the spread of the traders over virtual users is by their number. */
export function authorization(virtualUser: number): { Authorization: string } {
  const key = traderKeys[virtualUser % traderKeys.length];
  return { Authorization: `Bearer ${key}` };
}

function readTraderKeys(): string[] {
  const file = __ENV.TRADER_KEYS_FILE;
  const text = file ? open(file) : __ENV.TRADER_KEYS || '';
  const keys = text.split(/[\s,]+/).filter((key) => key !== '');
  if (keys.length === 0) throw new Error('no trader key: set TRADER_KEYS or TRADER_KEYS_FILE');
  return keys;
}
