import { randomBytes } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { expect, test } from 'vitest';
import { nobodysAddress, retryAfterOf, wrongKeyLike, wrongKeyOfAnyName } from './strangers.ts';

const key = `pk_${randomBytes(4).toString('hex')}_${randomBytes(32).toString('base64url')}`;

test('a wrong key begins like the right one, has its form, and is another', () => {
  const wrong = wrongKeyLike(key);
  expect(wrong).not.toBe(key);
  expect(wrong.slice(0, 12)).toBe(key.slice(0, 12));
  expect(wrong).toMatch(/^pk_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$/);
});

test('one of any name keeps the scheme and nothing else', () => {
  const wrong = wrongKeyOfAnyName(key);
  expect(wrong.slice(3, 11)).not.toBe(key.slice(3, 11));
  expect(wrong).toMatch(/^pk_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$/);
  expect(wrongKeyOfAnyName('abcDEF123')).toMatch(/^[a-z]{3}[A-Z]{3}\d{3}$/);
});

test('nobody has these addresses', () => {
  const addresses = Array.from({ length: 50 }, nobodysAddress);
  expect(addresses.every((address) => isIPv4(address) && address.startsWith('198.18.'))).toBe(true);
  expect(new Set(addresses).size).toBeGreaterThan(40);
});

test.each([
  [{ 'retry-after': '60' }, 60],
  [{ 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }, null],
  [{}, null],
])('Retry-After of %j is %s seconds', (headers, seconds) => {
  expect(retryAfterOf(new Headers(headers as Record<string, string>))).toBe(seconds);
});
