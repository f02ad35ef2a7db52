import { STATUS_CODES } from 'node:http';
import * as z from 'zod';
import { PROBLEM_MEANINGS, type ProblemCode, STATUS_OF } from './errors.ts';
import { exampleOf, exampleOfRequest, type Schema } from './examples.ts';
import type { Access } from './principal.ts';
import { PROBLEM_CONTENT_TYPE } from './problem.ts';
import type { ResponseSpec, Route } from './route.ts';

/** A part of the document. */
export type Json = Schema;

const codes = Object.keys(PROBLEM_MEANINGS) as ProblemCode[];

/** The shape of every error. */
const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(codes),
  detail: z.string(),
  instance: z.string().meta({ description: 'The request id, as in X-Request-Id and in the log.' }),
  errors: z
    .array(z.object({ in: z.enum(['path', 'query', 'body']), field: z.string(), message: z.string() }))
    .optional(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
});

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' });
  return json;
}

/** Express's `:id` as OpenAPI's `{id}`. */
export function openApiPath(path: string): string {
  return path.replaceAll(/:([A-Za-z]+)/g, '{$1}');
}

function parameters(schema: z.ZodType | undefined, where: 'path' | 'query'): readonly Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Readonly<Record<string, Json>>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
    example: exampleOf(property, name),
  }));
}

const idempotencyKey: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: true,
  description: 'Makes repeating the request safe: the same key and payload give the first reply again.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]{1,255}$' },
  example: 'desk-7-2026-11-20-000123',
};

/** Which errors a route can answer with, beyond those that its own responses name. */
function errorStatuses(each: Route): readonly number[] {
  const guarded = each.access === 'public' ? [429] : [401, 403, 429, 503];
  const parsed = each.body === undefined ? [] : [413, 415];
  const checked = each.body === undefined && each.query === undefined && each.params === undefined ? [] : [400];
  return [...new Set([...checked, ...guarded, ...parsed, 500])];
}

function meaningOf(status: number): string {
  const matching = codes.filter((code) => STATUS_OF[code] === status);
  return matching.map((code) => `${code}: ${PROBLEM_MEANINGS[code]}`).join(' ');
}

/** The first error of a status, as it would be sent. */
function problemContent(status: number): Json {
  const code = codes.find((candidate) => STATUS_OF[candidate] === status) ?? 'internal';
  const example = {
    type: `urn:order-service:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail: PROBLEM_MEANINGS[code],
    instance: '0199f1a2b3c4',
  };
  return { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' }, example } };
}

function content({ schema, contentType = 'application/json' }: ResponseSpec, status: number): Json {
  if (schema === undefined) return problemContent(status);
  const json = schemaOf(schema, 'output');
  return { [contentType]: { schema: json, example: exampleOf(json) } };
}

function responses(each: Route): Json {
  const errors = errorStatuses(each).map((status) => [
    status,
    { description: meaningOf(status), content: problemContent(status) },
  ]);
  const own = Object.entries(each.responses).map(([status, spec]) => [
    status,
    { description: spec.description, content: content(spec, Number(status)) },
  ]);
  return Object.fromEntries([...errors, ...own]);
}

function requestBody({ body, example }: Route): Json {
  if (body === undefined) return {};
  const schema = schemaOf(body, 'input');
  const media = { schema, example: example ?? exampleOfRequest(schema) };
  return { requestBody: { required: true, content: { 'application/json': media } } };
}

function security(access: Access): readonly Json[] {
  if (access === 'public') return [];
  return access === 'order-processor' ? [{ processorKey: [] }] : [{ apiKey: [...access] }];
}

function operation(each: Route): Json {
  const headers = each.idempotent === true ? [idempotencyKey] : [];
  return {
    summary: each.summary,
    operationId: `${each.method.toLowerCase()}${each.path.replaceAll(/[^A-Za-z0-9]+/g, '_')}`,
    security: security(each.access),
    parameters: [...parameters(each.params, 'path'), ...parameters(each.query, 'query'), ...headers],
    ...requestBody(each),
    responses: responses(each),
  };
}

/** The OpenAPI 3.1 document of these routes. */
export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const each of routes) {
    const path = openApiPath(each.path);
    paths[path] = { ...paths[path], [each.method.toLowerCase()]: operation(each) };
  }
  const bearer = { type: 'http', scheme: 'bearer' };
  return {
    openapi: '3.1.1',
    info: { title: 'Order service', version: '0.1.0', description: 'Orders and their limit execution.' },
    paths,
    components: {
      schemas: { Problem: schemaOf(problem, 'output') },
      securitySchemes: {
        apiKey: { ...bearer, description: 'An API key; the scopes name the roles that may use the operation.' },
        processorKey: { ...bearer, description: 'ORDER_PROCESSING_API_KEY.' },
      },
    },
  };
}
