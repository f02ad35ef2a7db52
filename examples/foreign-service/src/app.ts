import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import type pg from 'pg';
import { type Account, createTodo, findAccount, findTodo, listTodos, setReadOnly } from './todos.ts';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** It may answer whoever asks. */
  readonly open?: boolean;
  /** JSON Schema of the answer to who does it right. */
  readonly answers?: object;
  readonly handle: (request: Request, account: Account) => Promise<{ status: number; body: unknown }>;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const bodyLimit = '10kb';
const todo = fields({ id: { type: 'string' }, title: { type: 'string' }, status: { type: 'string' } });

export function routesOf(pool: pg.Pool): Route[] {
  const routes: Route[] = [
    { method: 'GET', path: '/live', open: true, handle: async () => ({ status: 200, body: { status: 'live' } }) },
    { method: 'GET', path: '/ready', open: true, handle: () => ready(pool) },
    {
      ...{ method: 'GET', path: '/openapi.json', open: true },
      handle: async () => ({ status: 200, body: openApi(routes) }),
    },
    { method: 'POST', path: '/todos', answers: todo, handle: (request, account) => create(pool, request, account) },
    {
      ...{ method: 'GET', path: '/todos', answers: fields({ todos: { type: 'array', items: todo } }) },
      handle: async (_, account) => ({ status: 200, body: { todos: await listTodos(pool, account) } }),
    },
    { method: 'GET', path: '/todos/{id}', answers: todo, handle: (request, account) => read(pool, request, account) },
    { method: 'PUT', path: '/read-only', handle: (request, account) => turn(pool, request, account) },
  ];
  return routes;
}

async function ready(pool: pg.Pool) {
  try {
    await pool.query('SELECT 1');
    return { status: 200, body: { status: 'ready' } };
  } catch {
    return { status: 503, body: { status: 'the database does not answer' } };
  }
}

async function create(pool: pg.Pool, request: Request, account: Account) {
  const key = request.get('idempotency-key') ?? '';
  const title: unknown = (request.body as { title?: unknown } | undefined)?.title;
  if (key === '' || key.length > 200) return problem(400, 'an Idempotency-Key is wanted');
  // PostgreSQL stores no NUL in a text.
  if (typeof title !== 'string' || title === '' || title.length > 200 || title.includes('\0'))
    return problem(400, 'a title is wanted');
  const created = await createTodo(pool, account, key, title);
  if (created.kind === 'read-only') return problem(409, 'the service is read-only');
  if (created.kind === 'another-request') return problem(422, 'this Idempotency-Key came with another request');
  return { status: 201, body: created.todo };
}

async function read(pool: pg.Pool, request: Request, account: Account) {
  const id = String(request.params.id);
  const todo = uuid.test(id) ? await findTodo(pool, account, id) : undefined;
  return todo ? { status: 200, body: todo } : problem(404, 'there is no such to-do');
}

async function turn(pool: pg.Pool, request: Request, account: Account) {
  const on: unknown = (request.body as { on?: unknown } | undefined)?.on;
  if (account.role !== 'operator') return problem(403, 'an operator may do that');
  if (typeof on !== 'boolean') return problem(400, '`on` is true or false');
  await setReadOnly(pool, on);
  return { status: 200, body: { on } };
}

function problem(status: number, error: string) {
  return { status, body: { error } };
}

function openApi(routes: readonly Route[]) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: described(route) };
  const securitySchemes = { key: { type: 'http', scheme: 'bearer' } };
  return { openapi: '3.1.0', info: { title: 'to-dos', version: '1.0.0' }, paths, components: { securitySchemes } };
}

function described({ method, open = false, answers = { type: 'object' } }: Route) {
  const as = (description: string, schema: object) => ({ description, content: { 'application/json': { schema } } });
  const done = method === 'POST' ? 201 : 200;
  const responses = {
    [done]: as('It is done.', answers),
    default: as('Why not.', fields({ error: { type: 'string' } })),
  };
  return { ...(open ? {} : { security: [{ key: [] }] }), responses };
}

/** An object of just these. */
function fields(properties: Record<string, object>) {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

/** One line of JSON for each answer: what was decided, and nothing that was sent. */
export type Log = (fields: Record<string, unknown>) => void;

export function createApp(pool: pg.Pool, log: Log): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(headers, logged(log), express.json({ limit: bodyLimit }));
  for (const route of routesOf(pool)) app.use(mounted(route, pool));
  app.use((_, response) => void response.status(404).json({ error: 'there is nothing here' }));
  app.use(failed(log));
  return app;
}

const headers: RequestHandler = (_, response, next) => {
  response.set({
    'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  });
  next();
};

function logged(log: Log): RequestHandler {
  return (request, response, next) => {
    response.on('finish', () => log({ level: 'info', method: request.method, status: response.statusCode }));
    next();
  };
}

function mounted({ method, path, open = false, handle }: Route, pool: pg.Pool): RequestHandler {
  const router = express.Router();
  const answer: RequestHandler = async (request, response) => {
    const account = open ? { id: '', role: 'nobody' } : await accountOf(pool, request);
    const { status, body } = account ? await handle(request, account) : problem(401, 'a key is wanted');
    response.status(status).json(body);
  };
  router[method.toLowerCase() as 'get' | 'post' | 'put'](path.replace(/\{(\w+)\}/g, ':$1'), answer);
  return router;
}

async function accountOf(pool: pg.Pool, request: Request): Promise<Account | undefined> {
  const key = /^Bearer ([\x21-\x7e]{1,200})$/.exec(request.get('authorization') ?? '')?.[1];
  return key === undefined ? undefined : findAccount(pool, key);
}

/** What a parser refuses carries its status; anything else is ours, and says nothing to the client. */
function failed(log: Log): ErrorRequestHandler {
  return (error: { status?: number; code?: string }, _request, response, next) => {
    if (response.headersSent) return next(error);
    const status = error.status !== undefined && error.status < 500 ? error.status : 500;
    if (status === 500) log({ level: 'error', code: error.code ?? 'unknown' });
    response.status(status).json({ error: status === 500 ? 'it failed here' : 'the request cannot be read' });
  };
}
