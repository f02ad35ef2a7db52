import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { lastLines } from '../../io/exec.ts';
import { send } from '../../io/http.ts';

interface Route {
  method: string;
  path: string;
}

interface Answer {
  route: string;
  /** What was sent as a key. */
  key: 'none' | 'wrong' | 'malformed';
  status: number;
}

interface Facts {
  answers: Answer[];
  publicRoutes: string[];
  /** In the live router, and not in the OpenAPI document. */
  undocumented: string[];
  /** Mounted so that its routes cannot be listed, and therefore were not asked. */
  unlistable: string[];
}

const methods = new Set(['get', 'post', 'put', 'patch', 'delete', 'head', 'options']);
/** What a service may say to somebody whom it does not know. https://www.rfc-editor.org/rfc/rfc9110#name-401-unauthorized */
const refusals = new Set([401, 403]);

export default defineGate<Facts>({
  id: 'http/every-endpoint-needs-a-key',
  severity: 'blocker',
  profile: 'commit',
  unwaivable: true,
  needs: ['service'],
  covers: ['access.every-endpoint', 'access.processor-endpoint', 'documentation.api'],
  unit: 'requests',
  why: 'One forgotten route is enough: whoever finds it trades, or reads what others trade.',
  fix: 'Mount the route behind the authentication, or name it in service.publicRoutes and have that reviewed.',
  source: 'https://owasp.org/API-Security/editions/2023/en/0xa2-broken-authentication/',

  async observe(context) {
    const { target, config, signal } = context;
    const documented = await documentedRoutes(context);
    const live = await liveRoutes(context);
    const listable = live.filter(({ method }) => method !== 'USE');
    const all = new Map([...documented, ...listable].map((route) => [nameOf(route), route]));
    const answers: Answer[] = [];
    for (const [name, route] of all) {
      if (config.service.publicRoutes.includes(name)) continue;
      for (const [key, headers] of attempts) {
        const { status } = await send(target.url, { ...route, path: fill(route.path) }, { headers, signal });
        answers.push({ route: name, key, status });
      }
    }
    const known = new Set(documented.map(nameOf));
    const undocumented = documented.length === 0 ? [] : listable.map(nameOf).filter((name) => !known.has(name));
    const unlistable = live.filter(({ method }) => method === 'USE').map(({ path }) => path);
    return {
      examined: answers.length,
      facts: { answers, publicRoutes: config.service.publicRoutes, undocumented, unlistable },
    };
  },

  judge: ({ answers, undocumented, unlistable }) => [
    ...answers.filter(({ status }) => !refusals.has(status)).map(openDoor),
    ...undocumented.map((route) => ({
      message: `${route} is served and is not in the OpenAPI document`,
      identity: route,
      fix: 'Describe the route where the document is made from, or remove it.',
    })),
    ...unlistable.map((path) => ({
      message: `what is mounted at ${path} cannot be listed, so its routes were not asked`,
      identity: path,
      fix: 'Mount each route by its full path.',
    })),
  ],

  samples: {
    good: [facts({})],
    bad: [
      facts({ answers: [{ route: 'GET /orders', key: 'none', status: 200 }] }),
      facts({ answers: [{ route: 'GET /orders', key: 'wrong', status: 404 }] }),
      facts({ undocumented: ['GET /debug'] }),
      facts({ unlistable: ['/admin'] }),
    ],
  },

  /** One route forgets to ask: the proxy gives a valid key to whoever comes without one. */
  async sabotage(sandbox) {
    const [writer = ''] = sandbox.credentials.writers;
    let forgotten: string | undefined;
    return sandbox.intercept((request, forward) => {
      const anonymous = request.headers.authorization === undefined;
      const isPublic = sandbox.config.service.publicRoutes.includes(`${request.method} ${request.path}`);
      if (anonymous && !isPublic && request.method === 'GET') forgotten ??= request.path;
      const lets = anonymous && request.path === forgotten;
      return forward(
        lets ? { ...request, headers: { ...request.headers, authorization: `Bearer ${writer}` } } : request,
      );
    });
  },
});

const attempts: [Answer['key'], Record<string, string>][] = [
  ['none', {}],
  ['wrong', { authorization: `Bearer ${'A'.repeat(43)}` }],
  ['malformed', { authorization: 'Basic Og==' }],
];

function openDoor({ route, key, status }: Answer): Finding {
  const came = { none: 'without a key', wrong: 'with a key that does not exist', malformed: 'with a malformed key' }[
    key
  ];
  return { message: `${route} answered ${status} to a request ${came}`, identity: `${route} ${key}` };
}

async function documentedRoutes({ config, target, signal }: Context): Promise<Route[]> {
  if (config.service.openApi === undefined) return [];
  const { status, text } = await send(target.url, { method: 'GET', path: config.service.openApi }, { signal });
  if (status !== 200) throw new Error(`${config.service.openApi} answered ${status}`);
  const { paths = {} } = JSON.parse(text) as { paths?: Record<string, Record<string, unknown>> };
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      .filter((method) => methods.has(method))
      .map((method) => ({ method: method.toUpperCase(), path })),
  );
}

/** The router as it runs knows the routes that nobody documented. */
async function liveRoutes({ config, exec }: Context): Promise<Route[]> {
  const [program, ...args] = config.service.printRoutes ?? [];
  if (program === undefined) return [];
  const result = await exec(program, args);
  if (result.code !== 0)
    throw new Error(`${[program, ...args].join(' ')} ended with ${result.code}: ${lastLines(result)}`);
  const routes = JSON.parse(result.stdout) as Route[];
  return routes.map(({ method, path }) => ({ method: method.toUpperCase(), path: path.replace(/:(\w+)/g, '{$1}') }));
}

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

/** Any value will do: who has no key must not learn whether it exists. */
function fill(path: string): string {
  return path.replace(/\{\w+\}/g, '00000000-0000-7000-8000-000000000000');
}

function facts(change: Partial<Facts>): Facts {
  const answers: Answer[] = [{ route: 'GET /orders', key: 'none', status: 401 }];
  return { answers, publicRoutes: ['GET /health'], undocumented: [], unlistable: [], ...change };
}
