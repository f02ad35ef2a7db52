import { z } from 'zod';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { send } from '../../io/http.ts';
import { retold } from '../../sandbox/front.ts';
import { setQuote, withQuotes } from '../orders/support/quotes.ts';

/** One position as its owner sees it. */
interface Shown {
  unrealised: string | null;
  priceAgeMs: number | null;
  reason: string | null;
}

interface Facts {
  /** With a price that is good, and with one that was good so long ago. */
  fresh: Shown;
  stale: Shown;
  staleSeconds: number;
}

/** How far a clock may be off, and how long a request may take. */
const slackMs = 10_000;

export default defineGate<Facts>({
  id: 'money/unrealised-has-an-age',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:portfolio', 'config:quotes'],
  alone: true,
  covers: ['money.unrealised'],
  unit: 'looks at a position',
  why: 'A profit at a price of yesterday looks like one of now, and zero looks like no profit: both are acted on.',
  fix: 'Show with the profit how old its price is; past the bound show it as unknown, and say why.',
  source: 'https://www.cfainstitute.org/en/ethics-standards/codes/gips-standards',

  observe(context) {
    const { usual, maxAgeSeconds } = partOf(context.config, 'quotes');
    const staleSeconds = maxAgeSeconds + 1;
    return withQuotes(context, async () => {
      await setQuote(context, usual);
      const fresh = await shown(context);
      await setQuote(context, usual, staleSeconds);
      return { examined: 2, facts: { fresh, stale: await shown(context), staleSeconds } };
    });
  },

  judge: ({ fresh, stale, staleSeconds }) => [...judgeFresh(fresh), ...judgeStale(stale, staleSeconds)],

  samples: {
    good: [facts({})],
    bad: [
      facts({ fresh: { unrealised: null, priceAgeMs: null, reason: 'price_missing' } }),
      facts({ fresh: { unrealised: '12.5', priceAgeMs: null, reason: null } }),
      facts({ fresh: { unrealised: '12.5', priceAgeMs: 90_000, reason: null } }),
      facts({ stale: { unrealised: '12.5', priceAgeMs: 601_000, reason: null } }),
      facts({ stale: { unrealised: '0', priceAgeMs: 601_000, reason: 'price_stale' } }),
      facts({ stale: { unrealised: null, priceAgeMs: 601_000, reason: null } }),
      facts({ stale: { unrealised: null, priceAgeMs: null, reason: 'price_stale' } }),
    ],
  },

  /** What is unknown is shown as zero. */
  async sabotage({ config, intercept }) {
    const { request, positions } = partOf(config, 'portfolio');
    const { list, unrealised } = positions;
    const zeroed = (each: Record<string, unknown>) => ({ ...each, [unrealised]: each[unrealised] ?? '0' });
    return intercept(
      retold(request.path, (body) => ({ ...body, [list]: (body[list] as Record<string, unknown>[]).map(zeroed) })),
    );
  },
});

/** The first writer's position of the symbol. @throws when there is none: then there is no profit to look at. */
async function shown({ config, target, signal }: Context): Promise<Shown> {
  const { request, positions, symbol } = partOf(config, 'portfolio');
  const { status, text } = await send(target.url, request, { key: target.credentials.writers[0] ?? '', signal });
  if (status !== 200) throw new Error(`${request.method} ${request.path} answered ${status}`);
  const page = z.object({ [positions.list]: z.array(z.record(z.string(), z.unknown())) }).parse(JSON.parse(text));
  const position = page[positions.list]?.find((each) => each[positions.symbol] === symbol);
  if (!position) throw new Error(`the first writer holds no ${symbol}: there is no profit to look at`);
  return {
    unrealised: z.string().nullable().parse(position[positions.unrealised]),
    priceAgeMs: z.number().nullable().parse(position[positions.priceAgeMs]),
    reason: z.string().nullable().parse(position[positions.reason]),
  };
}

function judgeFresh({ unrealised, priceAgeMs, reason }: Shown): Finding[] {
  if (unrealised === null)
    return [{ message: `with a price of now the profit is unknown: ${reason}`, identity: 'unknown at a fresh price' }];
  if (priceAgeMs !== null && priceAgeMs <= slackMs) return [];
  const age = priceAgeMs === null ? 'nothing' : `${priceAgeMs} ms`;
  return [{ message: `of a price that was set just now, the age is told as ${age}`, identity: 'age of a fresh price' }];
}

function judgeStale({ unrealised, priceAgeMs, reason }: Shown, staleSeconds: number): Finding[] {
  const price = `a price of ${staleSeconds} s ago`;
  if (unrealised !== null)
    return [
      { message: `at ${price} the profit is told as ${unrealised}, not as unknown`, identity: 'stale price used' },
    ];
  if (reason === null || priceAgeMs === null)
    return [
      { message: `at ${price} the profit is unknown, and neither age nor reason is told`, identity: 'no reason' },
    ];
  return [];
}

function facts(change: Partial<Facts>): Facts {
  return {
    fresh: { unrealised: '12.5', priceAgeMs: 40, reason: null },
    stale: { unrealised: null, priceAgeMs: 601_000, reason: 'price_stale' },
    staleSeconds: 601,
    ...change,
  };
}
