import { z } from 'zod';
import { environment, request, table } from './shapes.ts';

/** Both sides of a price, as they are written. */
export const quote = z.strictObject({ bid: z.string(), ask: z.string() });

/** Where prices stand, and how to set the one that the writes of `orders` are about. */
export const quotes = z.strictObject({
  table,
  /** Its columns. */
  bid: z.string(),
  ask: z.string(),
  asOf: z.string(),
  /** True of that one row. */
  of: z.string(),
  /** How it stands in the sandbox. */
  usual: quote,
  /** Older than this, it prices nothing. */
  maxAgeSeconds: z.int().min(1),
});

/** Where prices come from. The gates stand in for two providers, on the loopback, and watch a replica that asks them. */
export const marketData = z.strictObject({
  /** Environment of that replica, in a hurry: `{primary}` and `{secondary}` are URLs in which `{symbol}` stands for the symbol. */
  environment,
  /** A symbol with the quote that it has in the sandbox; for any other symbol the providers answer 404. */
  symbol: z.string(),
  bid: z.string(),
  ask: z.string(),
  /** What a provider answers, as the service reads it. */
  answer: z.custom<(quote: { bid: string; ask: string; asOf: string }) => unknown>(
    (value) => typeof value === 'function',
    'a function is wanted',
  ),
  /** Selects of the symbol $1 what prices orders now: its source. One row at most. */
  stored: z.string(),
  /** A GET that shows the price of each holding, and how old it is: names in its answer. No price may be older. */
  prices: z.strictObject({
    path: z.string().startsWith('/'),
    items: z.string(),
    symbol: z.string(),
    price: z.string(),
    ageMs: z.string(),
    mostAgeMs: z.int().min(1),
  }),
  /** Reads or judges by a price, and changes nothing. */
  read: request,
  /** What the log says when two providers disagree. */
  disagreement: z.string(),
  /** So many failures open the breaker, for so long; these are its environment, and what closes it again. */
  breaker: z.strictObject({
    /** S3:104 to S3:106 want five, three, and 30 seconds. */
    failures: z.int().min(1).max(5),
    successes: z.int().min(1).max(3),
    pause: z.string(),
    pauseMs: z.int().min(1_000).max(30_000),
  }),
  /** The counter of requests of each provider, by what became of them. */
  requests: z.strictObject({ counter: z.string(), provider: z.string(), outcome: z.string() }),
  /** The variable with the budget of calls of a day. */
  callsPerDay: z.string(),
  /** Environment in which a provider may take two seconds for an answer. */
  slow: environment,
  /** What is promised while no provider can be believed. */
  lost: z
    .strictObject({
      /** Environment in which a quote prices nothing any more after a second or two. */
      environment,
      /** A counter of the process, with labels, that an alert looks at: it moves when a symbol with waiting orders has no price. */
      alarm: z.strictObject({ metric: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
      /** A write that cannot wait for a price, and how it is refused: the status, and what its answer says. */
      immediate: request,
      refusal: z.strictObject({ status: z.int(), says: z.string() }),
    })
    .optional(),
  /** Environment that has the last word. */
  override: environment.default({}),
  /** Environment that takes a promise back, for the proofs. */
  without: z.strictObject({ secondProvider: environment, breaker: environment }),
  /** Puts the quotes back as the seed had made them, and lets the next replica ask at once. */
  reset: z.array(z.string()).min(1),
});
