import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderServiceError } from './errors.ts';
import type { NewOrder } from './order.ts';
import { checkIncrements } from './risk.ts';

const INSTRUMENT = { tickSize: '0.05', lotSize: '0.001', minNotional: '10', takerFeeBps: '0' };
const ORDER: NewOrder = {
  symbol: 'ANY',
  side: 'BUY',
  type: 'LIMIT',
  quantity: '1',
  price: '100',
  mode: 'PAPER',
  timeInForce: 'GTC',
  expireAt: null,
  clientOrderId: null,
};

function refusal(order: Partial<NewOrder>, instrument = INSTRUMENT): string {
  try {
    checkIncrements({ ...ORDER, ...order }, instrument);
    return 'accepted';
  } catch (error) {
    return error instanceof OrderServiceError ? error.code : String(error);
  }
}

/** A whole number of 10^-8, as a decimal string. */
function decimal(units: bigint): string {
  const digits = units.toString().padStart(9, '0');
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

describe('prices off their tick and quantities off their lot', () => {
  it.each([
    ['100.05', 'accepted'],
    ['100.050000', 'accepted'],
    ['100.00000001', 'invalid_price_increment'],
    ['100.049', 'invalid_price_increment'],
    ['100.04999999', 'invalid_price_increment'],
    ['100.01', 'invalid_price_increment'],
  ])('price %s: %s', (price, verdict) => {
    expect(refusal({ price })).toBe(verdict);
  });

  it.each([
    ['0.1', 'accepted'],
    ['0.099', 'notional_too_small'],
    ['0.1001', 'invalid_quantity_increment'],
    ['0.0005', 'invalid_quantity_increment'],
    ['1.00000001', 'invalid_quantity_increment'],
  ])('quantity %s at 100: %s', (quantity, verdict) => {
    expect(refusal({ quantity })).toBe(verdict);
  });

  it('the minimum itself is enough, and a MARKET order has no price to be off', () => {
    expect(refusal({ quantity: '0.1', price: '100' })).toBe('accepted');
    expect(refusal({ type: 'MARKET', price: null, quantity: '0.001' })).toBe('accepted');
    expect(refusal({ type: 'MARKET', price: null, quantity: '0.0011' })).toBe('invalid_quantity_increment');
  });

  it('are refused exactly when they are no whole multiple, whatever the sizes', () => {
    const units = fc.bigInt({ min: 1n, max: 10n ** 12n });
    fc.assert(
      fc.property(units, units, units, (step, price, quantity) => {
        const tick = { tickSize: decimal(step), lotSize: '0.00000001', minNotional: '0', takerFeeBps: '0' };
        const lot = { tickSize: '0.00000001', lotSize: decimal(step), minNotional: '0', takerFeeBps: '0' };
        const order = { price: decimal(price), quantity: decimal(quantity) };
        expect(refusal(order, tick)).toBe(price % step === 0n ? 'accepted' : 'invalid_price_increment');
        expect(refusal(order, lot)).toBe(quantity % step === 0n ? 'accepted' : 'invalid_quantity_increment');
        const multiple = { price: decimal(step * (price % 1000n) + step), quantity: decimal(step) };
        expect(refusal(multiple, tick)).toBe('accepted');
      }),
      { numRuns: 500 },
    );
  });
});
