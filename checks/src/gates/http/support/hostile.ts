import { randomUUID } from 'node:crypto';
import type { Config } from '../../../config.ts';
import type { HttpRequest } from '../../../io/http.ts';
import type { ApiDocument, Operation, Parameter } from './operations.ts';

/** One request that nobody of good will would send. */
export interface Hostile {
  operation: Operation;
  request: HttpRequest;
  headers: Record<string, string>;
  /** Where it is hostile, and with what: short enough for a finding. */
  what: string;
  /** The document's schema does not allow it, so that it must be refused. */
  forbidden: boolean;
}

/** The table that the injected statements would make. */
export const injectedTable = 'preflight_injected';

/** Small on the wire, and deeper than anything that such a service takes; deeper than a parser's stack is safe with. */
const someLevels = 1_000;
const deepLevels = 10_000;
const longText = 10_000;
/** Above every limit that such a service would set. */
const largeBody = 3_000_000;

/** What people, programs and attackers write where a word is wanted. */
const texts: readonly string[] = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202eabc',
  '💥'.repeat(300),
  'x'.repeat(longText),
  '9'.repeat(400),
  '１２',
  '1e400',
  '-0',
  'NaN',
  "' OR '1'='1",
  `'; CREATE TABLE ${injectedTable} (); --`,
  `1); CREATE TABLE ${injectedTable} (); --`,
  '../../etc/passwd',
  '<script>alert(1)</script>',
  'a\r\nX-Injected: 1',
];

/** JSON as it stands on the wire, in place of a field's value. */
const raws: readonly string[] = [
  '1e400',
  '-1e400',
  '-0',
  '1E-400',
  '9007199254740993',
  '0.30000000000000004',
  'true',
  'null',
  '[]',
  '{}',
  '[["a"]]',
  '{"$gt":""}',
];

const wholeBodies: readonly [what: string, text: string][] = [
  ['empty', ''],
  ['cut short', '{'],
  ['a list', '[]'],
  ['null', 'null'],
  ['a text', '"text"'],
  ['NaN', 'NaN'],
  ['two documents', '{}{}'],
  ['a trailing comma', '{"a":1,}'],
  ['an unknown escape', '{"a":"\\x41"}'],
  [`${someLevels} levels of objects`, nestedObjects(someLevels)],
  [`${deepLevels} levels of lists`, '['.repeat(deepLevels) + ']'.repeat(deepLevels)],
  [`${deepLevels} levels of objects`, nestedObjects(deepLevels)],
  ['3 MB', JSON.stringify({ a: 'x'.repeat(largeBody) })],
];

function nestedObjects(levels: number): string {
  return `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
}

/** Fields that mean something to a language or a library, not to the service. */
const strangeFields = ['__proto__', 'constructor', 'preflight_unknown', "a'; --"];

/** Each place gets every third value, its neighbour the next ones: every operation with a few places meets them all. */
const stride = 3;

function shareOf<T>(values: readonly T[], place: number): T[] {
  return values.filter((_, index) => (index + place) % stride === 0);
}

/**
 * Hostile requests to every documented place of every operation, the same in each run, so that none is luckier than another.
 * Beside the configured write, only what the schema forbids is sent: what is allowed might take effect.
 */
export function hostileRequests(api: ApiDocument, config: Pick<Config, 'write'>): Hostile[] {
  return api.operations
    .flatMap((operation) => [...inBody(api, operation), ...inParameters(api, operation)])
    .filter(({ operation, forbidden }) => forbidden || operation.isWrite || operation.method === 'GET')
    .map((each) => (each.operation.isWrite ? withIdempotencyKey(each, config) : each));
}

function withIdempotencyKey(each: Hostile, { write }: Pick<Config, 'write'>): Hostile {
  const name = write?.idempotencyHeader ?? '';
  return name === '' ? each : { ...each, headers: { [name]: randomUUID(), ...each.headers } };
}

function inBody(api: ApiDocument, operation: Operation): Hostile[] {
  const { example } = operation;
  if (!example) return [];
  const fields = new Set([
    ...Object.keys(operation.described.requestBody?.content?.['application/json']?.schema?.properties ?? {}),
    ...Object.keys(example),
  ]);
  const texted = texts.map((text) => JSON.stringify(text));
  const spoiled = [...fields].flatMap((field, place) =>
    [...shareOf(texted, place), ...shareOf(raws, place)].map((raw): [string, string] => [
      `${field} = ${raw}`,
      replaced(example, field, raw),
    ]),
  );
  const without = Object.keys(example).map((field): [string, string] => {
    const { [field]: _, ...rest } = example;
    return [`without ${field}`, JSON.stringify(rest)];
  });
  const strange = strangeFields.map((field): [string, string] => [`a field ${field}`, replaced(example, field, '{}')]);
  return [...wholeBodies, ...spoiled, ...without, ...strange].map(([what, text]) => ({
    operation,
    request: { method: operation.method, path: filled(operation.route), text },
    headers: {},
    what: `body: ${shortened(what)}`,
    forbidden: isForbidden(api, operation, text),
  }));
}

/** The example's JSON with one field's value as it stands in `raw`. */
function replaced(example: Record<string, unknown>, field: string, raw: string): string {
  const others = Object.entries(example).filter(([name]) => name !== field);
  const written = others.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{${[...written, `${JSON.stringify(field)}:${raw}`].join(',')}}`;
}

/** What is no JSON, or no object, is forbidden wherever a body is read; the rest is for the schema to say. */
function isForbidden(api: ApiDocument, operation: Operation, text: string): boolean {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return true;
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return true;
  // So large or so deep a body need not be looked at: no schema of such a service allows it.
  return text.length >= deepLevels * 2 || api.takes(operation, body) === false;
}

function inParameters(api: ApiDocument, operation: Operation): Hostile[] {
  return operation.parameters.flatMap((parameter, index) =>
    shareOf(texts, index).flatMap((text) => {
      const placed = placedIn(operation, parameter, text);
      if (!placed) return [];
      const forbidden = parameter.in !== 'path' && api.takesText(operation, parameter, text) === false;
      return [{ operation, ...placed, what: `${parameter.name} = ${shortened(JSON.stringify(text))}`, forbidden }];
    }),
  );
}

function placedIn(
  { method, route, example }: Operation,
  { name, in: where }: Parameter,
  text: string,
): Pick<Hostile, 'request' | 'headers'> | undefined {
  const value = encodeURIComponent(text.toWellFormed());
  const body = example === undefined ? {} : { body: example };
  const at = (path: string) => ({ method, path, ...body });
  if (where === 'query') return { request: at(`${filled(route)}?${name}=${value}`), headers: {} };
  if (where === 'path') {
    // Dots and nothing are not segments: the client's own URL parser takes them out.
    if (text.trim() === '') return undefined;
    return { request: at(filled(route.replace(`{${name}}`, value))), headers: {} };
  }
  // What is no header at all does not leave the client.
  const sendable = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && text.length < 1_000;
  return where === 'header' && sendable ? { request: at(filled(route)), headers: { [name]: text } } : undefined;
}

/** An id that nobody was given. */
export const nobodysId = '00000000-0000-7000-8000-000000000000';

/** The route with every parameter as an id that nobody was given. */
export function filled(route: string): string {
  return route.replace(/\{\w+\}/g, nobodysId);
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length} characters)` : text;
}
