import { type DatabasePool, type Tx, transaction, withConnection } from '../db/pool.ts';
import {
  changeLimitRow,
  findLastLimitChange,
  findLimitRows,
  type LimitsAuthor,
  lockForLimits,
} from '../db/risk-limits.ts';
import { OrderServiceError } from '../domain/errors.ts';
import {
  type AccountLimits,
  type LimitsChange,
  type LimitsRow,
  limitsInForce,
  overlaid,
} from '../domain/risk-limits.ts';

/** The limits of an account, or with `accountId` null those of everybody who has none of their own. */
export interface LimitsView {
  readonly accountId: string | null;
  readonly inForce: AccountLimits & { readonly restrictedSymbols: readonly string[] };
  /** What the account's row, or everybody's, says itself; null where it leaves the decision to the next one. */
  readonly own: LimitsRow;
  readonly lastChange: LimitsAuthor | null;
}

/** The limits that placements are held against now. An account that does not exist has everybody's. */
export function getLimits(pool: DatabasePool, ceiling: string, accountId: string | null): Promise<LimitsView> {
  return withConnection(pool, (tx) => view(tx, ceiling, accountId));
}

/**
 * Changes limits and records who did it and why. Once this has returned, every order that was judged by the earlier
 * limits is committed, and no other will be.
 *
 * @throws OrderServiceError `account_not_found`.
 */
export function changeLimits(
  pool: DatabasePool,
  ceiling: string,
  request: { accountId: string | null; change: LimitsChange; by: string; reason: string | null },
): Promise<LimitsView> {
  return transaction(pool, async (tx) => {
    if (!(await lockForLimits(tx, request.accountId))) {
      throw new OrderServiceError('account_not_found');
    }
    await changeLimitRow(tx, request.accountId, request.change, request);
    return view(tx, ceiling, request.accountId);
  });
}

async function view(tx: Tx, ceiling: string, accountId: string | null): Promise<LimitsView> {
  const rows = await findLimitRows(tx, accountId);
  const lastChange = (await findLastLimitChange(tx, accountId)) ?? null;
  const stored = overlaid(rows);
  const { accountId: _, ...own } = rows.find((row) => row.accountId === accountId) ?? { accountId, ...overlaid([]) };
  return {
    accountId,
    inForce: { ...limitsInForce(stored, ceiling), restrictedSymbols: stored.restrictedSymbols ?? [] },
    own,
    lastChange,
  };
}
