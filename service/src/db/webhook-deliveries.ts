import type { Tx } from './pool.ts';

/** A delivery that this process may try now. */
export interface ClaimedDelivery {
  readonly eventId: string;
  /** 1 for the first try; it names this claim. */
  readonly attempt: number;
  readonly accountId: string;
  readonly orderId: string;
  readonly type: string;
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Claims what is due, the longest due first. The claim runs out after `leaseMs`, so that a sender that dies holds nothing. */
export async function claimDeliveries(tx: Tx, batch: number, leaseMs: number): Promise<ClaimedDelivery[]> {
  const { rows } = await tx.query<ClaimedDelivery>({
    name: 'claim-deliveries',
    text: `WITH due AS MATERIALIZED (
        SELECT d.event_id FROM portfolio.webhook_deliveries d
        WHERE d.status = 'PENDING' AND d.next_attempt_at <= now()
        ORDER BY d.next_attempt_at LIMIT $1::integer FOR UPDATE SKIP LOCKED
      )
      UPDATE portfolio.webhook_deliveries d
      SET attempts = d.attempts + 1, next_attempt_at = now() + $2::integer * interval '1 millisecond'
      FROM due JOIN portfolio.activity a USING (event_id) WHERE d.event_id = due.event_id
      RETURNING d.event_id AS "eventId", d.attempts AS attempt, a.account_id AS "accountId", a.order_id AS "orderId",
        a.type, a.at, a.data`,
    values: [batch, leaseMs],
  });
  return rows;
}

/** What became of a try. `retryInMs` null: it was the last. */
export type DeliveryResult =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed'; readonly error: string; readonly retryInMs: number | null };

/** Longest error that the table takes. */
const ERROR_MAX = 200;

/** Records the result of a claim, unless it ran out and somebody else has claimed the delivery since. Says whether it did. */
export async function settleDelivery(tx: Tx, claim: ClaimedDelivery, result: DeliveryResult): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'settle-delivery',
    text: `UPDATE portfolio.webhook_deliveries
      SET status = $3::text, last_error = $4::text,
        next_attempt_at = now() + coalesce($5::bigint, 0) * interval '1 millisecond',
        settled_at = CASE WHEN $3::text <> 'PENDING' THEN now() END
      WHERE event_id = $1::bigint AND attempts = $2::integer AND status = 'PENDING'`,
    values: [
      claim.eventId,
      claim.attempt,
      statusAfter(result),
      result.kind === 'failed' ? result.error.slice(0, ERROR_MAX) : null,
      result.kind === 'failed' ? result.retryInMs : null,
    ],
  });
  return rowCount === 1;
}

function statusAfter(result: DeliveryResult): 'PENDING' | 'DELIVERED' | 'DEAD' {
  if (result.kind === 'delivered') {
    return 'DELIVERED';
  }
  return result.retryInMs === null ? 'DEAD' : 'PENDING';
}
