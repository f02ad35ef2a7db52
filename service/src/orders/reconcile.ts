import { type DatabasePool, type Tx, transaction } from '../db/pool.ts';
import {
  countLookedAt,
  findSuspects,
  findUnresolved,
  lockAccounts,
  type ReconciliationCause,
  type ReconciliationFinding,
  recordReconciliation,
  repairReservations,
} from '../db/reconcile.ts';

/** Most accounts that one run puts right; the next run goes on. */
export const SUSPECTS_MAX = 10_000;
/** Most differences of orders that one run reports. */
const UNRESOLVED_MAX = 1000;
/** A scheduled run looks at orders that changed within this time; the first of a process at all of them. */
const SCHEDULED_WINDOW_MS = 60 * 60_000;

export interface ReconcileOptions {
  readonly pool: DatabasePool;
  readonly cause: ReconciliationCause;
  /** Refuses in SQL when another process may have taken the work over. Default: nobody else can. */
  readonly fence?: (tx: Tx) => Promise<void>;
}

/** What a run found; `actions` were put right, `unresolved` need a person. */
export interface Reconciliation {
  readonly cause: ReconciliationCause;
  readonly lookedAt: number;
  readonly actions: number;
  readonly unresolved: number;
  readonly findings: readonly ReconciliationFinding[];
  readonly durationMs: number;
}

/**
 * Compares the paper book with itself: balances and positions with what orders hold and the ledger says, orders with their
 * fills and events. It puts right only what follows from the rest (what is reserved), reports everything else, and records
 * the run in the same transaction. A second run finds nothing left to do.
 *
 * @throws OrderServiceError those of `transaction`, and `lease_lost`; nothing was changed then.
 */
export async function reconcileBooks({ pool, cause, fence }: ReconcileOptions): Promise<Reconciliation> {
  const startedAt = performance.now();
  const windowMs = cause === 'schedule' ? SCHEDULED_WINDOW_MS : null;
  const { lookedAt, findings } = await transaction(pool, async (tx) => {
    await fence?.(tx);
    const accountIds = await findSuspects(tx, SUSPECTS_MAX);
    // What looked wrong a moment ago may have been a placement under way: each account is judged anew under its lock.
    if (accountIds.length > 0) await lockAccounts(tx, accountIds);
    const repaired = accountIds.length > 0 ? await repairReservations(tx, accountIds) : [];
    const unresolved = await findUnresolved(tx, { accountIds, windowMs, limit: UNRESOLVED_MAX });
    const run = { cause, lookedAt: await countLookedAt(tx, windowMs), findings: [...repaired, ...unresolved] };
    await recordReconciliation(tx, run);
    return run;
  });
  const actions = findings.filter(({ repaired }) => repaired).length;
  const unresolved = findings.length - actions;
  return { cause, lookedAt, findings, actions, unresolved, durationMs: performance.now() - startedAt };
}
