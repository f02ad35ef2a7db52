import { findCalendars } from '../db/calendars.ts';
import type { ExecutionBounds } from '../db/limit-orders.ts';
import { type DatabasePool, type Tx, withConnection } from '../db/pool.ts';
import {
  findCycles,
  recordCycleEnd,
  recordCycleStart,
  releaseCycleLock,
  tryCycleLock,
} from '../db/processing-cycles.ts';
import { OrderServiceError } from '../domain/errors.ts';
import { type Market, marketsAt, openCalendars } from '../domain/processing-schedule.ts';
import { type ExecutionCycle, executeLimitOrders } from './execute-limit-orders.ts';

export interface ProcessOrdersDeps {
  /** It needs two connections at a time: one that holds the lock, one that works. */
  readonly pool: DatabasePool;
  readonly bounds: ExecutionBounds;
  readonly now: () => Temporal.Instant;
}

/** A cycle that ran, or the news that one is running: then nothing was done, because that one does it. */
export type ProcessOrdersOutcome =
  | { readonly kind: 'ran'; readonly cycle: ExecutionCycle; readonly markets: readonly Market[] }
  | { readonly kind: 'running'; readonly startedAt: string | null };

const NOTHING = { examined: 0, executed: 0, expired: 0, failed: 0 } as const;

/**
 * One cycle at the request of a scheduler: ends what is over, whatever the hour, and fills what trades on a market that
 * is open. At most one runs at a time among all replicas. The lock is its connection's, so that a process that dies in a
 * cycle does not keep the next one out.
 *
 * @throws OrderServiceError when the database cannot be used; the failure is recorded if it still can be.
 */
export async function processOrders(deps: ProcessOrdersDeps): Promise<ProcessOrdersOutcome> {
  return withConnection(deps.pool, async (tx) => {
    if (!(await tryCycleLock(tx))) {
      return { kind: 'running', startedAt: await runningSince(tx) };
    }
    try {
      return await runRecorded(tx, deps);
    } finally {
      await releaseCycleLock(tx);
    }
  });
}

async function runningSince(tx: Tx): Promise<string | null> {
  const cycles = await findCycles(tx);
  return cycles.find(({ source, finishedAt }) => source === 'scheduler' && finishedAt === null)?.startedAt ?? null;
}

async function runRecorded(tx: Tx, deps: ProcessOrdersDeps): Promise<ProcessOrdersOutcome> {
  await recordCycleStart(tx, 'scheduler');
  const startedAt = performance.now();
  try {
    const markets = marketsAt(deps.now(), await findCalendars(tx));
    const cycle = await executeLimitOrders(deps.pool, { ...deps.bounds, openCalendars: openCalendars(markets) });
    await recordCycleEnd(tx, 'scheduler', { ...cycle, errorCode: null });
    return { kind: 'ran', cycle, markets };
  } catch (error) {
    const errorCode = error instanceof OrderServiceError ? error.code : 'internal';
    const failure = { ...NOTHING, durationMs: performance.now() - startedAt, errorCode };
    // A failure that cannot be recorded either has one cause with it: the database is gone, and `error` says so.
    await recordCycleEnd(tx, 'scheduler', failure).catch(() => undefined);
    throw error;
  }
}
