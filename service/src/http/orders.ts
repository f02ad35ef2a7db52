import * as z from 'zod';
import { type NewOrder, ORDER_STATUSES, TIMES_IN_FORCE } from '../domain/order.ts';
import type { Cancellation, CancelOrderCommand } from '../orders/cancel-order.ts';
import type { getOrder, getOrderEvents } from '../orders/get-order.ts';
import { type ListOrdersQuery, ORDER_PAGE_DEFAULT, ORDER_PAGE_MAX, type OrderPage } from '../orders/list-orders.ts';
import type { PlaceOrderCommand, PlaceOrderDeps, PlaceOrderOutcome, RenderedReply } from '../orders/place-order.ts';
import { asKnownError, STATUS_OF } from './errors.ts';
import { requestHash } from './idempotency-key.ts';
import { pageLimit, positiveDecimal, symbol, timestamp, uuid } from './input.ts';
import { accountOf, type ReadScope, readAccountOf, readScopeOf } from './principal.ts';
import { PROBLEM_CONTENT_TYPE } from './problem.ts';
import { renderPlacement } from './render-placement.ts';
import { type Reply, type Route, route } from './route.ts';

/** What became of a placement, for the counter. */
export type PlacementOutcome = 'placed' | 'denied' | 'replayed' | 'refused' | 'failed';

export interface OrdersDeps {
  readonly placeOrder: (command: PlaceOrderCommand, render: PlaceOrderDeps['render']) => Promise<PlaceOrderOutcome>;
  readonly cancelOrder: (command: CancelOrderCommand) => Promise<Cancellation>;
  readonly getOrder: (scope: ReadScope, orderId: string) => ReturnType<typeof getOrder>;
  readonly getOrderEvents: (scope: ReadScope, orderId: string) => ReturnType<typeof getOrderEvents>;
  readonly listOrders: (query: ListOrdersQuery) => Promise<OrderPage>;
  readonly countOrder: (outcome: PlacementOutcome) => void;
}

/** The body of an order, as it is placed and as a dry run takes it. */
export const newOrder = z.strictObject({
  symbol,
  side: z.enum(['BUY', 'SELL']),
  type: z.enum(['LIMIT', 'MARKET']),
  quantity: positiveDecimal,
  price: positiveDecimal.optional().meta({ description: 'For LIMIT orders, and only for them.' }),
  mode: z.enum(['PAPER', 'LIVE']),
  timeInForce: z.enum(TIMES_IN_FORCE).optional().meta({
    description: 'GTD when expireAt is given, else GTC. A MARKET order is IOC whatever is asked for.',
  }),
  expireAt: timestamp.optional(),
  clientOrderId: z
    .string()
    .regex(/^[!-~]{1,64}$/, { error: 'must be 1 to 64 visible ASCII characters' })
    .optional(),
});

const decimal = z.string().meta({ description: 'A decimal number.' });
/** An order, as every route shows it. */
export const order = z.strictObject({
  id: z.string(),
  accountId: z.string(),
  clientOrderId: z.string(),
  symbol: z.string(),
  side: z.enum(['BUY', 'SELL']),
  type: z.enum(['LIMIT', 'MARKET']),
  quantity: decimal,
  price: decimal.nullable(),
  mode: z.enum(['PAPER', 'LIVE']),
  timeInForce: z.enum(TIMES_IN_FORCE),
  expireAt: z.string().nullable(),
  status: z.enum(ORDER_STATUSES),
  version: z.int(),
  filledQuantity: decimal,
  averageFillPrice: decimal.nullable(),
  reservedCash: decimal,
  reservedQuantity: decimal,
  denialReason: z.string().nullable(),
  feeBps: decimal.meta({ description: 'The fee of every fill, in basis points of its notional.' }),
  createdAt: z.string(),
  updatedAt: z.string(),
});
const orderEvent = z.strictObject({
  orderId: z.string(),
  version: z.int(),
  type: z.string(),
  fromStatus: z.enum(ORDER_STATUSES).nullable(),
  toStatus: z.enum(ORDER_STATUSES),
  data: z.record(z.string(), z.unknown()),
  at: z.string(),
});

const listQuery = z.strictObject({
  accountId: uuid
    .optional()
    .meta({ description: 'For operators and admins: whose orders. Default: those of the key.' }),
  status: z.enum(ORDER_STATUSES).optional(),
  symbol: symbol.optional(),
  cursor: z.string().max(200).optional(),
  limit: pageLimit(ORDER_PAGE_DEFAULT, ORDER_PAGE_MAX),
});
/** Anything that is no id of an order names no order: 404, not 400. */
const orderPath = z.strictObject({ id: z.string() });

const READERS = ['viewer', 'trader', 'operator', 'admin'] as const;
const PATH = '/api/v1/orders';

