import { readFile } from 'node:fs/promises';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { makeExecutableWrites, untilExecuted } from '../../io/executed-writes.ts';
import { msUntil } from '../../io/until.ts';
import { type Feed, withFeed } from '../../sandbox/quote-feed.ts';

interface Facts {
  /** The log told of a difference of so many basis points; null: it did not, in time. */
  toldAfterMs: { bps: number; ms: number | null }[];
  /** Of the orders that waited while the providers were far apart, how many were executed meanwhile. */
  writes: number;
  executedApart: number;
  /** How many were not executed exactly once after the providers had come together again. */
  wrongTogether: number;
}

/** Just beyond the tenth of a percent that the checklist tolerates, and far beyond everything. */
const slightBps = 11;
const farBps = 500;
const writes = 3;
const withinMs = 8_000;
/** Several turns of a processor that looks twice a second. */
const apartForMs = 1_500;

export default defineGate<Facts>({
  id: 'market-data/providers-agree',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:marketData', 'config:processing', 'config:write'],
  alone: true,
  resources: ['quotes'],
  timeoutMs: 60_000,
  covers: ['market-data.cross-checked', 'market-data.accuracy'],
  unit: 'differences and orders',
  why: 'A provider that is wrong by a digit fills every order at a price that nobody pays; only another one can tell.',
  fix: 'Compare the providers of each quote, tell of what is beyond the tolerance, and price nothing while they contradict each other.',
  source: 'https://www.sec.gov/rules-regulations/2010/11/s7-03-10',

  async observe(context) {
    const facts = await withFeed(context, {}, async (feed): Promise<Facts> => {
      const toldAfterMs: Facts['toldAfterMs'] = [];
      for (const bps of [slightBps, farBps]) {
        const linesBefore = await linesOf(context, feed);
        feed.secondary.behaviour = { kind: 'quotes', shiftBps: bps };
        const told = async () => (await linesOf(context, feed)) > linesBefore;
        toldAfterMs.push({ bps, ms: await msUntil(context, withinMs, told) });
      }
      const ids = await makeExecutableWrites(context, writes);
      const early = await untilExecuted(context, ids, apartForMs);
      const executedApart = ids.length - early.filter(({ times }) => times === 0).length;
      feed.secondary.behaviour = { kind: 'quotes' };
      const wrongTogether = (await untilExecuted(context, ids, withinMs)).length;
      return { toldAfterMs, writes: ids.length, executedApart, wrongTogether };
    });
    return { examined: facts.toldAfterMs.length + facts.writes, facts };
  },

  judge: ({ toldAfterMs, writes: made, executedApart, wrongTogether }) => [
    ...toldAfterMs
      .filter(({ ms }) => ms === null)
      .map(
        ({ bps }): Finding => ({
          message: `two providers lay ${bps / 100} % apart, and nobody was told within ${withinMs / 1_000} s`,
          identity: `told ${bps}`,
        }),
      ),
    ...(executedApart > 0
      ? [
          {
            message: `${executedApart} of ${made} orders were executed while two providers lay ${farBps / 100} % apart`,
            identity: 'apart',
          },
        ]
      : []),
    ...(wrongTogether > 0
      ? [
          {
            message: `${wrongTogether} of ${made} orders were not executed once after the providers agreed again`,
            identity: 'together',
          },
        ]
      : []),
  ],

  samples: {
    good: [facts({})],
    bad: [
      facts({ toldAfterMs: [{ bps: slightBps, ms: null }] }),
      facts({ executedApart: 1 }),
      facts({ wrongTogether: 3 }),
    ],
  },

  /** Nobody asks a second one. */
  async sabotage(sandbox) {
    const part = partOf(sandbox.config, 'marketData');
    sandbox.config.marketData = { ...part, environment: { ...part.environment, ...part.without.secondProvider } };
    return async () => {
      sandbox.config.marketData = part;
    };
  },
});

/** How many lines of the replica's log say that providers disagree. */
async function linesOf({ config }: Parameters<typeof withFeed>[0], { replica }: Feed): Promise<number> {
  const text = await readFile(replica.logFile, 'utf8');
  return text.split(partOf(config, 'marketData').disagreement).length - 1;
}

function facts(change: Partial<Facts>): Facts {
  const toldAfterMs = [
    { bps: slightBps, ms: 90 },
    { bps: farBps, ms: 60 },
  ];
  return { toldAfterMs, writes: 3, executedApart: 0, wrongTogether: 0, ...change };
}
