import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type LimitOrder, sampleOrder, tradeLimitOrders } from './support/limit-orders.ts';
import { falsifyQuotes } from './support/quotes.ts';

interface Facts {
  resting: string;
  withinMs: number;
  orders: LimitOrder[];
}

export default defineGate<Facts>({
  id: 'orders/limit-orders-fill-when-met',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:orders', 'config:quotes', 'config:processing', 'config:write'],
  alone: true,
  covers: ['orders.limit.fills-when-met', 'orders.limit.within-5-minutes'],
  unit: 'limit orders',
  why: 'An order that rests although the market is at its price is a trade that the customer was promised and did not get; one that fills before is a loss.',
  fix: 'Compare a buy with the ask and a sell with the bid, equality included; see that the processor runs, and that quotes reach it.',
  source: 'https://www.investor.gov/introduction-investing/investing-basics/how-stock-markets-work/types-orders',

  async observe(context) {
    const { resting, executedWithinMs } = partOf(context.config, 'orders');
    const orders = await tradeLimitOrders(context, 'justMet');
    return { examined: orders.length, facts: { resting, withinMs: executedWithinMs, orders } };
  },

  judge: ({ resting, withinMs, orders }) =>
    orders.flatMap(({ side, limit, quote, before, after, filledAfterMs }): Finding[] => {
      const order = `a ${side} at ${limit}`;
      if (before.status !== resting)
        return [
          {
            message: `${order} was ${before.status} before its price was met: ${resting} is wanted`,
            identity: `${side} too early`,
          },
        ];
      if (filledAfterMs !== null) return [];
      const at = `${quote.bid} / ${quote.ask}`;
      return [
        {
          message: `${order} was still ${after.status} ${withinMs} ms after the quote had come to ${at}`,
          identity: `${side} not filled`,
        },
      ];
    }),

  samples: {
    good: [{ resting: 'OPEN', withinMs: 5000, orders: [sampleOrder()] }],
    bad: [
      { resting: 'OPEN', withinMs: 5000, orders: [sampleOrder({ before: sampleOrder().after })] },
      { resting: 'OPEN', withinMs: 5000, orders: [sampleOrder({ after: sampleOrder().before, filledAfterMs: null })] },
    ],
  },

  /** Prices stand still, as those of a provider that answers from yesterday's cache. */
  sabotage({ config, databaseUrl }) {
    const { bid, ask } = partOf(config, 'quotes');
    return falsifyQuotes(config, databaseUrl, `NEW.${bid} := OLD.${bid}; NEW.${ask} := OLD.${ask};`);
  },
});
