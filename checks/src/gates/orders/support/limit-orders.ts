import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { withDatabase } from '../../../io/database.ts';
import { makeExecutableWrites, untilExecuted } from '../../../io/executed-writes.ts';
import { attemptWrite } from '../../../io/writes.ts';
import { type Quote, setQuote, withQuotes } from './quotes.ts';

/** An order as it is stored; decimal strings. */
export interface OrderState {
  status: string;
  filled: string;
  price: string | null;
  /** What it still holds back, of cash or of shares. */
  held: string;
}

/** One limit order: how it stood while its price was not met, and after the quote at which it had to be executed. */
export interface LimitOrder {
  side: 'buy' | 'sell';
  limit: string;
  quote: Quote;
  before: OrderState;
  after: OrderState;
  /** From the quote to the fill; null: it was not filled in time. */
  filledAfterMs: number | null;
}

const unseen: OrderState = { status: 'unseen', filled: '', price: null, held: '' };

/** As the configuration has it: its method is one that a write may have. */
export type LimitRequest = NonNullable<Config['orders']>['expiring'];

const lookEveryMs = 25;
const cycleWithinMs = 10_000;

/** Places an order of each side, sees them rest through a whole cycle, and then meets the price of one after the other. */
export function tradeLimitOrders(context: Context, at: 'justMet' | 'better'): Promise<LimitOrder[]> {
  const { limits, executedWithinMs, filled } = partOf(context.config, 'orders');
  return withQuotes(context, async () => {
    await setQuote(context, partOf(context.config, 'quotes').usual);
    const ids = await Promise.all(limits.map(({ request }) => placeOrder(context, request)));
    await oneCycle(context);
    const rested = await Promise.all(ids.map((id) => readOrder(context, id)));
    const traded: LimitOrder[] = [];
    for (const [n, { side, limit, [at]: quote }] of limits.entries()) {
      const [id = '', before = unseen] = [ids[n], rested[n]];
      const toldAtMs = performance.now();
      await setQuote(context, quote);
      const after = await untilStatus(context, id, filled, executedWithinMs);
      const filledAfterMs = after.status === filled ? Math.round(performance.now() - toldAtMs) : null;
      traded.push({ side, limit, quote, before, after, filledAfterMs });
    }
    return traded;
  });
}

/** Makes a write of its own, by the first writer. @throws when it is not accepted: then there is nothing to look at. */
export async function placeOrder(context: Context, request: LimitRequest): Promise<string> {
  const config = { write: { ...partOf(context.config, 'write'), request } };
  const { id, status } = await attemptWrite(
    { config, target: context.target, signal: context.signal },
    { idempotencyKey: randomUUID(), writer: 0 },
  );
  if (id === null) throw new Error(`the order that was to be looked at was answered ${status ?? 'not at all'}`);
  return id;
}

/** Comes back when the whole book was looked at: an order that is executable now was executed. */
async function oneCycle(context: Context): Promise<void> {
  const unfilled = await untilExecuted(context, await makeExecutableWrites(context, 1), cycleWithinMs);
  if (unfilled.length > 0)
    throw new Error(`no order was executed within ${cycleWithinMs / 1000} s: nobody looks at the book`);
}

export async function readOrder({ config, target }: Context, id: string): Promise<OrderState> {
  const sql = `SELECT * FROM (${partOf(config, 'orders').state}) AS o (status, filled, price, held)`;
  const [row] = await withDatabase(target.databaseUrl, (database) => database.query(sql, [id]));
  if (!row) throw new Error(`the database has no order ${id}, which was accepted`);
  return { status: row.status ?? '', filled: row.filled ?? '', price: row.price ?? null, held: row.held ?? '' };
}

/** Waits until the order has the status, at most so long, and gives it as it stands then. */
export async function untilStatus(context: Context, id: string, status: string, withinMs: number): Promise<OrderState> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const order = await readOrder(context, id);
    if (order.status === status || performance.now() > deadline) return order;
    await delay(lookEveryMs, undefined, { signal: context.signal });
  }
}

/** For samples: what a sound service does with a buy. */
export function sampleOrder(change: Partial<LimitOrder> = {}): LimitOrder {
  return {
    side: 'buy',
    limit: '60000',
    quote: { bid: '59990', ask: '59991.23' },
    before: { status: 'OPEN', filled: '0', price: null, held: '60' },
    after: { status: 'FILLED', filled: '0.001', price: '59991.23', held: '0' },
    filledAfterMs: 400,
    ...change,
  };
}
