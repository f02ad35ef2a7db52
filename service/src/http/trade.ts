import * as z from 'zod';
import type { ProcessingReport } from '../orders/get-processing.ts';
import { type Route, route } from './route.ts';

/** What one processing cycle did; counts of orders, and its time in milliseconds. */
export interface CycleReport {
  readonly examined: number;
  readonly executed: number;
  readonly expired: number;
  readonly failed: number;
  readonly durationMs: number;
}

/** A market while a cycle ran. */
interface MarketState {
  readonly calendar: string;
  readonly open: boolean;
  readonly closedBecause: string | null;
}

/** A cycle that ran, or the news that another one was running, so that none was begun. */
export type ProcessingOutcome =
  | (CycleReport & { readonly kind: 'ran'; readonly sessionOpen: boolean; readonly markets: readonly MarketState[] })
  | { readonly kind: 'running'; readonly startedAt: string | null };

export interface TradeDeps {
  readonly processOrders: () => Promise<ProcessingOutcome>;
  readonly getProcessing: () => Promise<ProcessingReport>;
}

const PATH = '/api/trade/process-orders';
const counts = { examined: z.int(), executed: z.int(), expired: z.int(), failed: z.int() };
const market = {
  calendar: z.string(),
  open: z.boolean(),
  closedBecause: z.string().nullable().meta({ description: 'Null while it is open.' }),
};
const ran = z.strictObject({
  status: z.literal('ran'),
  ...counts,
  durationMs: z.number(),
  sessionOpen: z
    .boolean()
    .meta({ description: 'Whether a market with sessions was open: orders wait for the next call.' }),
  markets: z.array(z.strictObject(market)),
});
const running = z.strictObject({ status: z.literal('running'), startedAt: z.string().nullable() });
const cycle = z.strictObject({
  source: z.enum(['scheduler', 'worker']),
  startedAt: z.string(),
  finishedAt: z.string().nullable().meta({ description: 'Null while it runs, or when its process died in it.' }),
  ...counts,
  durationMs: z.number().nullable(),
  errorCode: z.string().nullable().meta({ description: 'Null unless the cycle failed as a whole.' }),
  ageSeconds: z.int(),
});
const health = z.strictObject({
  status: z.enum(['ok', 'late']),
  lastCycle: cycle.nullable().meta({ description: 'The latest of `cycles`.' }),
  cycles: z.array(cycle).meta({ description: 'The last one that a scheduler asked for, and the last of the workers.' }),
  markets: z.array(
    z.strictObject({
      ...market,
      nextOpenAt: z.string().nullable(),
      knownUntil: z
        .string()
        .nullable()
        .meta({ description: 'The last day that the calendar reaches. After it, closed.' }),
    }),
  ),
});

function healthRoute(deps: TradeDeps): Route {
  return route({
    method: 'GET',
    path: PATH,
    essential: true,
    summary: 'Whether orders are being processed: the last cycles, how old they are, and which markets are open.',
    access: 'order-processor',
    responses: {
      200: { description: 'Cycles come as often as the hour asks for.', schema: health },
      503: {
        description: 'Cycles have stayed away for too long; or, as a problem, the database cannot be reached.',
        schema: health,
      },
    },
    handler: async () => {
      const report = await deps.getProcessing();
      const body = {
        status: report.status,
        lastCycle: report.cycles[0] ?? null,
        cycles: report.cycles,
        markets: report.markets,
      };
      return { status: report.status === 'ok' ? 200 : 503, body };
    },
  });
}

function cycleRoute(deps: TradeDeps): Route {
  return route({
    method: 'POST',
    path: PATH,
    essential: true,
    summary:
      'Runs one processing cycle: ends what is over, and fills what trades on an open market. One at a time, among all replicas.',
    access: 'order-processor',
    responses: {
      200: { description: 'What the cycle did.', schema: ran },
      202: {
        description: 'A cycle that was asked for before is still running; this call began none.',
        schema: running,
      },
    },
    handler: async () => {
      const { kind, ...outcome } = await deps.processOrders();
      return { status: kind === 'ran' ? 200 : 202, body: { status: kind, ...outcome } };
    },
  });
}

/** For the scheduler, by its own key: one cycle, and the health of the processing. */
export function tradeRoutes(deps: TradeDeps): readonly Route[] {
  return [healthRoute(deps), cycleRoute(deps)];
}
