/**
 * JSON whose numbers mean what was written.
 *
 * A double silently turns 0.1234567890123456789 into another number. Whoever sends one is told to send a string,
 * before money is at stake.
 */

/** A JSON number that a double cannot carry. `source` is as written, cut to a safe length. */
export class InexactNumberError extends Error {
  readonly field: string;
  readonly source: string;

  constructor(field: string, source: string) {
    super('a JSON number cannot be carried exactly');
    this.name = 'InexactNumberError';
    this.field = field;
    this.source = source.length > SOURCE_SHOWN_MAX ? `${source.slice(0, SOURCE_SHOWN_MAX)}…` : source;
  }
}

const SOURCE_SHOWN_MAX = 64;

interface Decimal {
  readonly negative: boolean;
  /** Without leading or trailing zeros; empty for zero. */
  readonly digits: string;
  /** Power of ten of the last digit. */
  readonly exponent: number;
}

const NUMBER_PATTERN = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

function decimalOf(source: string): Decimal | undefined {
  const match = NUMBER_PATTERN.exec(source);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  const significant = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = significant.replace(/0+$/, '');
  if (digits === '') return { negative: false, digits: '', exponent: 0 };
  const exponent = Number(power) - fraction.length + (significant.length - digits.length);
  return { negative: sign === '-', digits, exponent };
}

/** Whether the double that `source` parses to is written back as the same number. */
export function isExact(source: string): boolean {
  const value = Number(source);
  const written = decimalOf(source);
  const carried = Number.isFinite(value) ? decimalOf(String(value)) : undefined;
  if (written === undefined || carried === undefined) return false;
  return (
    written.digits === carried.digits && written.exponent === carried.exponent && written.negative === carried.negative
  );
}

/** A finite number as a decimal without exponent: 1e-7 becomes "0.0000001". */
export function plainDecimal(value: number): string {
  const decimal = decimalOf(String(value));
  if (decimal === undefined) throw new RangeError('not a finite number');
  const { digits, exponent } = decimal;
  const sign = decimal.negative ? '-' : '';
  if (digits === '') return '0';
  if (exponent >= 0) return `${sign}${digits}${'0'.repeat(exponent)}`;
  const padded = digits.padStart(1 - exponent, '0');
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}

/** The text has arrays and objects in one another, deeper than allowed. */
export class TooDeepError extends Error {
  override readonly name = 'TooDeepError';
}

/**
 * Counts brackets that are not inside of a string, before anything is built: a parser that recurses must not be led down.
 * @throws TooDeepError.
 */
function refuseDeep(text: string, depthMax: number): void {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === '[' || character === '{')) depth += 1;
    else if (!quoted && (character === ']' || character === '}')) depth -= 1;
    if (depth > depthMax) throw new TooDeepError(`nested deeper than ${depthMax}`);
  }
}

/**
 * Parses JSON and refuses numbers that a double cannot carry exactly as written.
 * @throws InexactNumberError for such a number, TooDeepError for more than `depthMax` levels, SyntaxError for text that is
 * not JSON.
 */
export function parseExactJson(text: string, depthMax = Infinity): unknown {
  refuseDeep(text, depthMax);
  return JSON.parse(text, (field: string, value: unknown, context?: { readonly source?: string }): unknown => {
    if (typeof value !== 'number') return value;
    const source = context?.source;
    if (source === undefined || !isExact(source)) throw new InexactNumberError(field, source ?? String(value));
    return value;
  });
}
