import * as z from 'zod';
import type { Order } from '../domain/order.ts';
import { type Processing, RESOLUTIONS, type Resolution } from '../orders/operate.ts';
import type { Reconciliation } from '../orders/reconcile.ts';
import { order } from './orders.ts';
import { nameOf } from './principal.ts';
import { type Route, route } from './route.ts';

export interface OperationsDeps {
  readonly reconcile: () => Promise<Reconciliation>;
  readonly resolveOrder: (command: {
    orderId: string;
    outcome: Resolution;
    reason: string;
    by: string;
  }) => Promise<Order>;
  readonly readProcessing: () => Promise<Processing>;
  readonly setProcessing: (change: { paused: boolean; reason: string; by: string }) => Promise<Processing>;
}

const REASON_MAX = 400;
/** A run reports at most so many differences here; all of them are in execution.reconciliation_findings. */
const FINDINGS_SHOWN_MAX = 100;

const reason = z.string().trim().min(1).max(REASON_MAX);
const finding = z.strictObject({
  kind: z.string(),
  accountId: z.string(),
  symbol: z.string().nullable(),
  orderId: z.string().nullable(),
  repaired: z
    .boolean()
    .meta({ description: 'False: nothing on record says which side is right, and a person has to.' }),
  before: z.string().nullable(),
  after: z.string().nullable(),
});
const reconciliation = z.strictObject({
  lookedAt: z.int().meta({ description: 'Accounts, positions and orders.' }),
  actions: z.int().meta({ description: 'Differences that were put right.' }),
  unresolved: z.int().meta({ description: 'Differences that need a person.' }),
  findings: z.array(finding),
  durationMs: z.number(),
});
const processing = z.strictObject({
  paused: z.boolean(),
  reason: z.string().nullable().meta({ description: 'Null while nobody has ever paused it.' }),
  changedBy: z.string().nullable(),
  changedAt: z.string().nullable(),
  running: z.boolean().meta({ description: 'A cycle that was asked for before is still at it.' }),
});

function reconcileRoute(deps: OperationsDeps): Route {
  return route({
    method: 'POST',
    path: '/api/v1/reconciliation',
    summary:
      'Compares the books with themselves now, and puts right what follows from the rest. Repeating it is harmless.',
    access: ['operator', 'admin'],
    responses: { 200: { description: 'What was found; the run is on record.', schema: reconciliation } },
    handler: async ({ principal, log }) => {
      const { lookedAt, actions, unresolved, findings, durationMs } = await deps.reconcile();
      log.warn({ lookedAt, actions, unresolved, by: nameOf(principal) }, 'Reconciled at request');
      const shown = findings.slice(0, FINDINGS_SHOWN_MAX);
      return { status: 200, body: { lookedAt, actions, unresolved, findings: shown, durationMs } };
    },
  });
}

function resolveRoute(deps: OperationsDeps): Route {
  return route({
    method: 'POST',
    path: '/api/v1/operations/orders/:id/resolve',
    summary: 'Says what became of an order whose outcome nobody knew, by evidence from the venue.',
    access: ['operator', 'admin'],
    params: z.strictObject({ id: z.string() }),
    body: z.strictObject({
      outcome: z
        .enum(RESOLUTIONS)
        .meta({ description: 'What the venue shows. Fills are booked by their own reports.' }),
      reason: reason.meta({ description: 'The evidence, for the history of the order.' }),
    }),
    responses: {
      200: { description: 'The order as it stands now.', schema: order },
      404: { description: 'There is no such order.' },
      409: { description: 'The order is not UNKNOWN: there is no doubt to end.' },
    },
    handler: async ({ params, body, principal, log, correlate }) => {
      const by = nameOf(principal);
      const resolved = await deps.resolveOrder({ orderId: params.id, ...body, by });
      correlate(resolved.id);
      log.warn({ orderId: resolved.id, outcome: body.outcome, by }, 'Unknown order resolved');
      return { status: 200, body: resolved };
    },
  });
}

function processingRoutes(deps: OperationsDeps): readonly Route[] {
  const path = '/api/v1/processing';
  return [
    route({
      method: 'GET',
      path,
      summary: 'Whether resting orders are executed, and who paused it when and why.',
      access: ['viewer', 'trader', 'operator', 'admin'],
      responses: { 200: { description: 'As it stands.', schema: processing } },
      handler: async () => ({ status: 200, body: await deps.readProcessing() }),
    }),
    route({
      method: 'PUT',
      path,
      summary:
        'Pauses the execution and the expiry of resting orders on all replicas, or goes on. New orders are still taken.',
      access: ['operator', 'admin'],
      body: z.strictObject({ paused: z.boolean(), reason }),
      responses: {
        200: { description: 'As it stands now. A cycle that has begun ends what it began.', schema: processing },
      },
      handler: async ({ body, principal, log }) => {
        const by = nameOf(principal);
        const changed = await deps.setProcessing({ ...body, by });
        log.warn({ paused: changed.paused, by }, 'Processing changed');
        return { status: 200, body: changed };
      },
    }),
  ];
}

/** What operators do by hand when the machinery cannot: each is on record with who did it and why. */
export function operationsRoutes(deps: OperationsDeps): readonly Route[] {
  return [reconcileRoute(deps), resolveRoute(deps), ...processingRoutes(deps)];
}
