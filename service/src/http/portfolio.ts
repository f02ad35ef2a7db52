import * as z from 'zod';
import { PNL_METHODS, UNKNOWN_REASONS } from '../domain/pnl.ts';
import type { getPortfolio } from '../orders/get-portfolio.ts';
import { FILL_PAGE_DEFAULT, FILL_PAGE_MAX, type FillPage, type ListFillsQuery } from '../orders/list-fills.ts';
import { pageLimit, symbol, uuid } from './input.ts';
import { readAccountOf } from './principal.ts';
import { type Route, route } from './route.ts';

export interface PortfolioDeps {
  readonly getPortfolio: (accountId: string) => ReturnType<typeof getPortfolio>;
  readonly listFills: (query: ListFillsQuery) => Promise<FillPage>;
}

const known = z
  .string()
  .nullable()
  .meta({ description: 'A decimal number; null when it is unknown, never zero then.' });
const position = z.strictObject({
  symbol: z.string(),
  quantity: z.string(),
  reserved: z.string(),
  cost: known,
  realised: known,
  unrealised: known,
  price: known,
  priceAgeMs: z.int().nullable().meta({ description: 'How old the last known price is, used or not.' }),
  reason: z.enum(UNKNOWN_REASONS).nullable().meta({ description: 'Why a figure is unknown.' }),
});
const portfolio = z.strictObject({
  cash: z.string(),
  reserved: z.string(),
  realised: known,
  unrealised: known,
  pnlMethod: z.enum(PNL_METHODS),
  positions: z.array(position),
});
const fill = z.strictObject({
  id: z.string(),
  orderId: z.string(),
  symbol: z.string(),
  side: z.enum(['BUY', 'SELL']),
  quantity: z.string(),
  price: z.string(),
  fee: z.string(),
  at: z.string(),
});
const accountId = uuid.optional().meta({ description: 'For operators and admins: whose.' });
const portfolioQuery = z.strictObject({ accountId });
const fillsQuery = z.strictObject({
  accountId,
  symbol: symbol.optional(),
  cursor: z.string().max(200).optional(),
  limit: pageLimit(FILL_PAGE_DEFAULT, FILL_PAGE_MAX),
});

const READERS = ['viewer', 'trader', 'operator', 'admin'] as const;

/** What the key's account holds, and how it came to it. */
export function portfolioRoutes(deps: PortfolioDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/portfolio',
      summary: 'Cash that is free, cash that resting orders hold, positions and profit, all of one moment.',
      access: READERS,
      query: portfolioQuery,
      responses: { 200: { description: 'The portfolio, in decimal strings.', schema: portfolio } },
      handler: async ({ query, principal }) => ({
        status: 200,
        body: await deps.getPortfolio(readAccountOf(principal, query.accountId)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/fills',
      summary: "The account's fills, newest first, a page at a time.",
      access: READERS,
      query: fillsQuery,
      responses: {
        200: {
          description: 'A page; nextCursor is null on the last.',
          schema: z.strictObject({ fills: z.array(fill), nextCursor: z.string().nullable() }),
        },
      },
      handler: async ({ query, principal }) => ({
        status: 200,
        body: await deps.listFills({ ...query, accountId: readAccountOf(principal, query.accountId) }),
      }),
    }),
  ];
}
