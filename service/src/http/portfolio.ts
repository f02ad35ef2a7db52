import * as z from 'zod';
import type { getPortfolio } from '../orders/get-portfolio.ts';
import { accountOf } from './principal.ts';
import { type Route, route } from './route.ts';

export interface PortfolioDeps {
  readonly getPortfolio: (accountId: string) => ReturnType<typeof getPortfolio>;
}

const position = z.strictObject({ symbol: z.string(), quantity: z.string(), reserved: z.string(), cost: z.string() });
const portfolio = z.strictObject({ cash: z.string(), reserved: z.string(), positions: z.array(position) });

/** What the key's account holds. */
export function portfolioRoutes(deps: PortfolioDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/portfolio',
      summary: 'Cash that is free, cash that resting orders hold, and positions, all of one moment.',
      access: ['viewer', 'trader', 'operator', 'admin'],
      responses: { 200: { description: 'The portfolio, in decimal strings.', schema: portfolio } },
      handler: async ({ principal }) => ({ status: 200, body: await deps.getPortfolio(accountOf(principal)) }),
    }),
  ];
}
