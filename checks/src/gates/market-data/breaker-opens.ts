import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { msUntil } from '../../io/until.ts';
import { type Provider, withFeed } from '../../sandbox/quote-feed.ts';

interface Facts {
  failures: number;
  pauseMs: number;
  /** How often a provider that fails was asked before it was left alone; null: it never was. */
  askedBeforeOpen: number | null;
  /** For how long it was left alone. Null: it was not asked again in time. */
  alonePausedMs: number | null;
  /** After it had answered as often as closes the breaker, and failed again: how often it was asked before it was left alone. */
  askedAfterClosing: number | null;
}

/** The short form's pause; the long form waits for the configured one. */
const shortPauseMs = 2_000;
const withinMs = 10_000;
/** Left alone: not asked for most of the pause. */
const quietShare = 0.6;
const earlyShare = 0.9;
const lateMs = 3_000;

export default defineGate<Facts>({
  id: 'market-data/breaker-opens',
  severity: 'blocker',
  profile: 'commit',
  long: true,
  needs: ['service', 'database', 'sandbox', 'config:marketData'],
  resources: ['quotes'],
  timeoutMs: 60_000,
  longTimeoutMs: 240_000,
  covers: [
    'market-data.breaker',
    'market-data.breaker.opens',
    'market-data.breaker.half-opens',
    'market-data.breaker.closes',
  ],
  unit: 'calls of a provider',
  why: 'A provider that is down is kept down by everybody who asks it again at once, and each call that fails costs its whole timeout.',
  fix: 'Open after five failures within a minute, try again after 30 seconds, and believe it after three answers.',
  source: 'https://learn.microsoft.com/en-us/azure/architecture/patterns/circuit-breaker',

  async observe(context) {
    const { breaker } = partOf(context.config, 'marketData');
    const pauseMs = context.long ? breaker.pauseMs : shortPauseMs;
    // A sabotage that names another pause has its way.
    const environment = { [breaker.pause]: String(pauseMs), ...context.config.marketData?.override };
    const facts = await withFeed(context, environment, async ({ primary }): Promise<Facts> => {
      primary.behaviour = { kind: 'refuses' };
      const askedBeforeOpen = await askedUntilQuiet(context, primary, 0, pauseMs);
      const openedAt = primary.askedAtMs.at(-1) ?? performance.now();
      primary.behaviour = { kind: 'quotes' };
      const open = primary.askedAtMs.length;
      const again = await msUntil(context, pauseMs + withinMs, () => primary.askedAtMs.length > open);
      const alonePausedMs = again === null ? null : Math.round((primary.askedAtMs[open] ?? 0) - openedAt);
      // One more than closes it: the last of them was asked of a closed one.
      await msUntil(context, withinMs, () => primary.askedAtMs.length > open + breaker.successes);
      primary.behaviour = { kind: 'refuses' };
      const closed = primary.askedAtMs.length;
      const askedAfterClosing = await askedUntilQuiet(context, primary, closed, pauseMs);
      return { failures: breaker.failures, pauseMs, askedBeforeOpen, alonePausedMs, askedAfterClosing };
    });
    return { examined: (facts.askedBeforeOpen ?? 0) + (facts.askedAfterClosing ?? 0) + 1, facts };
  },

  judge: ({ failures, pauseMs, askedBeforeOpen, alonePausedMs, askedAfterClosing }) => {
    const finding = (identity: string, message: string): Finding => ({ message, identity });
    // A call that was under way when the behaviour changed counts on neither side.
    const isRight = (asked: number | null) => asked !== null && Math.abs(asked - failures) <= 1;
    const tooEarly = alonePausedMs !== null && alonePausedMs < pauseMs * earlyShare;
    const tooLate = alonePausedMs === null || alonePausedMs > pauseMs + lateMs;
    return [
      ...(isRight(askedBeforeOpen)
        ? []
        : [
            finding(
              'open',
              `a provider that fails was left alone after ${askedBeforeOpen ?? 'no number of'} calls, not ${failures}`,
            ),
          ]),
      ...(tooEarly || tooLate
        ? [finding('half-open', `it was tried again after ${alonePausedMs ?? 'more than'} ms, not ${pauseMs}`)]
        : []),
      ...(isRight(askedAfterClosing)
        ? []
        : [
            finding(
              'close',
              `after it had recovered it was left alone after ${askedAfterClosing ?? 'no number of'} failures, not ${failures}`,
            ),
          ]),
    ];
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ askedBeforeOpen: null }),
      facts({ askedBeforeOpen: 20 }),
      facts({ alonePausedMs: 400 }),
      facts({ alonePausedMs: null }),
      facts({ askedAfterClosing: 1 }),
      facts({ askedAfterClosing: null }),
    ],
  },

  /** It opens, and is over at once. */
  async sabotage(sandbox) {
    const part = partOf(sandbox.config, 'marketData');
    sandbox.config.marketData = { ...part, override: part.without.breaker };
    return async () => {
      sandbox.config.marketData = part;
    };
  },
});

/** How often it was asked since `from` until it was left alone; null when it never was, in time. */
async function askedUntilQuiet(
  context: Context,
  { askedAtMs }: Provider,
  from: number,
  pauseMs: number,
): Promise<number | null> {
  const quiet = () => askedAtMs.length > from && performance.now() - (askedAtMs.at(-1) ?? 0) > pauseMs * quietShare;
  return (await msUntil(context, withinMs + pauseMs, quiet)) === null ? null : askedAtMs.length - from;
}

function facts(change: Partial<Facts>): Facts {
  return { failures: 5, pauseMs: 30_000, askedBeforeOpen: 5, alonePausedMs: 30_100, askedAfterClosing: 5, ...change };
}
