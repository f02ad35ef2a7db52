import * as z from 'zod';
import {
  ACTIVITY_PAGE_DEFAULT,
  ACTIVITY_PAGE_MAX,
  type ActivityPage,
  type ListActivityQuery,
} from '../orders/list-activity.ts';
import { pageLimit, uuid } from './input.ts';
import { readAccountOf } from './principal.ts';
import { type Route, route } from './route.ts';

export interface ActivityDeps {
  readonly listActivity: (query: ListActivityQuery) => Promise<ActivityPage>;
}

const activity = z.strictObject({
  id: z.string().meta({ description: 'The same in a webhook: what comes twice counts once.' }),
  type: z.string(),
  orderId: z.string(),
  at: z.string(),
  data: z.record(z.string(), z.unknown()),
  webhook: z
    .enum(['PENDING', 'DELIVERED', 'DEAD'])
    .nullable()
    .meta({ description: 'What became of telling the webhook; null where none was configured. DEAD: given up.' }),
});
const query = z.strictObject({
  accountId: uuid.optional().meta({ description: 'For operators and admins: whose activity.' }),
  cursor: z.string().max(200).optional(),
  limit: pageLimit(ACTIVITY_PAGE_DEFAULT, ACTIVITY_PAGE_MAX),
});

/** What happened to an account's orders. */
export function activityRoutes(deps: ActivityDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/activity',
      summary: "What happened to the account's orders, newest first, a page at a time.",
      access: ['viewer', 'trader', 'operator', 'admin'],
      query,
      responses: {
        200: {
          description: 'A page; nextCursor is null on the last.',
          schema: z.strictObject({ activity: z.array(activity), nextCursor: z.string().nullable() }),
        },
      },
      handler: async ({ query: { accountId, ...page }, principal }) => ({
        status: 200,
        body: await deps.listActivity({ ...page, accountId: readAccountOf(principal, accountId) }),
      }),
    }),
  ];
}
