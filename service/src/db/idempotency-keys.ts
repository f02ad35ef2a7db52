import type { Tx } from './pool.ts';

/** Forgets replies that nobody may ask for any more, oldest first, at most `batch`. Resolves with how many. */
export async function removeOldReplies(tx: Tx, olderThanMs: number, batch: number): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'remove-old-replies',
    text: `
      DELETE FROM execution.idempotency_keys k USING (
        SELECT account_id, key FROM execution.idempotency_keys
        WHERE created_at < now() - $1::float8 * interval '1 millisecond'
        ORDER BY created_at LIMIT $2::integer FOR UPDATE SKIP LOCKED
      ) old WHERE k.account_id = old.account_id AND k.key = old.key`,
    values: [olderThanMs, batch],
  });
  return rowCount ?? 0;
}
