/** A JSON Schema, as zod writes it. */
export type Schema = Readonly<Record<string, unknown>>;

const ORDER_ID = '019a9f1e-7c2b-7d40-8a51-3f6e2b9c4d10';
const ACCOUNT_ID = '019a9f1e-0001-7000-8000-000000000001';
const TIME = '2026-11-20T14:30:00.000000Z';

/**
 * What stands in an example under a name, the likelier first: the first that fits the schema is taken. Names mean the same
 * everywhere in this API, and so do their examples. A test holds every example to its own schema.
 */
const BY_NAME: Readonly<Record<string, readonly unknown[]>> = {
  accountId: [ACCOUNT_ID],
  ageSeconds: [2],
  address: ['203.0.113.7'],
  attempted: ['1000'],
  averageFillPrice: [null],
  calendar: ['XNYS'],
  cash: ['95000'],
  changedBy: [`operator:${ACCOUNT_ID}`],
  clientOrderId: ['desk-7-000123'],
  closedBecause: [null],
  commit: [null],
  configuration: ['9f86d081884c'],
  cost: ['32000'],
  cursor: ['eyJjIjoiMjAyNi0xMS0yMCJ9'],
  denial: [null],
  denialReason: [null],
  detail: ['The order was denied by a risk check.'],
  draining: [false],
  durationMs: [12.5],
  errorCode: [null],
  expireAt: [null, '2026-11-20T21:00:00Z'],
  fatFingerMultiple: [10],
  fee: ['32'],
  feeBps: ['10'],
  filledQuantity: ['0'],
  fromStatus: [null],
  id: [ORDER_ID],
  instance: ['0199f1a2b3c4'],
  knownUntil: ['2028-12-31'],
  limit: [50, '1000'],
  maxOpenOrders: [100],
  maxOrdersPerMinute: [20],
  mode: ['PAPER'],
  name: ['desk-7'],
  nextCursor: [null],
  observed: ['0'],
  openapi: ['3.1.1'],
  orderId: [ORDER_ID],
  prefix: ['k3v9x2ma'],
  priceAgeMs: [850],
  priceCollarBps: [500],
  price: ['64000.00'],
  quantity: ['0.5'],
  realised: ['125.5'],
  reason: ['a manual stop for maintenance', null],
  reserved: ['5000'],
  reservedCash: ['32000'],
  reservedQuantity: ['0'],
  restrictedSymbol: ['ETHUSDT'],
  side: ['BUY'],
  source: ['scheduler'],
  state: ['ACTIVE'],
  status: ['OPEN', 'ok', 'ran'],
  statusReason: ['started by its trader'],
  symbol: ['BTCUSDT'],
  timeInForce: ['GTC'],
  toStatus: ['OPEN'],
  type: ['PLACED', 'LIMIT'],
  unrealised: ['-12.25'],
  uptimeSeconds: [86_400],
  version: [1],
  webhook: ['DELIVERED'],
};

/** How deep an example goes; no schema of this API is deeper, and a recursive one must not be endless. */
const DEPTH_MAX = 8;

/** An example that fits the schema: what the schema itself gives, else what its name means, else what its type allows. */
export function exampleOf(schema: Schema, name = '', depth = 0): unknown {
  if (depth > DEPTH_MAX) return null;
  const [given] = list(schema.examples);
  if (given !== undefined) return given;
  if (schema.const !== undefined) return schema.const;
  const known = (BY_NAME[name] ?? []).find((candidate) => fits(candidate, schema));
  if (known !== undefined) return known;
  const [first] = list(schema.enum);
  if (first !== undefined) return first;
  const choices = alternatives(schema);
  const chosen = choices.find((choice) => choice.type === 'string') ?? choices.find((choice) => choice.type !== 'null');
  return chosen === undefined ? ofType(schema, name, depth) : exampleOf(chosen, name, depth + 1);
}

/** The example of a request: what is optional is left out, since not all of it goes together. */
export function exampleOfRequest(schema: Schema): unknown {
  const properties = propertiesOf(schema);
  const required = list(schema.required).map(String);
  if (required.length === 0) return exampleOf(schema);
  return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name] ?? {}, name, 1)]));
}

/** The schemas of an object's properties by their names. */
export function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  return isRecord(schema.properties) ? (schema.properties as Readonly<Record<string, Schema>>) : {};
}

/** What any one of is enough, a list of types written out. */
export function alternatives(schema: Schema): readonly Schema[] {
  const ofTypes = list(schema.type).map((type) => ({ ...schema, type }));
  return [...ofTypes, ...[...list(schema.anyOf), ...list(schema.oneOf)].filter(isRecord)];
}

function ofType(schema: Schema, name: string, depth: number): unknown {
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(propertiesOf(schema)).map(([key, property]) => [key, exampleOf(property, key, depth + 1)]),
      );
    case 'array':
      return isRecord(schema.items) ? [exampleOf(schema.items, name.replace(/s$/, ''), depth + 1)] : [];
    case 'string':
      return textOf(schema, name);
    case 'integer':
    case 'number':
      return typeof schema.minimum === 'number' && schema.minimum > 0 ? schema.minimum : 0;
    case 'boolean':
      return true;
    default:
      return null;
  }
}

/** Names of times end in At or Until, and those of money in what it is. */
function textOf(schema: Schema, name: string): string {
  if (/(^at|At|Until)$/.test(name) || schema.format === 'date-time') return TIME;
  return /(notional|loss|profit|pnl|amount|price|cash|cost|fee|value|bid|ask)$/i.test(name) ? '1000' : 'text';
}

/** Whether a value can stand where the schema is, as far as type and enumeration say. */
function fits(value: unknown, schema: Schema): boolean {
  const choices = alternatives(schema);
  if (choices.length > 0) return choices.some((choice) => fits(value, choice));
  if (schema.const !== undefined) return schema.const === value;
  const allowed = list(schema.enum);
  if (allowed.length > 0) return allowed.includes(value);
  if (value === null) return schema.type === 'null';
  if (schema.type === 'integer') return Number.isInteger(value);
  return schema.type === typeof value;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
