import type { Tx } from './pool.ts';

/** Whether resting orders are executed, and who said so when and why. */
export interface ProcessingPause {
  readonly paused: boolean;
  readonly reason: string;
  readonly changedBy: string;
  readonly changedAt: string;
}

const COLUMNS = 'paused, reason, changed_by AS "changedBy", changed_at AS "changedAt"';

/** The newest word on it, or undefined while nobody has paused anything. */
export async function findProcessingPause(tx: Tx): Promise<ProcessingPause | undefined> {
  const { rows } = await tx.query<ProcessingPause>({
    name: 'find-processing-pause',
    text: `SELECT ${COLUMNS} FROM execution.processing_pauses ORDER BY seq DESC LIMIT 1`,
  });
  return rows[0];
}

/** Pauses or goes on; saying the same again is on record, too. */
export async function insertProcessingPause(
  tx: Tx,
  { paused, reason, changedBy }: Omit<ProcessingPause, 'changedAt'>,
): Promise<ProcessingPause> {
  const { rows } = await tx.query<ProcessingPause>({
    text: `INSERT INTO execution.processing_pauses (paused, reason, changed_by)
      VALUES ($1::boolean, $2::text, $3::text) RETURNING ${COLUMNS}`,
    values: [paused, reason, changedBy],
  });
  const [row] = rows;
  if (row === undefined) {
    throw new Error('the row that was inserted was not returned');
  }
  return row;
}
