import Big from 'big.js';

/**
 * Exact arithmetic on decimal strings. Nothing here goes through a JavaScript number, and nothing rounds except where
 * the name says so.
 */

/** Decimal places of prices and quantities: numeric(20, 8) in the database. */
export const PRICE_SCALE = 8;
/** Decimal places of cash: a price times a quantity is exact in numeric(38, 16). */
export const CASH_SCALE = 16;
/** Digits before the point that numeric(38, 16) can hold. */
const CASH_INTEGER_DIGITS = 22;
/** Digits before the point that numeric(20, 8) can hold. */
export const PRICE_INTEGER_DIGITS = 12;

/** A constructor of its own, so that its strictness and rounding do not depend on what other modules set. */
const Decimal = Big();
Decimal.strict = true;
Decimal.DP = CASH_SCALE;
Decimal.RM = Decimal.roundHalfEven;
Decimal.NE = -100;
Decimal.PE = 100;

/** Halves are rounded away from zero, as PostgreSQL's round() does it, so that both sides of the wire agree. */
const Quotient = Big();
Quotient.strict = true;
Quotient.DP = CASH_SCALE;
Quotient.RM = Quotient.roundHalfUp;

const DECIMAL = /^-?\d{1,40}(\.\d{1,40})?$/;

function parse(value: string): Big {
  if (!DECIMAL.test(value)) {
    throw new RangeError('not a plain decimal');
  }
  return new Decimal(value);
}

/** True when `value` is a positive plain decimal that numeric(20, 8) holds without rounding. */
export function isBookable(value: string): boolean {
  if (!DECIMAL.test(value)) {
    return false;
  }
  const decimal = new Decimal(value);
  return (
    decimal.gt('0') && decimal.lt(`1${'0'.repeat(PRICE_INTEGER_DIGITS)}`) && decimal.round(PRICE_SCALE).eq(decimal)
  );
}

/** True when `value` is a plain decimal, zero or more, that numeric(38, 16) holds without rounding. */
export function isCash(value: string): boolean {
  if (!DECIMAL.test(value)) {
    return false;
  }
  const decimal = new Decimal(value);
  return decimal.gte('0') && decimal.lt(`1${'0'.repeat(CASH_INTEGER_DIGITS)}`) && decimal.round(CASH_SCALE).eq(decimal);
}

/** The shortest spelling of a decimal: no trailing zeros, no leading zeros, no exponent. */
export function plain(value: string): string {
  return parse(value).toFixed();
}

export function add(left: string, right: string): string {
  return parse(left).plus(parse(right)).toFixed();
}

export function subtract(left: string, right: string): string {
  return parse(left).minus(parse(right)).toFixed();
}

/** The same amount with the other sign; zero has none. */
export function negate(value: string): string {
  return subtract('0', value);
}

/** The exact product. */
export function multiply(left: string, right: string): string {
  return parse(left).times(parse(right)).toFixed();
}

/** Rounded to CASH_SCALE as PostgreSQL does it. @throws RangeError when `right` is zero. */
export function quotient(left: string, right: string): string {
  if (parse(right).eq('0')) {
    throw new RangeError('division by zero');
  }
  return new Quotient(parse(left)).div(parse(right)).toFixed();
}

/** Rounded up to CASH_SCALE: what is set aside must never be less than what is owed. */
export function roundUpToCash(value: string): string {
  return roundUp(value, CASH_SCALE);
}

/** Rounded away from zero to so many decimal places. */
export function roundUp(value: string, places: number): string {
  return parse(value).round(places, Decimal.roundUp).toFixed();
}

/** Rounded towards zero to so many decimal places. */
export function roundDown(value: string, places: number): string {
  return parse(value).round(places, Decimal.roundDown).toFixed();
}

/** `value` × `part` ÷ `whole`, rounded once, half to even, to CASH_SCALE. `whole` must not be zero. */
export function shareOf(value: string, part: string, whole: string): string {
  return parse(value).times(parse(part)).div(parse(whole)).toFixed();
}

/** -1, 0 or 1. */
export function compare(left: string, right: string): -1 | 0 | 1 {
  return parse(left).cmp(parse(right));
}

/** True when `value` is a whole multiple of `step`, which must be positive. */
export function isMultipleOf(value: string, step: string): boolean {
  return parse(value).mod(parse(step)).eq('0');
}
