import * as z from 'zod';
import { type InputFault, InvalidInputError } from './errors.ts';
import { plainDecimal } from './exact-json.ts';

/** More faults than this help nobody and make the answer larger than the request. */
const FAULTS_SHOWN_MAX = 20;

/**
 * Checks one part of a request. Without a schema nothing is handed on.
 * @throws InvalidInputError naming every field at fault, never its value.
 */
export function parseInput<S extends z.ZodType>(
  part: InputFault['in'],
  schema: S | undefined,
  input: unknown,
): z.output<S> {
  if (schema === undefined) return undefined as z.output<S>;
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const faults: InputFault[] = result.error.issues.slice(0, FAULTS_SHOWN_MAX).map((issue) => ({
    in: part,
    field: issue.path.join('.'),
    message: issue.message,
  }));
  throw new InvalidInputError(faults);
}

const DECIMAL_ADVICE = 'must be a positive decimal number, as a string or a JSON number';
/** Only the form is judged here; whether a price or quantity of so many digits can be booked is for the domain to say. */
const DECIMAL_PATTERN = /^(0|[1-9]\d{0,29})(\.\d{1,30})?$/;

/** The same number always as the same text: no zeros that mean nothing, so that equal payloads hash equally. */
function canonical(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}

/**
 * A positive quantity or price, as a JSON number or a decimal string; comes out as a canonical decimal string.
 * Numbers have been through parseExactJson, so what is written is what is meant.
 */
export const positiveDecimal = z
  .union([z.number(), z.string().max(61)], { error: DECIMAL_ADVICE })
  .transform((value) => (typeof value === 'number' ? plainDecimal(value) : value))
  .refine((text) => DECIMAL_PATTERN.test(text) && /[1-9]/.test(text), { error: DECIMAL_ADVICE })
  .transform(canonical)
  .meta({ description: 'A positive decimal, as a string or as a number that a double carries exactly.' });

/** A point in time with its offset, as ISO 8601. */
export const timestamp = z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time with its offset' });

/** How many entries a page of a list has. */
export function pageLimit(fallback: number, max: number) {
  return z.coerce.number().int().min(1).max(max).default(fallback).meta({ type: 'integer', minimum: 1, maximum: max });
}

/** The id of an order or an account. */
export const uuid = z.guid({ error: 'must be a UUID' });

/** Trading symbols, as the instruments' CHECK has them. */
export const symbol = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9.-]{0,31}$/, { error: 'must be a trading symbol such as BTCUSDT' });
