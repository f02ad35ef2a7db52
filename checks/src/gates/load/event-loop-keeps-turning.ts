import { defineGate, type Finding } from '../../engine/gate.ts';
import { startInspected } from '../../sandbox/inspected.ts';
import { beginWatch, type EngineSeen, endWatch } from './support/engine-watch.ts';
import { writeMany, writePaced, writesTo } from './support/paced.ts';
import { preloadModule } from './support/sabotaged-engine.ts';

interface Facts extends EngineSeen {
  writes: number;
  refused: number;
}

const warmUp = { writes: 100, atOnce: 5 };
const perSecond = 100;
const seconds = { short: 2, long: 600 };
/** Far above what a quiet machine shows (2 ms), and below what a client notices: two cores are shared with the database here. */
const mostDelayP99Ms = 100;
/** The young generation's collections take a millisecond or two; what takes longer walks a heap that is too large. */
const mostPauseMs = 75;
const mostPausedShare = 0.05;

export default defineGate<Facts>({
  id: 'load/event-loop-keeps-turning',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:write'],
  measures: true,
  covers: ['load.event-loop'],
  unit: 'writes',
  why: 'One thread answers everybody: while it collects garbage or parses a large text, every order waits, and no latency of one request shows why.',
  fix: 'Find what holds the thread with a CPU profile; give the young generation room (--max-semi-space-size) where collections are what holds it.',
  source: 'https://nodejs.org/en/learn/asynchronous-work/dont-block-the-event-loop',
  retry: { times: 1, why: 'A stall of the whole machine is none of the service, and one of the service comes again.' },
  timeoutMs: 60_000,
  longTimeoutMs: 15 * 60_000,

  async observe(context) {
    const inspected = await startInspected(context.sandbox);
    try {
      const from = writesTo(context, inspected.replica.url);
      await writeMany(from, warmUp.writes, warmUp.atOnce);
      await beginWatch(inspected);
      const attempts = await writePaced(from, perSecond, context.long ? seconds.long : seconds.short);
      const seen = await endWatch(inspected);
      const refused = attempts.filter(({ accepted }) => !accepted).length;
      return { examined: attempts.length, facts: { ...seen, writes: attempts.length, refused } };
    } finally {
      await inspected.close();
    }
  },

  judge: ({ delayP99Ms, longestPauseMs, pausedMs, watchedMs, writes, refused }) => {
    const finding = (identity: string, message: string): Finding => ({ message, identity });
    const share = pausedMs / watchedMs;
    return [
      ...(delayP99Ms > mostDelayP99Ms
        ? [
            finding(
              'delay',
              `the event loop came round ${Math.round(delayP99Ms)} ms late (p99) at ${perSecond} writes/s`,
            ),
          ]
        : []),
      ...(longestPauseMs > mostPauseMs
        ? [finding('pause', `one garbage collection stopped everything for ${Math.round(longestPauseMs)} ms`)]
        : []),
      ...(share > mostPausedShare
        ? [finding('paused', `${(share * 100).toFixed(1)} % of the time went into garbage collections`)]
        : []),
      ...(refused > 0 ? [finding('refused', `${refused} of ${writes} writes were not accepted`)] : []),
    ];
  },

  samples: {
    good: [facts({})],
    bad: [facts({ delayP99Ms: 180 }), facts({ longestPauseMs: 90 }), facts({ pausedMs: 300 }), facts({ refused: 1 })],
  },

  /** Something that is loaded before the service computes for a fifth of a second, again and again. */
  async sabotage(sandbox) {
    return preloadModule(sandbox, 'preflight-stall.mjs', stallingModule);
  },
});

const stallingModule = `setInterval(() => {
  const until = performance.now() + 200;
  while (performance.now() < until);
}, 500).unref();
`;

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ watchedMs: 3_000, delayP99Ms: 4, delayMaxMs: 12, pauses: 20, longestPauseMs: 3, pausedMs: 25 },
    ...{ cpuMs: 800, heapShare: 0.02, writes: 300, refused: 0 },
    ...change,
  };
}
