import { partOf } from '../config.ts';
import { defineDrill } from '../engine/gate.ts';
import type { InvariantSeen } from '../io/invariants.ts';
import { startToxicLink, type Toxic } from '../sandbox/toxic-links.ts';
import { acknowledgeRefusals } from './support/acknowledge-refusals.ts';
import {
  badOutages,
  findingsOfOutage,
  type OutageSeen,
  outageSample,
  rowOfOutage,
  seeOutage,
} from './support/outage.ts';
import { findingsOfInvariants, invariantsNow } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

interface Facts {
  outages: OutageSeen[];
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

interface Spoilt {
  fault: string;
  toxic: Toxic;
  /** No write gets through it. */
  refuses: boolean;
}

const standsMs = 3_000;
/** From a healed link to the first write that is taken. */
const writesAgainMs = 5_000;

/** A timeout of 0 keeps a connection open and passes nothing on. Sizes are in bytes, times in milliseconds or, of the slicer, microseconds. */
const spoilt: readonly Spoilt[] = [
  { fault: 'a half-open link to PostgreSQL', toxic: { type: 'timeout', attributes: { timeout: 0 } }, refuses: true },
  {
    fault: 'a link to PostgreSQL that resets',
    ...{ toxic: { type: 'reset_peer', attributes: { timeout: 0 } }, refuses: true },
  },
  {
    fault: 'a link to PostgreSQL that is 2 s slow, and jitters',
    ...{ toxic: { type: 'latency', attributes: { latency: 2_000, jitter: 300 } }, refuses: true },
  },
  {
    fault: 'a link to PostgreSQL that breaks after 4 KB',
    ...{ toxic: { type: 'limit_data', attributes: { bytes: 4_096 } }, refuses: false },
  },
  {
    fault: 'a link to PostgreSQL that passes a few bytes at a time',
    ...{ toxic: { type: 'slicer', attributes: { average_size: 64, size_variation: 32, delay: 500 } }, refuses: false },
  },
];

export default defineDrill<Facts>({
  id: 'drills/slow-and-broken-links',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'toxiproxy-server', 'config:write', 'config:outage'],
  covers: ['failover.links'],
  unit: 'orders',
  // A frozen PostgreSQL, which looks the same from inside, is struck by every run: drills/postgres-stopped.
  long: true,
  timeoutMs: 180_000,
  why: 'A server that is gone refuses; a link that is dead says nothing at all, and every caller who waits for it holds a connection that others need.',
  fix: 'Bound every wait on the client’s side, notice silence apart from slowness, and drop connections that do not answer.',
  source: 'https://github.com/Shopify/toxiproxy',

  steadyState: mustBeSteady,

  async strike(context) {
    const { sandbox, tools, config } = context;
    const bounds = { ...partOf(config, 'outage'), writesAgainMs };
    const link = await startToxicLink(sandbox, tools, sandbox.serviceDatabaseUrl);
    try {
      const replica = await sandbox.startReplica({}, { databaseUrl: link.url });
      try {
        const outages: OutageSeen[] = [];
        for (const { fault, toxic, refuses } of spoilt) {
          const strike = () => link.spoil(toxic);
          const about = {
            fault,
            url: replica.url,
            strike,
            end: link.heal,
            standsMs,
          };
          // What is only slow or trickles may stay ready: what counts is that nobody waits.
          const own = refuses ? bounds : { ...bounds, answerMs: bounds.inFlightMs, notReadyMs: null };
          outages.push(await seeOutage(context, { ...about, bounds: { ...own, refuses } }));
        }
        const sum = (value: (seen: OutageSeen) => number) => outages.reduce((total, seen) => total + value(seen), 0);
        const facts = { outages, invariants: await invariantsNow(context), rows: outages.map(rowOfOutage) };
        return { examined: sum(({ attempts }) => attempts), struckInFlight: sum(({ inFlight }) => inFlight), facts };
      } finally {
        await replica.close();
      }
    } finally {
      await link.close();
    }
  },

  undo: async () => undefined,

  judge: ({ outages, invariants }) => [...outages.flatMap(findingsOfOutage), ...findingsOfInvariants(invariants)],

  samples: {
    good: [facts([outageSample()])],
    bad: [
      ...badOutages.map((outage) => facts([outage])),
      { ...facts([]), invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] },
    ],
  },

  sabotage: acknowledgeRefusals,
});

function facts(outages: OutageSeen[]): Facts {
  return { outages, invariants: [], rows: [] };
}
