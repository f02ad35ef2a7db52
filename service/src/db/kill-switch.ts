import type { KillSwitch, KillSwitchState } from '../domain/kill-switch.ts';
import type { Tx } from './pool.ts';

const COLUMNS = `state, reason, changed_by AS "changedBy", changed_at AS "changedAt", version::integer AS version`;

/** The switch, or undefined when its row is gone, which counts as engaged. */
export async function findKillSwitch(tx: Tx): Promise<KillSwitch | undefined> {
  const { rows } = await tx.query<KillSwitch>({
    name: 'find-kill-switch',
    text: `SELECT ${COLUMNS} FROM risk.kill_switch`,
  });
  return rows[0];
}

/**
 * Changes the switch. The table's triggers wait for placements in flight, number and date the change, write its event
 * and stop the strategies.
 */
export async function updateKillSwitch(
  tx: Tx,
  change: { state: KillSwitchState; reason: string; by: string },
): Promise<KillSwitch | undefined> {
  // Placements that this has to wait for are bounded by statement_timeout, and so is the wait.
  await tx.query({ text: `SELECT set_config('lock_timeout', current_setting('statement_timeout'), true)` });
  const { rows } = await tx.query<KillSwitch>({
    text: `UPDATE risk.kill_switch SET state = $1::text, reason = $2::text, changed_by = $3::text RETURNING ${COLUMNS}`,
    values: [change.state, change.reason, change.by],
  });
  return rows[0];
}
