import * as z from 'zod';
import { type Route, route } from './route.ts';

/** What one processing cycle did; counts of orders, and its time in milliseconds. */
export interface CycleReport {
  readonly examined: number;
  readonly executed: number;
  readonly expired: number;
  readonly failed: number;
  readonly durationMs: number;
}

/** The last cycle that this process finished, whoever asked for it. */
export interface LastCycle extends CycleReport {
  /** RFC 3339. */
  readonly finishedAt: string;
}

export interface TradeDeps {
  readonly processOrders: () => Promise<CycleReport>;
  readonly lastCycle: () => LastCycle | null;
  readonly databaseIsUp: () => Promise<boolean>;
}

const PATH = '/api/trade/process-orders';
const counts = { examined: z.int(), executed: z.int(), expired: z.int(), failed: z.int(), durationMs: z.number() };
const health = z.strictObject({
  status: z.enum(['ok', 'unavailable']),
  lastCycle: z.strictObject({ ...counts, finishedAt: z.string() }).nullable(),
});

/** For the scheduler: its own key, its own health check, and one cycle at a time. */
export function tradeRoutes(deps: TradeDeps): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: PATH,
      summary: 'Whether a cycle could run, and what the last one did.',
      access: 'order-processor',
      responses: {
        200: { description: 'A cycle can run.', schema: health },
        503: { description: 'The database cannot be reached.', schema: health },
      },
      handler: async () => {
        const up = await deps.databaseIsUp();
        return { status: up ? 200 : 503, body: { status: up ? 'ok' : 'unavailable', lastCycle: deps.lastCycle() } };
      },
    }),
    route({
      method: 'POST',
      path: PATH,
      summary: 'Runs one processing cycle. Running it twice, or beside the worker, never fills an order twice.',
      access: 'order-processor',
      responses: { 200: { description: 'What the cycle did.', schema: z.strictObject(counts) } },
      handler: async () => ({ status: 200, body: await deps.processOrders() }),
    }),
  ];
}
