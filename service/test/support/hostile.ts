import fc from 'fast-check';

/** The parts of JSON Schema that our OpenAPI document uses. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
}

/** JSON text that JSON.stringify would never write: numbers as a client may spell them. */
const RAW_NUMBERS = [
  '1e400',
  '-1e400',
  '-0',
  '0.1',
  '0.30000000000000004',
  '1E-400',
  '9007199254740993',
  '0.00',
  '1e2',
];
const RAW_JUNK = ['', '{', '[]', 'null', '"text"', '00', 'NaN', '{"a":1,"a":2}', '\u0000', '{"quantity":1e400}'];
const DEEPEST = 200;

const hostileText = fc.constantFrom(
  '',
  ' ',
  '\u0000',
  '‮abc',
  '💥'.repeat(300),
  "' OR 1=1 --",
  '%00',
  '../../etc/passwd',
  '1e400',
  '-0',
  '0.1',
  'Infinity',
  '９９',
  '0'.repeat(400),
  `1${'0'.repeat(400)}`,
  '0.00000000000000000000001',
  '9999-12-31T23:59:59Z',
  '2026-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
);

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], 0, -1, 1e21, 0.1, Number.MAX_SAFE_INTEGER),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constant(nested(DEEPEST)),
  fc.jsonValue(),
);

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = { value };
  return value;
}

/** Values that a schema allows, as far as its keywords say, and now and then something hostile in their place. */
function allowedBy(schema: Schema): fc.Arbitrary<unknown> {
  const { enum: options, anyOf, oneOf, pattern } = schema;
  const given = [...(schema.examples ?? []), ...(schema.example === undefined ? [] : [schema.example])];
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (options) return fc.constantFrom(...options);
  const choices = anyOf ?? oneOf;
  if (choices) return fc.oneof(...choices.map(allowedBy));
  if (schema.type === 'object') return objectOf(schema);
  if (schema.type === 'array') return fc.array(allowedBy(schema.items ?? {}), { maxLength: 3 });
  if (schema.type === 'integer') return fc.integer({ min: -2, max: 300 });
  if (schema.type === 'number') return fc.oneof(fc.integer({ min: -5, max: 100_000 }), fc.double());
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.type === 'null') return fc.constant(null);
  if (given.length > 0) return fc.constantFrom(...given);
  return pattern ? fc.stringMatching(new RegExp(pattern, 'u'), { size: 'small' }) : fc.string({ maxLength: 30 });
}

function objectOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<Record<string, unknown>> {
  const arbitraries = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      name,
      fc.oneof({ weight: 12, arbitrary: allowedBy(schema) }, { weight: 1, arbitrary: hostileValue }),
    ]),
  );
  return fc.record(arbitraries, { requiredKeys: [...required] });
}

/**
 * What goes over the wire as a body: the documented example with some of its fields changed, what the schema allows
 * besides, and the more hostile the rarer.
 */
export function bodyOf(schema: Schema, example: object): fc.Arbitrary<string> {
  const allowed = allowedBy(schema);
  const likeExample = allowed.chain((other) =>
    fc
      .subarray(Object.entries(other as object))
      .map((changes) => ({ ...example, ...Object.fromEntries(changes.slice(0, 2)) })),
  );
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(JSON.stringify(example)) },
    { weight: 6, arbitrary: likeExample.map((value) => JSON.stringify(value)) },
    { weight: 4, arbitrary: allowed.map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: fc.tuple(allowed, fc.string({ maxLength: 20 }), hostileValue).map(withUnknownField) },
    { weight: 2, arbitrary: fc.tuple(fc.constant(example), fc.constantFrom(...RAW_NUMBERS)).map(withRawNumber) },
    { weight: 1, arbitrary: fc.constantFrom(...RAW_JUNK) },
    { weight: 1, arbitrary: hostileValue.map((value) => JSON.stringify(value)) },
  );
}

function withUnknownField([value, name, extra]: [unknown, string, unknown]): string {
  return JSON.stringify({ ...(value as object), [name]: extra });
}

/** The first number of the body, or a text that looks like one, is spelled as a raw number. */
function withRawNumber([value, raw]: [unknown, string]): string {
  return JSON.stringify(value).replace(/:("[\d.]+"|-?\d[\d.eE+-]*)(?=[,}])/, () => `:${raw}`);
}

/** A piece of a path or of a query: what a schema allows, an id that is nobody's, or something hostile. */
export function textOf(schema: Schema): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 9, arbitrary: allowedBy(schema).map(String) },
    { weight: 2, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: hostileText },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  );
}
