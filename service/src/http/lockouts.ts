import * as z from 'zod';
import { LOCKOUT_PAGE_DEFAULT, LOCKOUT_PAGE_MAX, type LockoutPage } from '../access/lockouts.ts';
import { nameOf } from './principal.ts';
import { type Route, route } from './route.ts';

export interface LockoutsDeps {
  readonly listLockouts: (query: {
    readonly cursor?: string | undefined;
    readonly limit: number;
  }) => Promise<LockoutPage>;
  readonly clearLockout: (address: string, by: string) => Promise<number>;
}

const PATH = '/api/v1/access/lockouts';
const lockout = z.strictObject({
  id: z.string(),
  address: z.string(),
  prefix: z.string().nullable().meta({ description: 'Null when the whole address is locked out.' }),
  failures: z.int(),
  lastFailureAt: z.string(),
  lockedUntil: z.string(),
});
const listQuery = z.strictObject({
  cursor: z.string().max(200).optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(LOCKOUT_PAGE_MAX)
    .default(LOCKOUT_PAGE_DEFAULT)
    .meta({ type: 'integer', minimum: 1, maximum: LOCKOUT_PAGE_MAX }),
});

/** Who is locked out, and letting them in again. */
export function lockoutRoutes(deps: LockoutsDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      summary: 'Lockouts that stand, newest first, a page at a time.',
      access: ['operator', 'admin'],
      query: listQuery,
      responses: {
        200: {
          description: 'A page; nextCursor is null on the last.',
          schema: z.strictObject({ lockouts: z.array(lockout), nextCursor: z.string().nullable() }),
        },
      },
      handler: async ({ query }) => ({ status: 200, body: await deps.listLockouts(query) }),
    }),
    route({
      method: 'POST',
      path: `${PATH}/clear`,
      summary: 'Lets an address in again and forgets its failures; recorded with who did it.',
      access: ['operator', 'admin'],
      body: z.strictObject({
        address: z.string().max(64).meta({ description: 'An IPv4 or IPv6 address; the latter stands for its /56.' }),
      }),
      responses: {
        200: { description: 'How many lockouts stood.', schema: z.strictObject({ cleared: z.int() }) },
      },
      handler: async ({ body, principal, log }) => {
        const cleared = await deps.clearLockout(body.address, nameOf(principal));
        log.warn({ address: body.address, cleared, by: nameOf(principal) }, 'Lockouts cleared');
        return { status: 200, body: { cleared } };
      },
    }),
  ];
}
