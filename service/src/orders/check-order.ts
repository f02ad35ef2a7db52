import { withConnection } from '../db/pool.ts';
import type { NewOrder } from '../domain/order.ts';
import { type JudgeDeps, type Judgement, judgeOrder, readFacts } from './place-order.ts';

/**
 * Says what would become of an order now, and changes nothing: the same facts in the same statement, judged by the same
 * function as a placement, but without its locks. So it waits for nobody, and what it says may be over a moment later.
 *
 * @throws OrderServiceError those of `judgeOrder`.
 */
export async function checkOrder(deps: JudgeDeps, accountId: string, order: NewOrder): Promise<Judgement> {
  const facts = await withConnection(deps.pool, (tx) =>
    readFacts(tx, deps, {
      accountId,
      key: null,
      symbol: order.symbol,
      clientOrderId: order.clientOrderId,
      quoteMaxAgeMs: deps.limits.quoteMaxAgeMs,
    }),
  );
  return judgeOrder(facts, deps, order);
}
