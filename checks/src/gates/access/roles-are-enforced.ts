import { randomUUID } from 'node:crypto';
import { type Config, partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { send } from '../../io/http.ts';
import { filled } from '../http/support/hostile.ts';
import { type Operation, readApi } from '../http/support/operations.ts';
import { sideBySide } from '../http/support/side-by-side.ts';

interface Tried {
  role: string;
  operation: string;
  /** The configuration says that this role may do it. */
  may: boolean;
  status: number;
}

interface Facts {
  tried: Tried[];
  /** What the configuration lets a role do, and no operation of the document is. */
  unknown: string[];
}

const atOnce = 8;
/** What somebody hears who may not. https://www.rfc-editor.org/rfc/rfc9110#name-403-forbidden */
const refusals = new Set([401, 403]);

export default defineGate<Facts>({
  id: 'access/roles-are-enforced',
  severity: 'blocker',
  profile: 'commit',
  unwaivable: true,
  needs: ['service', 'config:roles', 'config:write'],
  covers: ['access.roles'],
  unit: 'attempts of a role',
  why: 'A key that may do more than its role says is worth stealing, and one forgotten route gives it to everybody with a reader’s key.',
  fix: 'Name the roles that may use a route where the route is made, and refuse all others before the body is read.',
  source: 'https://owasp.org/API-Security/editions/2023/en/0xa5-broken-function-level-authorization/',

  async observe(context) {
    const roles = partOf(context.config, 'roles');
    const operations = (await readApi(context)).operations.filter(({ isPublic }) => !isPublic);
    const attempts = Object.entries(roles).flatMap(([role, may]) =>
      operations.map((operation) => ({
        role,
        operation,
        allowed: may.find((each) => routeOf(each) === operation.name),
      })),
    );
    const statuses = await sideBySide(attempts, atOnce, (each) => statusOf(context, each));
    const tried = attempts.map(({ role, operation, allowed }, index) => ({
      ...{ role, operation: operation.name, may: allowed !== undefined, status: statuses[index] ?? 0 },
    }));
    const names = new Set(operations.map(({ name }) => name));
    const unknown = [...new Set(Object.values(roles).flat().map(routeOf))].filter((route) => !names.has(route));
    return { examined: tried.length, facts: { tried, unknown } };
  },

  judge: ({ tried, unknown }) => [
    ...tried.flatMap(judgeTried),
    ...unknown.map((route) => ({
      message: `roles in preflight.config.ts name ${route}, which the OpenAPI document does not have`,
      identity: route,
      fix: 'Name the route as the document does, or take it out.',
    })),
  ],

  samples: {
    good: [facts({}), facts({ may: false, status: 403 })],
    bad: [
      facts({ may: false, status: 200 }),
      facts({ may: false, status: 404 }),
      facts({ status: 403 }),
      { ...facts({}), unknown: ['GET /x'] },
    ],
  },

  /** The way in forgets who came: every key counts as that of the role that may do most. */
  async sabotage(sandbox) {
    const [strongest = ''] = Object.entries(partOf(sandbox.config, 'roles'))
      .toSorted(([, one], [, other]) => other.length - one.length)
      .map(([role]) => sandbox.credentials.roles?.[role] ?? '');
    return sandbox.intercept((request, forward) =>
      forward(
        request.headers.authorization === undefined
          ? request
          : { ...request, headers: { ...request.headers, authorization: `Bearer ${strongest}` } },
      ),
    );
  },
});

/** `GET /orders?account=…` → `GET /orders`. */
function routeOf(allowed: string): string {
  return allowed.split('?')[0] ?? allowed;
}

interface Attempt {
  role: string;
  operation: Operation;
  /** As the configuration writes it, where it lets the role do it. */
  allowed: string | undefined;
}

/** With a body that no operation takes and an id that nobody was given: what is let through changes nothing. */
async function statusOf(context: Context, { role, operation, allowed }: Attempt): Promise<number> {
  const { config, target, signal } = context;
  const key = target.credentials.roles?.[role];
  if (key === undefined)
    throw new Error(`database.credentials in preflight.config.ts gives no key of the role ${role}`);
  const { method, route } = operation;
  const path = filled(route) + queryOf(allowed, target.credentials.limited?.account ?? '');
  const request = { method, path, ...(method === 'GET' ? {} : { text: '[]' }) };
  return (await send(target.url, request, { key, signal, headers: idempotency(config) })).status;
}

function queryOf(allowed: string | undefined, account: string): string {
  const [, query] = allowed?.split('?') ?? [];
  return query === undefined ? '' : `?${query.replace('{account}', account)}`;
}

function idempotency(config: Pick<Config, 'write'>): Record<string, string> {
  return { [partOf(config, 'write').idempotencyHeader]: randomUUID() };
}

function judgeTried({ role, operation, may, status }: Tried): Finding[] {
  const refused = refusals.has(status);
  if (may !== refused) return [];
  const message = may
    ? `${operation} refuses the role ${role} with ${status}, which may do it`
    : `${operation} answers ${status} to the role ${role}, which may not do it`;
  return [{ message, identity: `${role} ${operation}` }];
}

function facts(change: Partial<Tried>): Facts {
  return { tried: [{ role: 'viewer', operation: 'GET /orders', may: true, status: 200, ...change }], unknown: [] };
}
