import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';
import { actAsTarget } from '../deploy/support/as-target.ts';

interface Price {
  /** Null: the target has no price. */
  price: string | null;
  ageMs: number | null;
}

interface Facts {
  symbol: string;
  mostAgeMs: number;
  prices: Price[];
}

const looks = 3;

export default defineGate<Facts>({
  id: 'market-data/quotes-are-fresh',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target', 'config:marketData'],
  covers: ['market-data.fresh'],
  unit: 'looks at a price',
  why: 'A feed that has stopped looks like a quiet market: everything answers, and nothing is executed, or at the price of this morning.',
  fix: 'Look at the log for providers that do not answer or disagree, and at their keys and budgets; orders wait until a fresh quote comes.',
  source: 'https://prometheus.io/docs/practices/instrumentation/#timestamps-not-time-since',

  async observe({ config, signal }) {
    const { url, keys } = partOf(config, 'target');
    const { symbol, prices: where } = partOf(config, 'marketData');
    if (!keys.writer) throw new Error('the target has no keys.writer: an account that holds the symbol is wanted');
    const prices: Price[] = [];
    for (let look = 0; look < looks; look += 1) {
      const { status, text } = await send(url, { method: 'GET', path: where.path }, { key: keys.writer, signal });
      if (status !== 200) throw new Error(`${where.path} answered ${status}`);
      const body = JSON.parse(text) as Record<string, Record<string, unknown>[]>;
      const held = body[where.items]?.find((each) => each[where.symbol] === symbol);
      if (!held) throw new Error(`the account of keys.writer holds no ${symbol}: its price is not shown`);
      const [price, age] = [held[where.price], held[where.ageMs]];
      prices.push({ price: typeof price === 'string' ? price : null, ageMs: typeof age === 'number' ? age : null });
    }
    return { examined: prices.length, facts: { symbol, mostAgeMs: where.mostAgeMs, prices } };
  },

  judge: ({ symbol, mostAgeMs, prices }) => {
    const bad = prices.find(({ price, ageMs }) => price === null || ageMs === null || ageMs > mostAgeMs);
    if (!bad) return [];
    const age = bad.ageMs === null ? 'no price at all' : `a price that is ${Math.round(bad.ageMs / 1_000)} s old`;
    return [
      { message: `the target has ${age} of ${symbol}: ${mostAgeMs / 1_000} s at most are promised`, identity: symbol },
    ];
  },

  samples: {
    good: [facts({})],
    bad: [facts({ price: null, ageMs: null }), facts({ ageMs: 60_000 }), facts({ ageMs: null })],
  },

  /** A sandbox has no feed: its quote is made new. */
  async prepare(sandbox) {
    const { reset } = partOf(sandbox.config, 'marketData');
    await withDatabase(sandbox.databaseUrl, async (database) => {
      for (const sql of reset) await database.query(sql);
    });
    return actAsTarget(sandbox);
  },

  /** The feed has stopped for ten minutes: so the target says. */
  async sabotage(sandbox) {
    const { symbol, prices: where } = partOf(sandbox.config, 'marketData');
    return sandbox.intercept(async (request, forward) => {
      const answer = await forward(request);
      if (request.method !== 'GET' || request.path !== where.path || answer.status !== 200) return answer;
      const body = JSON.parse(answer.body.toString('utf8')) as Record<string, Record<string, unknown>[]>;
      const items = (body[where.items] ?? []).map((each) =>
        each[where.symbol] === symbol ? { ...each, [where.ageMs]: 600_000 } : each,
      );
      return { ...answer, body: Buffer.from(JSON.stringify({ ...body, [where.items]: items })) };
    });
  },
});

function facts(change: Partial<Price>): Facts {
  return { symbol: 'BTCUSDT', mostAgeMs: 15_000, prices: [{ price: '65000', ageMs: 800, ...change }] };
}
