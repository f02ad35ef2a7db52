import type { Chart } from '../../engine/chart.ts';
import { defineGate } from '../../engine/gate.ts';
import type { Attempt } from '../../io/writes.ts';
import { startInspected } from '../../sandbox/inspected.ts';
import { writeMany, writesTo } from './support/paced.ts';
import { preloadModule } from './support/sabotaged-engine.ts';
import { slopeOf } from './support/slope.ts';

interface Sample {
  /** Writes since the warm-up. */
  writes: number;
  /** Bytes in use after a whole garbage collection. */
  heapBytes: number;
}

interface Facts {
  samples: Sample[];
  mostBytesPerWrite: number;
  /** Writes that were not accepted: they do not fill what a leak would. */
  refused: number;
  /** For whoever reads a report. */
  charts: Chart[];
}

/**
 * The first writes fill caches, pools and compiled code, and V8 lets go of code that was not called between several
 * collections: neither is what stays.
 */
const warmUp = { rounds: 6, writes: 50 };
const short = { rounds: 5, writes: 150 };
/** Two hours of a busy day, at the pace of the machine. */
const long = { rounds: 60, writes: 6_000 };
const atOnce = 10;
/**
 * What V8 gives back in the first seconds comes to a kilobyte a write in the short form, so that only what is well above it
 * is told as a leak; over 360,000 writes it is nothing, and a leak of 1 KB is four times the bound.
 */
const mostBytesPerWrite = { short: 2_048, long: 256 };

export default defineGate<Facts>({
  id: 'load/memory-stays-level',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:write'],
  covers: ['load.no-leaks', 'load.memory', 'load.passed', 'load.heartbeats'],
  unit: 'writes',
  why: 'A leak is no fault of the first hour: it ends the process on the busiest day, and each restart hides it.',
  fix: 'Compare two heap snapshots under load, and look at what grows: listeners, maps without a bound, closures that timers hold.',
  source: 'https://nodejs.org/en/learn/diagnostics/memory/using-heap-snapshot',
  timeoutMs: 60_000,
  longTimeoutMs: 3 * 3_600_000,

  async observe(context) {
    const { rounds, writes } = context.long ? long : short;
    const inspected = await startInspected(context.sandbox);
    try {
      const from = writesTo(context, inspected.replica.url);
      const attempts: Attempt[] = [];
      for (let round = 0; round < warmUp.rounds; round += 1) {
        attempts.push(...(await writeMany(from, warmUp.writes, atOnce)));
        await inspected.heapAfterCollection();
      }
      const samples: Sample[] = [];
      for (let round = 0; round < rounds; round += 1) {
        context.signal.throwIfAborted();
        samples.push({ writes: round * writes, heapBytes: await inspected.heapAfterCollection() });
        attempts.push(...(await writeMany(from, writes, atOnce)));
      }
      samples.push({ writes: rounds * writes, heapBytes: await inspected.heapAfterCollection() });
      const refused = attempts.filter(({ accepted }) => !accepted).length;
      const most = context.long ? mostBytesPerWrite.long : mostBytesPerWrite.short;
      const facts = { samples, mostBytesPerWrite: most, refused, charts: [chartOf(samples)] };
      return { examined: attempts.length, facts };
    } finally {
      await inspected.close();
    }
  },

  judge: ({ samples, refused, mostBytesPerWrite: most }) => {
    const { perX, lower } = slopeOf(samples.map(({ writes, heapBytes }) => ({ x: writes, y: heapBytes })));
    const kept = `${Math.round(perX)} bytes of each write stay on the heap after a garbage collection`;
    return [
      // The lower quarter too: one collection that came late is no leak.
      ...(perX > most && lower > 0
        ? [{ message: `${kept}: ${most} at most are taken for noise`, identity: 'slope' }]
        : []),
      ...(refused > 0 ? [{ message: `${refused} writes were not accepted under this load`, identity: 'refused' }] : []),
    ];
  },

  samples: {
    good: [facts(() => 40_000_000), facts((writes) => 40_000_000 + (writes === 300 ? 900_000 : 0))],
    bad: [facts((writes) => 40_000_000 + writes * 4_096), { ...facts(() => 40_000_000), refused: 1 }],
  },

  /** Something that is loaded before the service keeps four kilobytes of each request: a cache without a bound. */
  async sabotage(sandbox) {
    return preloadModule(sandbox, 'preflight-leak.mjs', leakingModule);
  },
});

/** A text of its own for each request: a literal would be shared. */
const leakingModule = `import { Server } from 'node:http';
const kept = [];
const { emit } = Server.prototype;
Server.prototype.emit = function (name, ...rest) {
  if (name === 'request') kept.push(Array.from({ length: 512 }, Math.random));
  return emit.call(this, name, ...rest);
};
`;

const chartPoints = 60;

function chartOf(samples: readonly Sample[]): Chart {
  const points = samples.slice(0, chartPoints + 1).map(({ writes, heapBytes }) => ({
    label: String(writes),
    value: Number((heapBytes / 1_048_576).toFixed(2)),
  }));
  return { title: 'Heap after a garbage collection, by writes', unit: 'MB', form: 'line', points };
}

function facts(heapAfter: (writes: number) => number): Facts {
  const samples = [0, 150, 300, 450, 600].map((writes) => ({ writes, heapBytes: heapAfter(writes) }));
  return { samples, mostBytesPerWrite: mostBytesPerWrite.short, refused: 0, charts: [] };
}
