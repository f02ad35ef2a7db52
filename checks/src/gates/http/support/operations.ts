import type { ValidateFunction } from 'ajv';
import { type Config, partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { send } from '../../../io/http.ts';

/** The parts of JSON Schema that are read here; the rest is for the validator. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header' | 'cookie';
  schema?: Schema;
}

interface Media {
  schema?: Schema;
  example?: unknown;
}

interface Described {
  security?: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, Media> };
  responses?: Record<string, { content?: Record<string, Media> }>;
}

/** One operation of the service's own OpenAPI document. */
export interface Operation {
  method: string;
  /** As the document writes it: `/orders/{id}`. */
  route: string;
  /** `METHOD /route`. */
  name: string;
  /** It answers without a key. */
  isPublic: boolean;
  /** The document says which key it wants. */
  isSecured: boolean;
  parameters: readonly Parameter[];
  /** A body that is accepted: of the configured write its own, else the document's example. */
  example: Record<string, unknown> | undefined;
  isWrite: boolean;
  described: Described;
}

/** What the document says, and a judge of values by its schemas. */
export interface ApiDocument {
  operations: readonly Operation[];
  /** Whether a JSON body is one that the operation takes; undefined where the document has no schema of it. */
  takes(operation: Operation, body: unknown): boolean | undefined;
  /** Whether a query's or header's text is one that the parameter takes; undefined where the document has no schema of it. */
  takesText(operation: Operation, parameter: Parameter, text: string): boolean | undefined;
  /** What is wrong with an answer by the document: nothing, words, or undefined where the document promises no schema. */
  faultsOf(operation: Operation, answer: { status: number; contentType: string; text: string }): string[] | undefined;
}

const methods = new Set(['get', 'post', 'put', 'patch', 'delete']);
const json = 'application/json';
const faultsShown = 3;

/** @throws when the configuration names no document, or it cannot be read. */
export async function readApi({ config, target, signal }: Context): Promise<ApiDocument> {
  const path = config.service.openApi;
  if (path === undefined) throw new Error('preflight.config.ts names no service.openApi');
  const { status, text } = await send(target.url, { method: 'GET', path }, { signal });
  if (status !== 200) throw new Error(`${path} answered ${status}`);
  return apiOf(JSON.parse(text), config);
}

/** Reads a parsed document. */
export async function apiOf(
  document: { paths?: Record<string, Record<string, Described>> },
  config: Pick<Config, 'service' | 'write'>,
): Promise<ApiDocument> {
  const { Ajv2020 } = await import('ajv/dist/2020.js');
  // Formats only annotate: what a service refuses, its patterns say.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false });
  ajv.addSchema({ ...document, $id: 'api' });
  const compiled = new Map<string, ValidateFunction>();
  const validator = (...steps: string[]) => {
    const pointer = steps.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: `api#/${pointer}` });
    compiled.set(pointer, known);
    return known;
  };
  const at = ({ route, method }: Operation) => ['paths', route, method.toLowerCase()];
  return {
    operations: operationsOf(document.paths ?? {}, config),
    takes(operation, body) {
      if (!operation.described.requestBody?.content?.[json]?.schema) return undefined;
      return validator(...at(operation), 'requestBody', 'content', json, 'schema')(body);
    },
    takesText(operation, parameter, text) {
      if (!parameter.schema) return undefined;
      const index = String(operation.parameters.indexOf(parameter));
      const isWhole = parameter.schema.type === 'integer' && /^-?\d{1,15}$/.test(text);
      return validator(...at(operation), 'parameters', index, 'schema')(isWhole ? Number(text) : text);
    },
    faultsOf(operation, { status, contentType, text }) {
      const responses = operation.described.responses ?? {};
      const key = String(status) in responses ? String(status) : 'default';
      const promised = responses[key];
      if (!promised) return [`the status ${status} is not among those that the document names`];
      const media = Object.entries(promised.content ?? {});
      if (media.length === 0) return undefined;
      const type = contentType.split(';')[0]?.trim() ?? '';
      const [name, { schema } = {}] = media.find(([each]) => each === type) ?? [];
      if (name === undefined)
        return [`its content type is ${type || 'absent'}, and the document says ${media[0]?.[0]}`];
      if (!schema || !/\bjson$/.test(name)) return undefined;
      return schemaFaults(validator(...at(operation), 'responses', key, 'content', name, 'schema'), text);
    },
  };
}

function schemaFaults(validate: ValidateFunction, text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return ['it is no JSON'];
  }
  if (validate(value)) return [];
  const faults = validate.errors ?? [];
  return faults.slice(0, faultsShown).map(({ instancePath, message }) => `${instancePath || 'it'} ${message}`);
}

function operationsOf(
  paths: Record<string, Record<string, Described>>,
  config: Pick<Config, 'service' | 'write'>,
): Operation[] {
  const write = config.write ? partOf(config, 'write').request : undefined;
  return Object.entries(paths).flatMap(([route, described]) =>
    Object.entries(described)
      .filter(([method]) => methods.has(method))
      .map(([lower, operation]): Operation => {
        const method = lower.toUpperCase();
        const isWrite = write?.method === method && write.path === route;
        const example = operation.requestBody?.content?.[json]?.example;
        return {
          ...{ method, route, isWrite, described: operation },
          name: `${method} ${route}`,
          isPublic: config.service.publicRoutes.includes(`${method} ${route}`),
          isSecured: (operation.security ?? []).length > 0,
          parameters: operation.parameters ?? [],
          example: isWrite ? write.body : isRecord(example) ? example : undefined,
        };
      }),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
