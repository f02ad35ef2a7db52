import * as z from 'zod';
import { STRATEGY_STATUSES, type Strategy, type StrategyStatus } from '../domain/strategy.ts';
import { STRATEGY_PAGE_DEFAULT, STRATEGY_PAGE_MAX, type StrategyPage } from '../orders/strategies.ts';
import { uuid } from './input.ts';
import { accountOf, nameOf, type Principal, readAccountOf, readScopeOf } from './principal.ts';
import { type Route, route } from './route.ts';

export interface StrategiesDeps {
  readonly listStrategies: (query: {
    accountId: string | null;
    cursor?: string | undefined;
    limit: number;
  }) => Promise<StrategyPage>;
  readonly changeStrategy: (
    strategy: { id: string; accountId: string | null },
    status: StrategyStatus,
    by: string,
  ) => Promise<Strategy>;
}

const PATH = '/api/v1/strategies';
const strategy = z.strictObject({
  id: z.string(),
  accountId: z.string(),
  name: z.string(),
  status: z.enum(STRATEGY_STATUSES),
  statusReason: z.string(),
  statusChangedAt: z.string(),
  createdAt: z.string(),
});
const listQuery = z.strictObject({
  accountId: uuid.optional().meta({ description: 'For operators and admins. Without it they see all accounts.' }),
  cursor: z.string().max(200).optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(STRATEGY_PAGE_MAX)
    .default(STRATEGY_PAGE_DEFAULT)
    .meta({ type: 'integer', minimum: 1, maximum: STRATEGY_PAGE_MAX }),
});

/** Null: every account's. */
function listed(principal: Principal, named: string | undefined): string | null {
  return named === undefined && readScopeOf(principal) === 'all-accounts' ? null : readAccountOf(principal, named);
}

/** Traders change their own account's strategies, operators and admins every account's. */
function changeable(principal: Principal): string | null {
  return readScopeOf(principal) === 'all-accounts' ? null : accountOf(principal);
}

function changeRoute(deps: StrategiesDeps, verb: 'start' | 'stop', status: StrategyStatus, summary: string): Route {
  return route({
    method: 'POST',
    path: `${PATH}/:id/${verb}`,
    summary,
    access: ['trader', 'operator', 'admin'],
    params: z.strictObject({ id: z.string() }),
    responses: {
      200: { description: 'The strategy as it stands now.', schema: strategy },
      404: { description: 'The account has no such strategy.' },
      ...(verb === 'start' ? { 409: { description: 'The kill switch is engaged.' } } : {}),
    },
    handler: async ({ params, principal, log }) => {
      const by = nameOf(principal);
      const changed = await deps.changeStrategy({ id: params.id, accountId: changeable(principal) }, status, by);
      log.info({ strategyId: changed.id, accountId: changed.accountId, status, by }, 'Strategy changed');
      return { status: 200, body: changed };
    },
  });
}

/** Automated strategies: which there are, which run, and starting and stopping them. */
export function strategyRoutes(deps: StrategiesDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      summary: "The account's strategies, oldest first, a page at a time.",
      access: ['viewer', 'trader', 'operator', 'admin'],
      query: listQuery,
      responses: {
        200: {
          description: 'A page; nextCursor is null on the last.',
          schema: z.strictObject({ strategies: z.array(strategy), nextCursor: z.string().nullable() }),
        },
      },
      handler: async ({ query, principal }) => {
        const { accountId, ...page } = query;
        return { status: 200, body: await deps.listStrategies({ ...page, accountId: listed(principal, accountId) }) };
      },
    }),
    changeRoute(deps, 'start', 'RUNNING', 'Starts a strategy; refused while the kill switch is engaged.'),
    changeRoute(deps, 'stop', 'STOPPED', 'Stops a strategy, whatever the kill switch says.'),
  ];
}
