import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InexactNumberError, isExact, parseExactJson, plainDecimal } from './exact-json.ts';

describe('parseExactJson', () => {
  it.each(['0', '-0', '0.1', '0.10', '1e-7', '1E+2', '123456789012345', '0.00000001', '9007199254740991', '1e21'])(
    'takes %s, which a double carries as written',
    (source) => {
      expect(parseExactJson(`{"quantity":${source}}`)).toEqual({ quantity: Number(source) });
    },
  );

  it.each([
    '0.1234567890123456789',
    '9007199254740993',
    '1e400',
    '1e-400',
    '100000000000000000000001',
    '0.30000000000000004440',
  ])('refuses %s, which a double does not carry', (source) => {
    const parse = (): unknown => parseExactJson(`{"order":[{"quantity":${source}}]}`);
    expect(parse).toThrow(InexactNumberError);
    expect(parse).toThrow(expect.objectContaining({ field: 'quantity', source }));
  });

  it('leaves strings alone, however many digits they have', () => {
    expect(parseExactJson('{"quantity":"0.1234567890123456789"}')).toEqual({ quantity: '0.1234567890123456789' });
  });

  it('cuts a long number before it is shown', () => {
    const parse = (): unknown => parseExactJson(`[${'9'.repeat(5000)}]`);
    expect(parse).toThrow(expect.objectContaining({ source: `${'9'.repeat(64)}…` }));
  });

  it('throws SyntaxError for text that is not JSON', () => {
    expect(() => parseExactJson('{"a":')).toThrow(SyntaxError);
  });

  it('carries every double that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(isExact(JSON.stringify(value))).toBe(true);
      }),
    );
  });

  it('carries a decimal of 18 digits only when no digit is lost', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 10n ** 17n, max: 10n ** 18n - 1n }), (digits) => {
        const source = `0.${digits}`;
        const lossless = Number(source).toString().replace('0.', '').padEnd(18, '0') === `${digits}`;
        expect(isExact(source)).toBe(lossless);
      }),
    );
  });
});

describe('plainDecimal', () => {
  it.each([
    [1e-7, '0.0000001'],
    [0.1, '0.1'],
    [1e21, '1000000000000000000000'],
    [-2.5e-8, '-0.000000025'],
    [0, '0'],
    [120, '120'],
  ])('writes %d as %s', (value, text) => {
    expect(plainDecimal(value)).toBe(text);
  });

  it('names the same double again', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(plainDecimal(value))).toBe(value === 0 ? 0 : value);
      }),
    );
  });
});
