import { secondsSince } from './ages.ts';
import type { Tx } from './pool.ts';

/** A process that works. */
export interface WorkerInstance {
  readonly id: string;
  readonly host: string;
  readonly processId: number;
}

/** What one worker of it says of itself. Ages are in milliseconds: the two clocks need not agree. */
export interface WorkerStatus {
  readonly name: string;
  /** How long the step under way has taken; null between two steps. */
  readonly stepForMs: number | null;
  /** How long ago the last step ended well; null: none has. */
  readonly lastStepAgoMs: number | null;
  readonly steps: number;
  readonly failuresInRow: number;
  /** How long it will rest; null while it works. */
  readonly pausedForMs: number | null;
  /** A code, never a message. */
  readonly lastError: string | null;
}

/** The right to do exclusive work, until somebody else has it. */
export interface Lease {
  readonly name: string;
  /** The fencing token: `fence` of its row. */
  readonly token: string;
}

/** Says of every worker of this process that it lives, and how it does. One statement. */
export async function recordHeartbeats(
  tx: Tx,
  instance: WorkerInstance,
  statuses: readonly WorkerStatus[],
): Promise<void> {
  await tx.query({
    name: 'record-heartbeats',
    text: `
      INSERT INTO workers.workers AS w (instance, name, host, process_id, heartbeat_at, step_started_at, last_step_at, steps,
        failures_in_row, paused_until, last_error)
      SELECT $1::uuid, s.name, $2::text, $3::integer, clock_timestamp(),
        clock_timestamp() - s."stepForMs" * interval '1 millisecond', clock_timestamp() - s."lastStepAgoMs" * interval '1 millisecond',
        s.steps, s."failuresInRow", clock_timestamp() + s."pausedForMs" * interval '1 millisecond', s."lastError"
      FROM jsonb_to_recordset($4::jsonb) AS s (name text, "stepForMs" float8, "lastStepAgoMs" float8, steps bigint,
        "failuresInRow" integer, "pausedForMs" float8, "lastError" text)
      ORDER BY s.name
      ON CONFLICT (instance, name) DO UPDATE SET heartbeat_at = EXCLUDED.heartbeat_at, step_started_at = EXCLUDED.step_started_at,
        last_step_at = EXCLUDED.last_step_at, steps = EXCLUDED.steps, failures_in_row = EXCLUDED.failures_in_row,
        paused_until = EXCLUDED.paused_until, last_error = EXCLUDED.last_error`,
    values: [instance.id, instance.host, instance.processId, JSON.stringify(statuses)],
  });
}

/** Takes a process's workers off the list, and its leases from it: it ends in order. */
export async function removeWorkers(tx: Tx, instance: string): Promise<void> {
  await tx.query({ text: 'DELETE FROM workers.workers WHERE instance = $1::uuid', values: [instance] });
  await tx.query({
    text: 'UPDATE workers.leases SET expires_at = clock_timestamp() WHERE holder = $1::uuid AND expires_at > clock_timestamp()',
    values: [instance],
  });
}

/** A worker whose process no longer says that it lives. */
export interface LostWorker {
  readonly instance: string;
  readonly name: string;
  readonly host: string;
  readonly processId: number;
}

/** Removes workers that have been silent for so long, at most `batch`, and says which. */
export async function removeLostWorkers(tx: Tx, silentForMs: number, batch: number): Promise<readonly LostWorker[]> {
  const { rows } = await tx.query<LostWorker>({
    name: 'remove-lost-workers',
    text: `
      DELETE FROM workers.workers w USING (
        SELECT instance, name FROM workers.workers
        WHERE heartbeat_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
        ORDER BY heartbeat_at LIMIT $2::integer FOR UPDATE SKIP LOCKED
      ) lost WHERE w.instance = lost.instance AND w.name = lost.name
      RETURNING w.instance, w.name, w.host, w.process_id AS "processId"`,
    values: [silentForMs, batch],
  });
  return rows;
}

/**
 * Takes the lease, or keeps it: null while somebody else has it, and while a transaction under it goes on, for which it does not
 * wait. Who keeps it keeps its token; whoever takes it gets the next one, even the same process after its lease ran out.
 */
export async function acquireLease(tx: Tx, name: string, instance: string, forMs: number): Promise<Lease | null> {
  const { rows } = await tx.query<{ token: string }>({
    name: 'acquire-lease',
    text: `
      WITH free AS MATERIALIZED (
        SELECT name FROM workers.leases
        WHERE name = $1::text AND (holder = $2::uuid OR expires_at <= clock_timestamp()) FOR NO KEY UPDATE SKIP LOCKED
      )
      INSERT INTO workers.leases AS l (name, holder, expires_at)
      SELECT $1::text, $2::uuid, clock_timestamp() + $3::float8 * interval '1 millisecond'
      WHERE EXISTS (SELECT FROM free) OR NOT EXISTS (SELECT FROM workers.leases WHERE name = $1::text)
      ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at,
        fence = l.fence + CASE WHEN l.expires_at > clock_timestamp() THEN 0 ELSE 1 END,
        acquired_at = CASE WHEN l.expires_at > clock_timestamp() THEN l.acquired_at ELSE clock_timestamp() END
      WHERE l.holder = EXCLUDED.holder OR l.expires_at <= clock_timestamp()
      RETURNING l.fence::text AS token`,
    values: [name, instance, forMs],
  });
  const [row] = rows;
  return row === undefined ? null : { name, token: row.token };
}

/** Gives the lease up at once, if it is still this one: what goes on under it may no longer write. */
export async function releaseLease(tx: Tx, lease: Lease): Promise<void> {
  await tx.query({
    text: `UPDATE workers.leases SET expires_at = clock_timestamp()
      WHERE name = $1::text AND fence = $2::bigint AND expires_at > clock_timestamp()`,
    values: [lease.name, lease.token],
  });
}

/**
 * The fence: first in every transaction of exclusive work.
 * @throws with SQLSTATE WL001, `lease_lost`, when somebody else may have taken the work over.
 */
export async function holdLease(tx: Tx, lease: Lease): Promise<void> {
  await tx.query({
    name: 'hold-lease',
    text: 'SELECT workers.hold_lease($1::text, $2::bigint)',
    values: [lease.name, lease.token],
  });
}

/** One worker as all its processes together show it; times in seconds. */
export interface WorkerAge {
  readonly name: string;
  readonly heartbeatAgeS: number;
  readonly paused: boolean;
}

/** The freshest heartbeat of each worker, and whether every process of it rests. */
export async function findWorkerAges(tx: Tx): Promise<readonly WorkerAge[]> {
  const { rows } = await tx.query<WorkerAge>({
    name: 'find-worker-ages',
    text: `
      SELECT name, ${secondsSince('max(heartbeat_at)')} AS "heartbeatAgeS",
        bool_and(coalesce(paused_until > clock_timestamp(), false)) AS paused
      FROM workers.workers GROUP BY name ORDER BY name`,
  });
  return rows;
}
