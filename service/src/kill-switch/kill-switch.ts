import { findKillSwitch, updateKillSwitch } from '../db/kill-switch.ts';
import { type DatabasePool, transaction, withConnection } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import {
  KILL_SWITCH_AUTHOR_MAX,
  KILL_SWITCH_REASON_MAX,
  type KillSwitch,
  type KillSwitchState,
} from '../domain/kill-switch.ts';

/** What stands in for a row that somebody removed: stopped. */
const MISSING: KillSwitch = {
  state: 'HALTED',
  reason: 'the kill switch row is missing',
  changedBy: 'service',
  changedAt: '1970-01-01T00:00:00.000000Z',
  version: 0,
};

/** The switch as it stands now. It is never cached. @throws OrderServiceError when it cannot be read: treat as engaged. */
export async function readKillSwitch(pool: DatabasePool): Promise<KillSwitch> {
  return (await withConnection(pool, findKillSwitch)) ?? MISSING;
}

/**
 * Changes the switch and records who and why. Once this has returned with REDUCING or HALTED, every order that was
 * accepted is committed, and no other will be until the switch is ACTIVE again.
 *
 * @throws OrderServiceError `invalid_reason` for a reason of no or too many characters; `internal` when the row is gone.
 */
export async function setKillSwitch(
  pool: DatabasePool,
  state: KillSwitchState,
  reason: string,
  by: string,
): Promise<KillSwitch> {
  const trimmed = reason.trim();
  if (trimmed === '' || trimmed.length > KILL_SWITCH_REASON_MAX) {
    throw new OrderServiceError('invalid_reason');
  }
  const author = by.slice(0, KILL_SWITCH_AUTHOR_MAX);
  const changed = await transaction(pool, (tx) => updateKillSwitch(tx, { state, reason: trimmed, by: author }));
  if (changed === undefined) {
    throw new OrderServiceError('internal', { message: 'The kill switch row is missing; trading is stopped.' });
  }
  return changed;
}
