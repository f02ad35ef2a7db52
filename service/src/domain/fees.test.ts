import fc from 'fast-check';
import { expect, test } from 'vitest';
import { feeOf, feeReserveOf } from './fees.ts';
import { add, compare, subtract } from './money.ts';

/** A decimal with this many places, from a whole number of the smallest unit. */
const decimal = (units: bigint, places: number): string => {
  const digits = units.toString().padStart(places + 1, '0');
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`;
};
const notionals = fc.bigInt(0n, 10n ** 27n).map((units) => decimal(units, 16));
const rates = fc.bigInt(0n, 10_000_000n).map((units) => decimal(units, 4));

test.each([
  ['100', '10', '0.1'],
  ['100', '0', '0'],
  ['65.00001', '10', '0.06500001'],
  ['0.00000999', '10', '0'],
  ['0.0009999999999999', '0.0001', '0'],
  ['1234567890123.1234567890123456', '2.5', '308641972.53078086'],
])('a notional of %s at %s basis points costs %s', (notional, bps, fee) => {
  expect(feeOf(notional, bps)).toBe(fee);
});

test('what is set aside is never less than the fee, and more by one unit at most', () => {
  fc.assert(
    fc.property(notionals, rates, (notional, bps) => {
      const more = subtract(feeReserveOf(notional, bps), feeOf(notional, bps));
      expect(['0', '0.00000001']).toContain(more);
    }),
    { numRuns: 500 },
  );
});

test('however an order is filled in parts, their fees never exceed what was set aside for the whole', () => {
  fc.assert(
    fc.property(fc.array(notionals, { minLength: 1, maxLength: 20 }), rates, (parts, bps) => {
      const whole = parts.reduce(add);
      const paid = parts.map((part) => feeOf(part, bps)).reduce(add);
      expect(compare(paid, feeReserveOf(whole, bps))).toBeLessThanOrEqual(0);
    }),
    { numRuns: 500 },
  );
});
