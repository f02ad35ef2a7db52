import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  add,
  CASH_SCALE,
  compare,
  isBookable,
  isMultipleOf,
  multiply,
  plain,
  roundUpToCash,
  subtract,
} from './money.ts';

/** Units of 10^-8 as the decimal string that numeric(20, 8) would give. */
function decimal(units: bigint): string {
  const digits = units.toString().padStart(9, '0');
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`;
}
const units = fc.bigInt({ min: 0n, max: 10n ** 20n - 1n });

test('sums, differences and products are those of whole numbers of units', () => {
  fc.assert(
    fc.property(units, units, (a, b) => {
      expect(compare(add(decimal(a), decimal(b)), decimal(a + b))).toBe(0);
      expect(compare(subtract(decimal(a + b), decimal(b)), decimal(a))).toBe(0);
      const product = multiply(decimal(a), decimal(b));
      const [whole = '', fraction = ''] = product.split('.');
      expect(BigInt(whole + fraction.padEnd(16, '0'))).toBe(a * b);
    }),
  );
});

test('what binary floating point gets wrong is right', () => {
  expect(add('0.1', '0.2')).toBe('0.3');
  expect(multiply('1234567890.12345678', '1')).toBe('1234567890.12345678');
});

test('plain spells a decimal without zeros at either end and without an exponent', () => {
  expect(['0100.2500', '0.00000001', '5.0', '0.0'].map(plain)).toEqual(['100.25', '0.00000001', '5', '0']);
});

test.each(['1e3', '', ' 1', '0x10', 'NaN', 'Infinity', '+1', '1.', '.5', '1,5'])('%j is no plain decimal', (text) => {
  expect(() => plain(text)).toThrow(RangeError);
  expect(isBookable(text)).toBe(false);
});

test('bookable is positive, with at most 12 digits before and 8 after the point', () => {
  expect(['1', '0.00000001', '999999999999.99999999', '1.500000000000'].every(isBookable)).toBe(true);
  expect(['0', '-1', '0.000000001', '1000000000000'].some(isBookable)).toBe(false);
});

test('a multiple of a step is exact', () => {
  expect(isMultipleOf('100.01', '0.01')).toBe(true);
  expect(isMultipleOf('0.3', '0.1')).toBe(true);
  expect(isMultipleOf('100.001', '0.01')).toBe(false);
});

test('a reservation is rounded up, and only beyond the scale of cash', () => {
  expect(roundUpToCash('0.00000000000000001')).toBe(`0.${'0'.repeat(CASH_SCALE - 1)}1`);
  expect(roundUpToCash('105.5')).toBe('105.5');
});
