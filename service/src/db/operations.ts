import type { Tx } from './pool.ts';

/** Past this many the backlog is counted no further: an alarm needs no more. */
const BACKLOG_COUNTED_MAX = 10_000;

/** How the work behind the requests stands; times in seconds, null where there is nothing to tell of. */
export interface Operations {
  /** Events that the portfolio has not taken in yet; at most 10,000 are counted. */
  readonly outboxBacklog: number;
  /** Age of the oldest of them: how far the portfolio may be behind. 0 when there is none. */
  readonly portfolioStalenessS: number;
  readonly reconciliationAgeS: number | null;
  readonly reconciliationDurationS: number | null;
  readonly reconciliationActions: number | null;
  readonly reconciliationUnresolved: number | null;
}

/** Reads all of it in one statement, by indexes. */
export async function readOperations(tx: Tx): Promise<Operations> {
  const { rows } = await tx.query<Operations & object>({
    name: 'read-operations',
    text: `
      SELECT (SELECT count(*) FROM (SELECT FROM execution.portfolio_events_outbox WHERE processed_at IS NULL
                LIMIT ${BACKLOG_COUNTED_MAX}) waiting)::integer AS "outboxBacklog",
        coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at) FROM execution.portfolio_events_outbox
                  WHERE processed_at IS NULL ORDER BY id LIMIT 1), 0)::float8 AS "portfolioStalenessS",
        extract(epoch FROM clock_timestamp() - r.finished_at)::float8 AS "reconciliationAgeS",
        extract(epoch FROM r.finished_at - r.started_at)::float8 AS "reconciliationDurationS",
        r.actions AS "reconciliationActions", r.unresolved AS "reconciliationUnresolved"
      FROM (SELECT) one LEFT JOIN LATERAL (
        SELECT * FROM execution.reconciliation_runs ORDER BY id DESC LIMIT 1
      ) r ON true`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the state of operations is exactly one row');
  return row;
}
