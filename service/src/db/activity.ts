import type { Tx } from './pool.ts';

/** Where the outbox's trigger tells that there is something to project (migrations/0041_activity.sql). */
export const EVENTS_CHANNEL = 'portfolio_events';

/** An event that was projected. */
export interface ProjectedEvent {
  readonly eventId: string;
  readonly accountId: string;
  readonly orderId: string;
  readonly type: string;
  /** Null unless it tells of a fill. */
  readonly fillId: string | null;
  /** False when the activity was there already: the event came a second time. */
  readonly first: boolean;
}

/**
 * Claimed by what is not processed yet and never by a number: a lower number may commit later. The claim is the row's
 * lock, so that a projector that dies has claimed nothing.
 */
export const PROJECT_SQL = `
  WITH claimed AS MATERIALIZED (
    SELECT e.id, e.order_id, e.type, e.payload, e.created_at FROM execution.portfolio_events_outbox e
    WHERE e.processed_at IS NULL ORDER BY e.id LIMIT $1::integer FOR UPDATE SKIP LOCKED
  ), entered AS (
    INSERT INTO portfolio.activity (event_id, account_id, order_id, type, data, at)
    SELECT c.id, o.account_id, c.order_id, c.type, c.payload, c.created_at
    FROM claimed c JOIN execution.orders o ON o.id = c.order_id
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id
  ), queued AS (
    INSERT INTO portfolio.webhook_deliveries (event_id) SELECT event_id FROM entered WHERE $2::boolean
  ), processed AS (
    UPDATE execution.portfolio_events_outbox e SET processed_at = now() FROM claimed c WHERE e.id = c.id
  )
  SELECT c.id AS "eventId", o.account_id AS "accountId", c.order_id AS "orderId", c.type, c.payload->>'fillId' AS "fillId",
    EXISTS (SELECT FROM entered n WHERE n.event_id = c.id) AS first
  FROM claimed c JOIN execution.orders o ON o.id = c.order_id ORDER BY c.id`;

/** Turns events of the outbox into activity, at most `batch` that nobody else holds; queues them for the webhook if asked. */
export async function projectEvents(tx: Tx, batch: number, forWebhook: boolean): Promise<ProjectedEvent[]> {
  const { rows } = await tx.query<ProjectedEvent>({
    name: 'project-events',
    text: PROJECT_SQL,
    values: [batch, forWebhook],
  });
  return rows;
}

/** Something that happened to an order of an account. */
export interface Activity {
  /** Of the event: a receiver that sees it twice takes it once. */
  readonly id: string;
  readonly type: string;
  readonly orderId: string;
  /** RFC 3339 in UTC. */
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** What became of telling the webhook; null where none was configured. */
  readonly webhook: 'PENDING' | 'DELIVERED' | 'DEAD' | null;
}

export interface ActivityFilter {
  readonly accountId: string;
  /** Only activity with a lower number. */
  readonly before: string | null;
  readonly limit: number;
}

/** Newest first. */
export async function findActivity(tx: Tx, filter: ActivityFilter): Promise<Activity[]> {
  const { rows } = await tx.query<Activity>({
    name: 'find-activity',
    text: `SELECT a.event_id AS id, a.type, a.order_id AS "orderId", a.at, a.data, d.status AS webhook
      FROM portfolio.activity a LEFT JOIN portfolio.webhook_deliveries d ON d.event_id = a.event_id
      WHERE a.account_id = $1::uuid AND ($2::bigint IS NULL OR a.event_id < $2::bigint)
      ORDER BY a.event_id DESC LIMIT $3::integer`,
    values: [filter.accountId, filter.before, filter.limit],
  });
  return rows;
}
