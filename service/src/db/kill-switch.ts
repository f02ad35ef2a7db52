import type { KillSwitch, KillSwitchState } from '../domain/kill-switch.ts';
import type { SwitchRecord } from '../domain/kill-switch-redis.ts';
import type { Tx } from './pool.ts';

const COLUMNS = `state, reason, changed_by AS "changedBy", changed_at AS "changedAt", version::integer AS version`;

/**
 * The lock of whoever brings Redis and PostgreSQL together, so that replicas do so one after the other. The first number
 * is that of KILL_SWITCH_LOCK, which placements share; this one they never touch.
 */
export const LOCK_SWITCH_MIRROR_SQL = 'SELECT pg_advisory_xact_lock(1802071148, 2)';

/** Where a change came from, as its event keeps it. */
export type SwitchSource = 'api' | 'redis' | 'service';

/** A change, with who and why. */
export interface SwitchChange {
  readonly state: KillSwitchState;
  readonly reason: string;
  readonly by: string;
  readonly source: SwitchSource;
  /** When its author says that it was done, where that is known from elsewhere; RFC 3339. */
  readonly statedAt?: string | null;
  /** Only if the switch is still at this version. */
  readonly ifVersion?: number;
}

/** The switch, or undefined when its row is gone, which counts as engaged. */
export async function findKillSwitch(tx: Tx): Promise<KillSwitch | undefined> {
  const { rows } = await tx.query<KillSwitch>({
    name: 'find-kill-switch',
    text: `SELECT ${COLUMNS} FROM risk.kill_switch`,
  });
  return rows[0];
}

/** The switch, and whether Redis was ever told to remember it. */
export async function findSwitchRecord(tx: Tx): Promise<SwitchRecord | undefined> {
  const { rows } = await tx.query<SwitchRecord>({
    name: 'find-switch-record',
    text: `SELECT ${COLUMNS}, EXISTS (SELECT FROM risk.kill_switch_mirror) AS mirrored FROM risk.kill_switch`,
  });
  return rows[0];
}

/** From now on a Redis without its sentinel has lost its memory. Repeating it changes nothing. */
export async function rememberMirror(tx: Tx): Promise<void> {
  await tx.query({ text: 'INSERT INTO risk.kill_switch_mirror DEFAULT VALUES ON CONFLICT DO NOTHING' });
}

/**
 * Changes the switch. The table's triggers wait for placements in flight, number and date the change, write its event
 * and stop the strategies. Undefined when the row is gone, or is no longer at `ifVersion`.
 */
export async function updateKillSwitch(tx: Tx, change: SwitchChange): Promise<KillSwitch | undefined> {
  // Placements that this has to wait for are bounded by statement_timeout, and so is the wait.
  await tx.query({
    text: `SELECT set_config('lock_timeout', current_setting('statement_timeout'), true),
      set_config('kill_switch.source', $1::text, true), set_config('kill_switch.stated_at', $2::text, true)`,
    values: [change.source, change.statedAt ?? ''],
  });
  const { rows } = await tx.query<KillSwitch>({
    text: `UPDATE risk.kill_switch SET state = $1::text, reason = $2::text, changed_by = $3::text
      WHERE $4::bigint IS NULL OR version = $4::bigint RETURNING ${COLUMNS}`,
    values: [change.state, change.reason, change.by, change.ifVersion ?? null],
  });
  return rows[0];
}
