import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type HttpRequest, send } from '../../io/http.ts';
import { msUntil } from '../../io/until.ts';
import { withFeed } from '../../sandbox/quote-feed.ts';
import { sideBySide } from '../http/support/side-by-side.ts';

interface Facts {
  reads: number;
  /** Calls of the first provider while these were made. */
  calls: number;
  refused: number;
  /**
   * What a read takes beyond a request that reads nothing, by the lower quartiles of both: what the machine did beside
   * them is in the upper ones. The slowest in all.
   */
  beyondMs: number;
  slowestMs: number;
  /** What the provider took for each answer. */
  providerMs: number;
}

/** One after the other, for the latency; then side by side, for the share of calls. */
const readsAlone = 80;
const readsTogether = 400;
const atOnce = 8;
const warmUpReads = 20;
const providerMs = 1_500;
/** The checklist's own figures. */
const mostCallShare = 0.05;
const mostBeyondMs = 10;
const withinMs = 10_000;

export default defineGate<Facts>({
  id: 'market-data/quotes-are-cached',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:marketData'],
  measures: true,
  resources: ['quotes'],
  timeoutMs: 60_000,
  retry: { times: 1, why: 'A machine that is busy with something else is slow in each of its answers, once.' },
  covers: [
    'market-data.cache.effective',
    'market-data.cache',
    'market-data.cache.latency',
    'market-data.cache.hit-rate',
  ],
  unit: 'reads of a price',
  why: 'A provider takes a second and counts each call: whoever asks it for every order is slow, and locked out by noon.',
  fix: 'Fetch quotes beside the requests, keep the last one with its time, and let every request read that.',
  source: 'https://learn.microsoft.com/en-us/azure/architecture/patterns/cache-aside',

  async observe(context) {
    const { read, slow } = partOf(context.config, 'marketData');
    const key = context.sandbox.credentials.writers[0] ?? '';
    const facts = await withFeed(context, slow, async ({ primary, replica }) => {
      primary.behaviour = { kind: 'quotes', afterMs: providerMs };
      if ((await msUntil(context, withinMs, () => primary.askedAtMs.length >= 2)) === null) {
        throw new Error('the replica does not ask the provider that it was given');
      }
      const options = { key, signal: context.signal };
      const timed = async (request: HttpRequest): Promise<Timed> => {
        const startedAt = performance.now();
        const { status } = await send(replica.url, request, options);
        return { status, ms: performance.now() - startedAt };
      };
      const plain = { method: 'GET' as const, path: context.config.service.liveness };
      for (let n = 0; n < warmUpReads; n += 1) await timed(read);
      const [alone, idle]: [Timed[], Timed[]] = [[], []];
      for (let n = 0; n < readsAlone; n += 1) {
        alone.push(await timed(read));
        idle.push(await timed(plain));
      }
      const before = primary.askedAtMs.length;
      const together = await sideBySide(Array(readsTogether).fill(read), atOnce, timed);
      const all = [...alone, ...together];
      return {
        reads: readsTogether,
        calls: primary.askedAtMs.length - before,
        refused: all.filter(({ status }) => status >= 400).length,
        beyondMs: round(lowerQuartile(alone) - lowerQuartile(idle)),
        slowestMs: round(Math.max(...all.map(({ ms }) => ms))),
        providerMs,
      };
    });
    return { examined: facts.reads, facts };
  },

  judge: ({ reads: made, calls, refused, beyondMs, slowestMs, providerMs: each }) => {
    const finding = (identity: string, message: string): Finding => ({ message, identity });
    return [
      ...(refused > 0 ? [finding('refused', `${refused} of ${made} reads of a price were refused`)] : []),
      ...(calls > made * mostCallShare
        ? [
            finding(
              'calls',
              `${made} reads of a price made ${calls} calls of the provider: ${made * mostCallShare} at most`,
            ),
          ]
        : []),
      ...(beyondMs > mostBeyondMs
        ? [finding('latency', `a price costs a request ${beyondMs} ms: ${mostBeyondMs} at most`)]
        : []),
      ...(slowestMs >= each
        ? [
            finding(
              'slowest',
              `a read of a price took ${slowestMs} ms: it waited for the provider, which takes ${each} ms`,
            ),
          ]
        : []),
    ];
  },

  samples: {
    good: [facts({})],
    bad: [facts({ refused: 1 }), facts({ calls: 21 }), facts({ beyondMs: 14 }), facts({ slowestMs: 1_600 })],
  },

  /** Each read of a price asks somebody else first. */
  async sabotage(sandbox) {
    const { read } = partOf(sandbox.config, 'marketData');
    return sandbox.intercept(async (request, forward) => {
      if (request.method === read.method && request.path === read.path) await delay(slowReadMs);
      return forward(request);
    });
  },
});

const slowReadMs = 40;

interface Timed {
  status: number;
  ms: number;
}

function lowerQuartile(timed: readonly Timed[]): number {
  const sorted = timed.map(({ ms }) => ms).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 4)] ?? 0;
}

function round(ms: number): number {
  return Number(ms.toFixed(1));
}

function facts(change: Partial<Facts>): Facts {
  return { reads: 400, calls: 2, refused: 0, beyondMs: 3.1, slowestMs: 40, providerMs, ...change };
}
