import type { Tx } from './pool.ts';

/** The lock that a requested cycle holds while it runs, so that no two of them run at once, whatever the replica. */
const CYCLE_LOCK = [1802071148, 2] as const;

/** Who asked for a cycle. */
export type CycleSource = 'scheduler' | 'worker';

/** What a cycle did, or why it failed as a whole. */
export interface CycleResult {
  readonly examined: number;
  readonly executed: number;
  readonly expired: number;
  readonly failed: number;
  /** Milliseconds. */
  readonly durationMs: number;
  /** Null when the cycle came to its end. */
  readonly errorCode: string | null;
}

/** The last cycle of a source. While one runs, `finishedAt` and `durationMs` are null. */
export interface RecordedCycle extends Omit<CycleResult, 'durationMs'> {
  readonly source: CycleSource;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly durationMs: number | null;
}

/** Takes the lock for this connection, until `releaseCycleLock` or the connection's end. False: another cycle runs. */
export async function tryCycleLock(tx: Tx): Promise<boolean> {
  const { rows } = await tx.query<{ granted: boolean }>({
    text: `SELECT pg_try_advisory_lock(${CYCLE_LOCK[0]}, ${CYCLE_LOCK[1]}) AS granted`,
  });
  return rows[0]?.granted === true;
}

export async function releaseCycleLock(tx: Tx): Promise<void> {
  await tx.query({ text: `SELECT pg_advisory_unlock(${CYCLE_LOCK[0]}, ${CYCLE_LOCK[1]})` });
}

/** Notes that a cycle of this source has begun. */
export async function recordCycleStart(tx: Tx, source: CycleSource): Promise<void> {
  await tx.query({
    text: `INSERT INTO execution.processing_cycles AS c (source, started_at) VALUES ($1::text, clock_timestamp())
      ON CONFLICT (source) DO UPDATE SET started_at = EXCLUDED.started_at, finished_at = NULL, duration_ms = NULL,
        examined = 0, executed = 0, expired = 0, failed = 0, error_code = NULL`,
    values: [source],
  });
}

/** Notes how the last cycle of this source ended, now. It began `durationMs` ago. */
export async function recordCycleEnd(tx: Tx, source: CycleSource, result: CycleResult): Promise<void> {
  await tx.query({
    text: `INSERT INTO execution.processing_cycles AS c
        (source, started_at, finished_at, examined, executed, expired, failed, duration_ms, error_code)
      SELECT $1::text, t.at - $6::numeric * interval '1 millisecond', t.at, $2::integer, $3::integer, $4::integer,
        $5::integer, $6::numeric, $7::text FROM (SELECT clock_timestamp() AS at) t
      ON CONFLICT (source) DO UPDATE SET started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at,
        examined = EXCLUDED.examined, executed = EXCLUDED.executed, expired = EXCLUDED.expired,
        failed = EXCLUDED.failed, duration_ms = EXCLUDED.duration_ms, error_code = EXCLUDED.error_code`,
    values: [
      source,
      result.examined,
      result.executed,
      result.expired,
      result.failed,
      result.durationMs.toFixed(3),
      result.errorCode,
    ],
  });
}

/** The last recorded cycle of each source, the latest first. */
export async function findCycles(tx: Tx): Promise<RecordedCycle[]> {
  const { rows } = await tx.query<RecordedCycle>({
    name: 'find-processing-cycles',
    text: `SELECT source, started_at AS "startedAt", finished_at AS "finishedAt", examined, executed, expired, failed,
        duration_ms::float8 AS "durationMs", error_code AS "errorCode"
      FROM execution.processing_cycles ORDER BY started_at DESC, source`,
  });
  return rows;
}