/** The order as the domain knows it. */
export function toNewOrder(body: z.output<typeof newOrder>): NewOrder {
  return {
    symbol: body.symbol,
    side: body.side,
    type: body.type,
    quantity: body.quantity,
    price: body.price ?? null,
    mode: body.mode,
    timeInForce: body.timeInForce ?? (body.expireAt === undefined ? 'GTC' : 'GTD'),
    expireAt: body.expireAt ?? null,
    clientOrderId: body.clientOrderId ?? null,
  };
}

function replyOf(stored: RenderedReply, replayed: boolean): Reply {
  const headers: Record<string, string> = {};
  if (stored.status >= 400) headers['content-type'] = PROBLEM_CONTENT_TYPE;
  if (replayed) headers['idempotency-replayed'] = 'true';
  return { status: stored.status, body: stored.body, headers };
}

/** What the counter says about a placement that threw: `failed` is our own fault, `refused` is not. */
function outcomeOf(error: unknown): PlacementOutcome {
  return STATUS_OF[asKnownError(error).code] >= 500 ? 'failed' : 'refused';
}

function placeRoute(deps: OrdersDeps): Route {
  return route({
    method: 'POST',
    path: PATH,
    summary: 'Places an order. Repeating it with the same Idempotency-Key gives the first reply again.',
    access: ['trader', 'admin'],
    idempotent: true,
    body: newOrder,
    example: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.5', price: '64000.00', mode: 'PAPER' },
    responses: {
      201: { description: 'The order rests in the book, or will be filled at the next quote.', schema: order },
      409: { description: 'In flight under this key, a known clientOrderId, or the kill switch is engaged.' },
      422: { description: 'Denied by a risk check, or refused for what it asks; nothing is ever rounded to fit.' },
    },
    handler: async ({ body, principal, idempotencyKey, requestId, correlate }) => {
      const accountId = accountOf(principal);
      const hash = requestHash('POST', PATH, body);
      const command = { accountId, idempotencyKey, requestHash: hash, order: toNewOrder(body) };
      try {
        const outcome = await deps.placeOrder(command, (placement) => renderPlacement(placement, requestId));
        deps.countOrder(outcome.kind);
        if (outcome.kind !== 'replayed') correlate(outcome.order.id);
        return replyOf(outcome.reply, outcome.kind === 'replayed');
      } catch (error) {
        deps.countOrder(outcomeOf(error));
        throw error;
      }
    },
  });
}

function cancelRoute(deps: OrdersDeps): Route {
  return route({
    method: 'POST',
    path: `${PATH}/:id/cancel`,
    summary:
      'Cancels an order, also while the kill switch is engaged. Repeating it is harmless, with or without a key.',
    access: ['trader', 'admin'],
    params: orderPath,
    responses: {
      200: { description: 'The order is canceled, and gives back what it held.', schema: order },
      202: { description: 'Its venue was asked; until it answers the order is PENDING_CANCEL.', schema: order },
      404: { description: 'The account has no such order.' },
      409: { description: 'The order has ended otherwise, or nobody knows yet whether it was accepted.' },
    },
    handler: async ({ params, principal, correlate }) => {
      const canceled = await deps.cancelOrder({ accountId: accountOf(principal), orderId: params.id });
      correlate(canceled.order.id);
      return { status: canceled.order.status === 'PENDING_CANCEL' ? 202 : 200, body: canceled.order };
    },
  });
}

function readRoutes(deps: OrdersDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      summary: "The account's orders, newest first, a page at a time.",
      access: READERS,
      query: listQuery,
      responses: {
        200: {
          description: 'A page; nextCursor is null on the last.',
          schema: z.strictObject({ orders: z.array(order), nextCursor: z.string().nullable() }),
        },
      },
      handler: async ({ query, principal }) => ({
        status: 200,
        body: await deps.listOrders({ ...query, accountId: readAccountOf(principal, query.accountId) }),
      }),
    }),
    route({
      method: 'GET',
      path: `${PATH}/:id`,
      summary: 'One order: of the account, or of any for operators and admins.',
      access: READERS,
      params: orderPath,
      responses: {
        200: { description: 'The order as it stands.', schema: order },
        404: { description: 'The account has no such order.' },
      },
      handler: async ({ params, principal }) => ({
        status: 200,
        body: await deps.getOrder(readScopeOf(principal), params.id),
      }),
    }),
    route({
      method: 'GET',
      path: `${PATH}/:id/events`,
      summary: 'The history of one order, oldest first: of the account, or of any for operators and admins.',
      access: READERS,
      params: orderPath,
      responses: {
        200: { description: 'Every change.', schema: z.strictObject({ events: z.array(orderEvent) }) },
        404: { description: 'The account has no such order.' },
      },
      handler: async ({ params, principal }) => ({
        status: 200,
        body: { events: await deps.getOrderEvents(readScopeOf(principal), params.id) },
      }),
    }),
  ];
}

/** Placing orders and reading them. Each is scoped to the key's own account, save that operators and admins read all. */
export function orderRoutes(deps: OrdersDeps): readonly Route[] {
  return [placeRoute(deps), cancelRoute(deps), ...readRoutes(deps)];
}
