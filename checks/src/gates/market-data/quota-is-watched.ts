import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { msUntil } from '../../io/until.ts';
import { withFeed } from '../../sandbox/quote-feed.ts';

interface Facts {
  budget: number;
  /** Calls of each provider until no more came. */
  calls: number[];
  /** The calls came to an end in time. */
  ended: boolean;
}

/** What the checklist grants a day. */
const budget = 50;
const quietMs = 1_500;
const withinMs = 20_000;

export default defineGate<Facts>({
  id: 'market-data/quota-is-watched',
  severity: 'warning',
  profile: 'commit',
  long: true,
  needs: ['service', 'database', 'sandbox', 'config:marketData'],
  resources: ['quotes'],
  timeoutMs: 60_000,
  covers: ['market-data.budget-kept'],
  unit: 'calls of a provider',
  why: 'A plan of 500 calls a day is used up in minutes by a loop that nobody counts, and then costs money, or the account.',
  fix: 'Count the calls of each provider and day where they are made, and make none beyond the budget.',
  source: 'https://www.alphavantage.co/premium/',

  async observe(context) {
    const { callsPerDay } = partOf(context.config, 'marketData');
    const environment = { [callsPerDay]: String(budget), ...context.config.marketData?.override };
    const facts = await withFeed(context, environment, async ({ primary, secondary }): Promise<Facts> => {
      const total = () => primary.calls() + secondary.calls();
      let [seen, since] = [0, performance.now()];
      const quiet = () => {
        if (total() !== seen) [seen, since] = [total(), performance.now()];
        return seen > 0 && performance.now() - since > quietMs;
      };
      const ended = (await msUntil(context, withinMs, () => quiet() || primary.calls() > budget)) !== null;
      return { budget, calls: [primary.calls(), secondary.calls()], ended };
    });
    return { examined: facts.calls.reduce((sum, calls) => sum + calls, 0), facts };
  },

  judge: ({ budget: most, calls, ended }) => [
    ...calls.flatMap((count, index): Finding[] =>
      count > most
        ? [
            {
              message: `provider ${index + 1} was called ${count} times, ${most} a day are its budget`,
              identity: `calls ${index}`,
            },
          ]
        : [],
    ),
    ...(ended ? [] : [{ message: 'calls went on without an end that the budget sets', identity: 'ended' }]),
  ],

  samples: {
    good: [facts({})],
    bad: [facts({ calls: [51, 50] }), facts({ ended: false })],
  },

  /** The budget is one of another plan. */
  async sabotage(sandbox) {
    const part = partOf(sandbox.config, 'marketData');
    sandbox.config.marketData = { ...part, override: { [part.callsPerDay]: '1000000' } };
    return async () => {
      sandbox.config.marketData = part;
    };
  },
});

function facts(change: Partial<Facts>): Facts {
  return { budget, calls: [50, 50], ended: true, ...change };
}
