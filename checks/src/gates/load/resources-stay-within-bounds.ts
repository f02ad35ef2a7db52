import { defineGate, type Finding } from '../../engine/gate.ts';
import { startInspected } from '../../sandbox/inspected.ts';
import { beginWatch, endWatch } from './support/engine-watch.ts';
import { writeMany, writePaced, writesTo } from './support/paced.ts';
import { preloadModule } from './support/sabotaged-engine.ts';

interface Facts {
  writes: number;
  refused: number;
  /** Of the one core that a process of Node has. */
  cpuShare: number;
  /** Of the heap that it may grow to. */
  heapShare: number;
}

const warmUp = { writes: 300, atOnce: 5 };
const perSecond = 100;
const seconds = 60;
/** The checklist's own figures. */
const mostCpu = 0.7;
const mostMemory = 0.8;

export default defineGate<Facts>({
  id: 'load/resources-stay-within-bounds',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:write'],
  measures: true,
  long: true,
  covers: ['load.resources.bounded'],
  unit: 'writes',
  why: 'A process that needs most of its core for the load of a usual day has none left for the busiest one.',
  fix: 'Find the widest frames of a CPU profile under load; then more replicas, each with a pool of its own.',
  source: 'https://sre.google/sre-book/addressing-cascading-failures/',
  timeoutMs: 180_000,

  async observe(context) {
    const inspected = await startInspected(context.sandbox);
    try {
      const from = writesTo(context, inspected.replica.url);
      await writeMany(from, warmUp.writes, warmUp.atOnce);
      await beginWatch(inspected);
      const attempts = await writePaced(from, perSecond, seconds);
      const { cpuMs, watchedMs, heapShare } = await endWatch(inspected);
      const refused = attempts.filter(({ accepted }) => !accepted).length;
      const facts = { writes: attempts.length, refused, cpuShare: cpuMs / watchedMs, heapShare };
      return { examined: attempts.length, facts };
    } finally {
      await inspected.close();
    }
  },

  judge: ({ writes, refused, cpuShare, heapShare }) => {
    const finding = (identity: string, message: string): Finding => ({ message, identity });
    const percent = (share: number) => `${Math.round(share * 100)} %`;
    return [
      ...(cpuShare >= mostCpu
        ? [
            finding(
              'cpu',
              `${perSecond} writes/s take ${percent(cpuShare)} of a core: less than ${percent(mostCpu)} is wanted`,
            ),
          ]
        : []),
      ...(heapShare >= mostMemory
        ? [
            finding(
              'memory',
              `${percent(heapShare)} of the heap are in use: less than ${percent(mostMemory)} is wanted`,
            ),
          ]
        : []),
      ...(refused > 0 ? [finding('refused', `${refused} of ${writes} writes were not accepted`)] : []),
    ];
  },

  samples: {
    good: [facts({})],
    bad: [facts({ cpuShare: 0.7 }), facts({ heapShare: 0.85 }), facts({ refused: 3 })],
  },

  /** Something that is loaded before the service keeps the core busy for four fifths of the time, a little at a time. */
  async sabotage(sandbox) {
    return preloadModule(sandbox, 'preflight-busy.mjs', busyModule);
  },
});

const busyModule = `setInterval(() => {
  const until = performance.now() + 8;
  while (performance.now() < until);
}, 10).unref();
`;

function facts(change: Partial<Facts>): Facts {
  return { writes: 6_000, refused: 0, cpuShare: 0.35, heapShare: 0.02, ...change };
}
