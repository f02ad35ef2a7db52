import { randomUUID } from 'node:crypto';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { send } from '../../io/http.ts';

interface Answer {
  status: number;
  /** The body with every id taken out. */
  said: string;
}

interface Facts {
  /** Each route under the write's own path that takes an id, asked by a stranger. */
  routes: { route: string; theirs: Answer; nobodys: Answer }[];
  /** The stranger's own list names it. */
  listed: boolean;
  /** What the owner reads has changed after the stranger had tried everything. */
  changed: boolean;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];
const bodyKept = 500;

export default defineGate<Facts>({
  id: 'access/another-accounts-order-is-not-found',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'config:write'],
  covers: ['access.ownership'],
  unit: 'requests of a stranger',
  why: 'Ids get around, in logs and in tickets. If one is enough, whoever has it reads and cancels what others trade.',
  fix: "Look the order up by its id and the key's account together, and answer 404 as for an id that was never given out.",
  source: 'https://owasp.org/API-Security/editions/2023/en/0xa1-broken-object-level-authorization/',

  async observe(context) {
    const { path } = partOf(context.config, 'write').request;
    const [owner = '', stranger = ''] = context.target.credentials.writers;
    if (stranger === '') throw new Error('the seed printed one writer, and a stranger is needed');
    const id = await makeOne(context, owner);
    const readByOwner = () => send(context.target.url, { method: 'GET', path: `${path}/${id}` }, { key: owner });
    const before = await readByOwner();
    if (before.status !== 200) throw new Error(`its owner was answered ${before.status} when reading what was made`);
    const routes: Facts['routes'] = [];
    for (const { method, route } of await routesWithId(context, path)) {
      const ask = (each: string) => askAs(context, stranger, method, route.replace(/\{\w+\}/, each));
      routes.push({ route: `${method} ${route}`, theirs: await ask(id), nobodys: await ask(randomUUID()) });
    }
    if (routes.length === 0) throw new Error(`the OpenAPI document names no route under ${path} that takes an id`);
    const list = await send(context.target.url, { method: 'GET', path }, { key: stranger });
    const after = await readByOwner();
    const facts = { routes, listed: list.text.includes(id), changed: after.text !== before.text };
    return { examined: routes.length * 2 + 1, facts };
  },

  judge({ routes, listed, changed }) {
    const findings: Finding[] = routes.flatMap(({ route, theirs, nobodys }) => {
      if (theirs.status !== 404)
        return [
          { message: `${route} answered ${theirs.status} to another account's key: 404 is wanted`, identity: route },
        ];
      if (theirs.said === nobodys.said) return [];
      return [
        {
          message: `${route} tells another account that the id exists: it says something else of an unknown one`,
          identity: route,
        },
      ];
    });
    if (listed) findings.push({ message: "another account's list names it" });
    if (changed) findings.push({ message: 'it has changed after another account had tried' });
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ routes: [{ route: 'GET /orders/{id}', theirs: said(200), nobodys: said(404) }] }),
      facts({ routes: [{ route: 'GET /orders/{id}', theirs: said(403), nobodys: said(404) }] }),
      facts({ routes: [{ route: 'GET /orders/{id}', theirs: said(404, 'not yours'), nobodys: said(404) }] }),
      facts({ listed: true }),
      facts({ changed: true }),
    ],
  },

  /** The lookup goes by the id alone: whoever names it is taken for its owner. */
  async sabotage(sandbox) {
    const { path } = partOf(sandbox.config, 'write').request;
    const [owner = ''] = sandbox.credentials.writers;
    return sandbox.intercept((request, forward) => {
      if (!request.path.startsWith(`${path}/`)) return forward(request);
      return forward({ ...request, headers: { ...request.headers, authorization: `Bearer ${owner}` } });
    });
  },
});

async function makeOne({ config, target, signal }: Context, key: string): Promise<string> {
  const { request, idempotencyHeader, acceptedStatus, idField } = partOf(config, 'write');
  const headers = { [idempotencyHeader]: randomUUID() };
  const { status, text } = await send(target.url, request, { key, headers, signal });
  if (status !== acceptedStatus) throw new Error(`the write was answered ${status}, not ${acceptedStatus}`);
  return String((JSON.parse(text) as Record<string, unknown>)[idField]);
}

async function routesWithId({ config, target, signal }: Context, under: string) {
  const { openApi } = config.service;
  if (openApi === undefined) throw new Error('preflight.config.ts names no service.openApi to read the routes from');
  const { status, text } = await send(target.url, { method: 'GET', path: openApi }, { signal });
  if (status !== 200) throw new Error(`${openApi} answered ${status}`);
  const { paths = {} } = JSON.parse(text) as { paths?: Record<string, Record<string, unknown>> };
  return Object.entries(paths)
    .filter(([route]) => route.startsWith(`${under}/{`))
    .flatMap(([route, operations]) =>
      methods.filter((method) => method in operations).map((method) => ({ method: method.toUpperCase(), route })),
    );
}

async function askAs({ config, target, signal }: Context, key: string, method: string, path: string): Promise<Answer> {
  const headers = { [partOf(config, 'write').idempotencyHeader]: randomUUID() };
  const body = method === 'GET' ? undefined : {};
  const { status, text } = await send(target.url, { method, path, body }, { key, headers, signal });
  return { status, said: text.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '*').slice(0, bodyKept) };
}

function said(status: number, text = 'not found'): Answer {
  return { status, said: text };
}

function facts(change: Partial<Facts>): Facts {
  const routes = [{ route: 'GET /orders/{id}', theirs: said(404), nobodys: said(404) }];
  return { routes, listed: false, changed: false, ...change };
}
