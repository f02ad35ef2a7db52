import Big from 'big.js';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type LimitOrder, sampleOrder, tradeLimitOrders } from './support/limit-orders.ts';
import { falsifyQuotes } from './support/quotes.ts';

interface Facts {
  orders: LimitOrder[];
}

export default defineGate<Facts>({
  id: 'orders/fills-match-their-quotes',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:orders', 'config:quotes', 'config:processing', 'config:write'],
  alone: true,
  covers: ['orders.fills-match-quotes'],
  unit: 'fills',
  why: 'Paper money that trades at prices which nobody quoted makes a strategy look good until it is live.',
  fix: 'Buy at the ask and sell at the bid of the quote that met the limit, all of the quantity, and give back what was held beyond it.',
  source: 'https://www.finra.org/rules-guidance/rulebooks/finra-rules/5310',

  async observe(context) {
    const orders = (await tradeLimitOrders(context, 'better')).filter(({ filledAfterMs }) => filledAfterMs !== null);
    return { examined: orders.length, facts: { orders } };
  },

  judge: ({ orders }) =>
    orders.flatMap(({ side, limit, quote, after }): Finding[] => {
      const wanted = side === 'buy' ? quote.ask : quote.bid;
      const order = `a ${side} at ${limit}`;
      if (after.price === null || !new Big(after.price).eq(wanted))
        return [
          {
            message: `${order} was filled at ${after.price ?? 'no price'}, and the quote was ${quote.bid} / ${quote.ask}`,
            identity: `${side} at another price`,
          },
        ];
      if (new Big(after.held).eq(0)) return [];
      return [{ message: `${order} is filled, and still holds ${after.held} back`, identity: `${side} holds back` }];
    }),

  samples: {
    good: [{ orders: [sampleOrder(), sampleOrder({ side: 'sell', quote: { bid: '59991.230', ask: '60000' } })] }],
    bad: [
      { orders: [sampleOrder({ after: { ...sampleOrder().after, price: '60000' } })] },
      { orders: [sampleOrder({ after: { ...sampleOrder().after, price: null } })] },
      { orders: [sampleOrder({ side: 'sell' })] },
      { orders: [sampleOrder({ after: { ...sampleOrder().after, held: '0.00877' } })] },
    ],
  },

  /** What reaches the book is a little better than what was quoted: a unit of the quote's own, both ways. */
  sabotage({ config, databaseUrl }) {
    const { bid, ask } = partOf(config, 'quotes');
    return falsifyQuotes(
      config,
      databaseUrl,
      `NEW.${bid} := NEW.${bid} + 1; NEW.${ask} := greatest(NEW.${ask} - 1, NEW.${bid});`,
    );
  },
});
