/** A variable: how its text is read, and what is said when it cannot be. */

/** One thing that is wrong with the environment; `right` says what would be accepted. */
export interface ConfigFault {
  readonly name: string;
  readonly wrong: string;
  readonly right: string;
}

/** The line that `--check-config` prints for a fault: `NAME: what is wrong; what is right`. */
export function formatFault(fault: ConfigFault): string {
  return `${fault.name}: ${fault.wrong}; ${fault.right}`;
}

/** Thrown with every fault at once; `faults` is never empty and the message carries no secret. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(formatFault).join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** What a variable's text turned out to be: a value, or what is wrong with it. */
type Parsed<T> = { readonly value: T } | { readonly wrong: string };

export interface Variable<T> {
  /** What is accepted, in words. */
  readonly right: string;
  /** Used when the variable is unset or empty; absent for variables that must be set. */
  readonly fallback?: string;
  readonly parse: (raw: string) => Parsed<T>;
}

const SHOWN_LENGTH_MAX = 40;

export function quoted(raw: string): string {
  return JSON.stringify(raw.length > SHOWN_LENGTH_MAX ? `${raw.slice(0, SHOWN_LENGTH_MAX)}…` : raw);
}

export function integer(fallback: number, min: number, max: number): Variable<number> {
  return {
    right: `set a whole number from ${min} to ${max}`,
    fallback: String(fallback),
    parse: (raw) => {
      if (!/^\d{1,15}$/.test(raw)) return { wrong: `${quoted(raw)} is not a whole number` };
      const value = Number(raw);
      return value < min || value > max ? { wrong: `${value} is out of range` } : { value };
    },
  };
}

export function oneOf<const T extends string>(fallback: T, values: readonly T[]): Variable<T> {
  return {
    right: `set one of ${values.join(', ')}`,
    fallback,
    parse: (raw) => {
      const value = values.find((candidate) => candidate === raw);
      return value === undefined ? { wrong: `${quoted(raw)} is not known` } : { value };
    },
  };
}

export function host(fallback: string): Variable<string> {
  return {
    right: 'set a host name or an address to listen on, such as 127.0.0.1 or 0.0.0.0',
    fallback,
    parse: (raw) =>
      /^[A-Za-z0-9.:_-]{1,253}$/.test(raw) ? { value: raw } : { wrong: `${quoted(raw)} is not a host name` },
  };
}

export function positiveDecimal(fallback: string): Variable<string> {
  return {
    right:
      'set a positive decimal number with at most 12 digits before and 8 after the point, such as 100000 or 2500.50',
    fallback,
    parse: (raw) => {
      const plain = /^(0|[1-9]\d{0,11})(\.\d{1,8})?$/.test(raw) && /[1-9]/.test(raw);
      return plain ? { value: raw } : { wrong: `${quoted(raw)} is not a positive decimal number` };
    },
  };
}
