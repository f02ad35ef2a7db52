import { removeOldReplies } from '../db/idempotency-keys.ts';
import { type DatabasePool, transaction } from '../db/pool.ts';
import { holdLease } from '../db/workers.ts';
import { type Reconciliation, reconcileBooks } from '../orders/reconcile.ts';
import type { WorkerLog } from './limit-processor.ts';
import type { Supervisor } from './supervisor.ts';

/** How long the books may go unlooked at. */
export const RECONCILE_INTERVAL_MS = 60_000;
/** A reply can be replayed for three days, as https://brandur.org/idempotency-keys has it; then its key is new again. */
export const REPLY_KEPT_MS = 72 * 60 * 60_000;
const REAP_INTERVAL_MS = 60_000;
const REAP_BATCH = 1000;

export const HOUSEKEEPING_MESSAGES = {
  reconciled: 'Books reconciled',
  unresolved: 'Books differ, and a person must look',
  reconcileFailed: 'Reconciliation failed',
  reaped: 'Old replies forgotten',
  reapFailed: 'Old replies could not be forgotten',
} as const;

export interface HousekeepingOptions {
  readonly pool: DatabasePool;
  readonly log: WorkerLog;
  /** Hears every run, for metrics. It must not throw. */
  readonly onReconciled?: (run: Reconciliation) => void;
  readonly reconcileIntervalMs?: number;
}

/** Compares the books at once and every minute, in one process at a time. */
export function startReconciler(supervisor: Supervisor, options: HousekeepingOptions): void {
  const { pool, log, onReconciled, reconcileIntervalMs = RECONCILE_INTERVAL_MS } = options;
  let cause: 'boot' | 'schedule' = 'boot';
  supervisor.workAlone('reconciler', {
    intervalMs: reconcileIntervalMs,
    step: async (lease) => {
      const run = await reconcileBooks({ pool, cause, fence: (tx) => holdLease(tx, lease) });
      cause = 'schedule';
      report(log, run);
      onReconciled?.(run);
    },
    onError: (error) => log.error({ err: error }, HOUSEKEEPING_MESSAGES.reconcileFailed),
  });
}

function report(log: WorkerLog, { findings, ...counts }: Reconciliation): void {
  if (counts.cause === 'boot' || counts.actions > 0) log.info(counts, HOUSEKEEPING_MESSAGES.reconciled);
  if (counts.unresolved > 0) {
    const [example] = findings.filter(({ repaired }) => !repaired);
    log.error({ unresolved: counts.unresolved, example }, HOUSEKEEPING_MESSAGES.unresolved);
  }
}

/** Forgets old replies. Nothing has to complete a key: it is written in the transaction of its order, or not at all. */
export function startReaper(supervisor: Supervisor, { pool, log }: HousekeepingOptions): void {
  supervisor.work('idempotency-reaper', {
    intervalMs: REAP_INTERVAL_MS,
    step: async () => {
      const removed = await transaction(pool, (tx) => removeOldReplies(tx, REPLY_KEPT_MS, REAP_BATCH));
      if (removed > 0) log.info({ removed }, HOUSEKEEPING_MESSAGES.reaped);
    },
    onError: (error) => log.error({ err: error }, HOUSEKEEPING_MESSAGES.reapFailed),
  });
}
