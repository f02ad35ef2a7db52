import type { ExecutionBounds } from '../db/limit-orders.ts';
import type { DatabasePool } from '../db/pool.ts';
import type { CycleResult } from '../db/processing-cycles.ts';
import { OrderServiceError } from '../domain/errors.ts';
import { type ExecutionCycle, executeLimitOrders } from '../orders/execute-limit-orders.ts';
import { type Loop, type LoopOptions, startLoop } from './loop.ts';
import type { MarketTurns } from './market-turns.ts';

/** The part of a logger that a worker uses: fields first, a constant message second. */
export interface WorkerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Messages that operators' alerts look for, word by word. */
export const PROCESSOR_MESSAGES = {
  cycleFailed: 'Critical error in order processing',
  orderFailed: 'Failed to execute limit order',
  noPrice: 'Unable to get price for asset',
  executed: 'Limit orders executed',
} as const;

export interface LimitProcessorOptions {
  /** A pool of its own, so that requests and cycles cannot starve each other. */
  readonly pool: DatabasePool;
  readonly bounds: ExecutionBounds;
  readonly intervalMs: number;
  readonly log: WorkerLog;
  /** Says before each step which markets are to be filled. Default: those that never close. */
  readonly turns?: MarketTurns;
  /** Keeps what each step did, where every replica can read it. What it throws fails the step. */
  readonly record?: (result: CycleResult) => Promise<void>;
  /** What the loop runs in. Default: nothing watches over it. */
  readonly run?: (loop: LoopOptions) => Loop;
  /** Hears every finished cycle, for metrics. It must not throw. */
  readonly onCycle?: (cycle: ExecutionCycle) => void;
  /** Hears every cycle that failed as a whole, after it was logged. It must not throw. */
  readonly onFailedCycle?: () => void;
}

/** Runs the limit processor until it is stopped. */
export function startLimitProcessor(options: LimitProcessorOptions): Loop {
  const report = createCycleReport(options.log);
  const { run = startLoop } = options;
  return run({
    intervalMs: options.intervalMs,
    step: async () => {
      const cycle = await runStep(options);
      report(cycle);
      options.onCycle?.(cycle);
    },
    onError: (error) => {
      options.log.error({ err: error }, PROCESSOR_MESSAGES.cycleFailed);
      options.onFailedCycle?.();
    },
  });
}

async function runStep({ pool, bounds, turns, record }: LimitProcessorOptions): Promise<ExecutionCycle> {
  const startedAt = performance.now();
  try {
    const cycle = await executeLimitOrders(pool, { ...bounds, ...(await turns?.due()) });
    turns?.done();
    await record?.({ ...cycle, errorCode: null });
    return cycle;
  } catch (error) {
    const errorCode = error instanceof OrderServiceError ? error.code : 'internal';
    const failure = { examined: 0, executed: 0, expired: 0, failed: 0, errorCode };
    // A failure that cannot be recorded either has one cause with it: the database is gone, and `error` says so.
    await record?.({ ...failure, durationMs: performance.now() - startedAt }).catch(() => undefined);
    throw error;
  }
}

/** Logs what a cycle did. A symbol without a price is logged when it loses its price, not in every cycle. */
export function createCycleReport(log: WorkerLog): (cycle: ExecutionCycle) => void {
  let known: ReadonlySet<string> = new Set();
  return (cycle) => {
    for (const { symbol, reason } of cycle.unpriced.filter((candidate) => !known.has(candidate.symbol))) {
      log.warn({ symbol, reason }, PROCESSOR_MESSAGES.noPrice);
    }
    known = new Set(cycle.unpriced.map(({ symbol }) => symbol));
    for (const { orderId, reason, error } of cycle.failures) {
      log.error({ orderId, reason, err: error }, PROCESSOR_MESSAGES.orderFailed);
    }
    if (cycle.executed > 0 || cycle.expired > 0) {
      const { examined, executed, expired, failed, durationMs } = cycle;
      log.info({ examined, executed, expired, failed, durationMs }, PROCESSOR_MESSAGES.executed);
    }
  };
}
