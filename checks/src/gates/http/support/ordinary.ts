import { randomUUID } from 'node:crypto';
import { partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { type HttpRequest, send } from '../../../io/http.ts';
import { filled } from './hostile.ts';
import type { ApiDocument, Operation } from './operations.ts';
import { sideBySide } from './side-by-side.ts';

/** An answer to something that a client sends on a usual day: right, or wrong in a usual way. */
export interface Seen {
  /** Absent: the document has no such operation. */
  operation: Operation | undefined;
  /** `GET /orders with a writer's key`. */
  what: string;
  withKey: boolean;
  status: number;
  contentType: string;
  cacheControl: string | null;
  text: string;
}

interface Planned extends Pick<Seen, 'operation' | 'what'> {
  request: HttpRequest;
  key?: string;
  headers?: Record<string, string>;
}

/** The part of a context that these requests are sent with. */
type Asker = Pick<Context, 'config' | 'signal'> & { target: Pick<Context['target'], 'url' | 'credentials'> };

const atOnce = 8;

/**
 * Asks every operation of the document: without a key, with a writer's and with the operator's; with the id of what was
 * written just before and with one that nobody was given; and what no operation answers. Beside the configured write, bodies
 * are of a kind that must be refused, so that nothing changes. `afterWrite` is called between the first write and the rest.
 * @throws when the configured write is not accepted.
 */
export async function ordinaryAnswers(
  context: Asker,
  api: ApiDocument,
  afterWrite: () => void = () => undefined,
): Promise<Seen[]> {
  const { writers, operator } = context.target.credentials;
  const keys = { "with a writer's key": writers[0] ?? '', "with the operator's key": operator };
  const id = await writtenId(context);
  afterWrite();
  const planned = api.operations.flatMap((operation) => [
    { ...to(context, operation, id), operation, what: 'without a key' },
    ...Object.entries(keys).flatMap(([what, key]) => [
      { ...to(context, operation, id), operation, key, what },
      ...(filled(operation.route) === operation.route
        ? []
        : [{ ...to(context, operation, undefined), operation, key, what: `for nobody's id ${what}` }]),
    ]),
  ]);
  const [key] = writers;
  const odd = oddRequests(context).map((each) => ({ ...each, ...(key === undefined ? {} : { key }) }));
  return sideBySide<Planned, Seen>([...planned, ...odd], atOnce, (each) => ask(context, each));
}

async function ask({ target, signal }: Asker, planned: Planned): Promise<Seen> {
  const { request, key, headers = {}, operation, what } = planned;
  const options = { headers, signal, ...(key === undefined ? {} : { key }) };
  const answer = await send(target.url, request, options);
  return {
    operation,
    what: operation ? `${operation.name} ${what}` : what,
    withKey: key !== undefined && !operation?.isPublic,
    status: answer.status,
    contentType: answer.headers.get('content-type') ?? '',
    cacheControl: answer.headers.get('cache-control'),
    text: answer.text,
  };
}

function to(
  context: Pick<Context, 'config'>,
  operation: Operation,
  id: string | undefined,
): Pick<Planned, 'request' | 'headers'> {
  const { request, idempotencyHeader } = partOf(context.config, 'write');
  const { method, route } = operation;
  if (operation.isWrite) return { request, headers: { [idempotencyHeader]: randomUUID() } };
  const path = filled(id === undefined ? route : route.replace(/\{\w+\}/, id));
  // A list is what no operation takes as its body.
  return { request: { method, path, ...(method === 'GET' ? {} : { text: '[]' }) } };
}

/** What goes past every operation: an unknown path, another method, a body that cannot be read, one that is too large. */
function oddRequests(context: Pick<Context, 'config'>): Omit<Planned, 'key'>[] {
  const { request, idempotencyHeader } = partOf(context.config, 'write');
  const headers = { [idempotencyHeader]: randomUUID() };
  const text = JSON.stringify(request.body ?? {});
  const each = (what: string, change: Partial<HttpRequest>, more: Record<string, string> = {}) => ({
    ...{ operation: undefined, what, headers: { ...headers, ...more } },
    request: { method: request.method, path: request.path, ...change },
  });
  return [
    each('an unknown path', { method: 'GET', path: '/preflight/nothing/here' }),
    each('a path that is no text', { method: 'GET', path: '/%c0%ae%c0%ae' }),
    each("another method on the write's path", { method: 'DELETE' }),
    each('a body that is no JSON', { text: '{"a":' }),
    each('a body of another type', { text }, { 'content-type': 'text/plain' }),
    each('a body in another charset', { text }, { 'content-type': 'application/json; charset=utf-7' }),
    each('a body that says it is compressed', { text }, { 'content-encoding': 'gzip' }),
    each('a body of 3 MB', { text: JSON.stringify({ a: 'x'.repeat(3_000_000) }) }),
  ];
}

async function writtenId({ config, target, signal }: Asker): Promise<string> {
  const { request, idempotencyHeader, acceptedStatus, idField } = partOf(config, 'write');
  const key = target.credentials.writers[0] ?? '';
  const headers = { [idempotencyHeader]: randomUUID() };
  const { status, text } = await send(target.url, request, { key, headers, signal });
  if (status !== acceptedStatus) throw new Error(`${request.method} ${request.path} answered ${status}`);
  return String((JSON.parse(text) as Record<string, unknown>)[idField]);
}
