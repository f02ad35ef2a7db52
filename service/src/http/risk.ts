import * as z from 'zod';
import { isBookable } from '../domain/money.ts';
import { LIMIT_BOUNDS, type LimitsChange } from '../domain/risk-limits.ts';
import { DENIAL_REASONS } from '../domain/risk-rules.ts';
import type { Judgement } from '../orders/place-order.ts';
import type { LimitsView } from '../orders/risk-limits.ts';
import { positiveDecimal, symbol, uuid } from './input.ts';
import { newOrder, toNewOrder } from './orders.ts';
import { accountOf, nameOf, type Principal, readScopeOf } from './principal.ts';
import { type Route, route } from './route.ts';

export interface RiskDeps {
  readonly checkOrder: (accountId: string, order: ReturnType<typeof toNewOrder>) => Promise<Judgement>;
  /** With null: those of everybody who has none of their own. */
  readonly getLimits: (accountId: string | null) => Promise<LimitsView>;
  readonly changeLimits: (request: {
    accountId: string | null;
    change: LimitsChange;
    by: string;
    reason: string | null;
  }) => Promise<LimitsView>;
}

const LIMITS_PATH = '/api/v1/risk/limits';
const REASON_MAX = 500;

const whole = ({ min, max }: { readonly min: number; readonly max: number }) => z.int().min(min).max(max);
/** As the database books amounts: nothing is rounded to fit. */
const amount = positiveDecimal.refine(isBookable, {
  error: 'must have at most 12 digits before and 8 after the point',
});
/** In the spelling in which the database gives it back. */
const accountName = uuid.transform((id) => id.toLowerCase());
const modes = z
  .array(z.enum(['PAPER', 'LIVE']))
  .min(1)
  .max(2)
  .refine((list) => new Set(list).size === list.length, { error: 'must not name a mode twice' });

/** Every limit, each null or absent. What is absent stays as it is. */
const change = {
  maxOrderNotional: amount.nullable().optional(),
  maxDailyNotional: amount.nullable().optional(),
  maxPositionNotional: amount.nullable().optional(),
  maxDailyLoss: amount.nullable().optional(),
  maxOpenOrders: whole(LIMIT_BOUNDS.maxOpenOrders).nullable().optional(),
  maxOrdersPerMinute: whole(LIMIT_BOUNDS.maxOrdersPerMinute).nullable().optional(),
  priceCollarBps: whole(LIMIT_BOUNDS.priceCollarBps).nullable().optional(),
  fatFingerMultiple: whole(LIMIT_BOUNDS.fatFingerMultiple).nullable().optional(),
  allowedModes: modes.nullable().optional(),
  restrictedSymbols: z.array(symbol).max(LIMIT_BOUNDS.restrictedSymbols.max).nullable().optional(),
};
const limitNames = Object.keys(change);
const changeBody = z
  .strictObject({
    accountId: accountName.nullable().optional().meta({ description: "Absent or null: everybody's limits." }),
    reason: z.string().trim().min(1).max(REASON_MAX).optional(),
    ...change,
  })
  .refine((body) => limitNames.some((name) => name in body), { error: 'names no limit to change' });

const decimal = z.string().meta({ description: 'A decimal number.' });
const inForce = z.strictObject({
  maxOrderNotional: decimal,
  maxDailyNotional: decimal,
  maxPositionNotional: decimal,
  maxDailyLoss: decimal,
  maxOpenOrders: z.int(),
  maxOrdersPerMinute: z.int(),
  priceCollarBps: z.int(),
  fatFingerMultiple: z.int(),
  allowedModes: z.array(z.enum(['PAPER', 'LIVE'])),
  restrictedSymbols: z.array(z.string()),
});
const nullable = Object.fromEntries(
  Object.entries(inForce.shape).map(([name, schema]) => [name, schema.nullable()]),
) as Record<string, z.ZodType>;
const view = z.strictObject({
  accountId: z.string().nullable().meta({ description: "Null: everybody's." }),
  inForce,
  own: z.strictObject(nullable).meta({ description: 'Null where the next one decides: everybody, then built in.' }),
  lastChange: z.strictObject({ changedBy: z.string(), reason: z.string().nullable(), at: z.string() }).nullable(),
});

const check = z.strictObject({
  decision: z.enum(['accepted', 'denied']),
  denial: z
    .strictObject({
      reason: z.enum(DENIAL_REASONS),
      limit: z.string().nullable(),
      observed: z.string().nullable(),
      attempted: z.string().nullable(),
    })
    .nullable(),
  notional: decimal.nullable(),
  reservedCash: decimal.nullable(),
  reservedQuantity: decimal.nullable(),
  expireAt: z.string().nullable(),
});

/** Whose limits are read: the key's own account's, or for those who answer for all accounts, the named one's. */
function limitsScope(principal: Principal, named: string | undefined): string | null {
  if (readScopeOf(principal) === 'all-accounts') return named ?? null;
  return accountOf(principal);
}

function rendered({ decision, expireAt }: Judgement): z.output<typeof check> {
  if (decision.kind === 'accepted') {
    const { notional, reservedCash, reservedQuantity } = decision;
    return { decision: 'accepted', denial: null, notional, reservedCash, reservedQuantity, expireAt };
  }
  const nothing = { notional: null, reservedCash: null, reservedQuantity: null, expireAt: null };
  return { decision: 'denied', denial: decision.denial, ...nothing };
}

function limitRoutes(deps: RiskDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: LIMITS_PATH,
      summary: "The limits that orders are held against: the account's own, over everybody's, over what is built in.",
      access: ['viewer', 'trader', 'operator', 'admin'],
      query: z.strictObject({
        accountId: accountName
          .optional()
          .meta({ description: "For operators and admins. Without it they see everybody's." }),
      }),
      responses: { 200: { description: 'Limits in force, what is set, and who changed it last.', schema: view } },
      handler: async ({ query, principal }) => ({
        status: 200,
        body: await deps.getLimits(limitsScope(principal, query.accountId)),
      }),
    }),
    route({
      method: 'PUT',
      path: LIMITS_PATH,
      summary: 'Changes limits. Once it answers, no order that was judged by the earlier ones is still on its way.',
      access: ['operator', 'admin'],
      body: changeBody,
      responses: {
        200: { description: 'The limits as they stand now.', schema: view },
        404: { description: 'There is no such account.' },
      },
      handler: async ({ body, principal, log }) => {
        const { accountId = null, reason = null, ...limits } = body;
        const by = nameOf(principal);
        const changed = await deps.changeLimits({ accountId, change: limits, by, reason });
        log.warn({ accountId, limits: Object.keys(limits), by }, 'Risk limits changed');
        return { status: 200, body: changed };
      },
    }),
  ];
}

/** Limits, and what would become of an order. */
export function riskRoutes(deps: RiskDeps): readonly Route[] {
  return [
    ...limitRoutes(deps),
    route({
      method: 'POST',
      path: '/api/v1/risk/check',
      summary: 'A dry run: decides about an order exactly as placing it would, and changes nothing.',
      access: ['trader', 'admin'],
      body: newOrder,
      example: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.5', price: '64000.00', mode: 'PAPER' },
      responses: {
        200: { description: 'Accepted with what it would reserve, or denied with the reason.', schema: check },
        409: { description: 'A known clientOrderId, or the kill switch is engaged.' },
        422: { description: 'Refused for what it asks, as placing it would be.' },
      },
      handler: async ({ body, principal }) => ({
        status: 200,
        body: rendered(await deps.checkOrder(accountOf(principal), toNewOrder(body))),
      }),
    }),
  ];
}
