import type { Inspected } from '../../../sandbox/inspected.ts';

/** What the engine of a process did while it was watched. */
export interface EngineSeen {
  watchedMs: number;
  /** How late the event loop came round: 99 % of the samples, and the latest of them. Milliseconds beyond the sampling interval. */
  delayP99Ms: number;
  delayMaxMs: number;
  /** How often the garbage collector stopped the world, for how long at most, and for how long in all. */
  pauses: number;
  longestPauseMs: number;
  pausedMs: number;
  /** Processor time of the process, in milliseconds. */
  cpuMs: number;
  /** Of the heap that V8 may grow to, the share that is in use. */
  heapShare: number;
}

const resolutionMs = 10;

/** Begins to watch; both expressions need nothing of the service. https://nodejs.org/api/perf_hooks.html */
export async function beginWatch({ evaluate }: Inspected): Promise<void> {
  await evaluate(`(() => {
    const { monitorEventLoopDelay, PerformanceObserver } = process.getBuiltinModule('node:perf_hooks');
    const watch = { startedAt: performance.now(), cpu: process.cpuUsage(), pauses: [] };
    watch.delay = monitorEventLoopDelay({ resolution: ${resolutionMs} });
    watch.delay.enable();
    watch.observer = new PerformanceObserver((list) => watch.pauses.push(...list.getEntries().map((e) => e.duration)));
    watch.observer.observe({ entryTypes: ['gc'] });
    globalThis.preflightWatch = watch;
  })()`);
}

/** Ends what {@link beginWatch} began, and tells what was seen. */
export async function endWatch({ evaluate }: Inspected): Promise<EngineSeen> {
  return evaluate<EngineSeen>(`(() => {
    const { delay, observer, pauses, cpu, startedAt } = globalThis.preflightWatch;
    pauses.push(...observer.takeRecords().map((e) => e.duration));
    delay.disable();
    observer.disconnect();
    const { user, system } = process.cpuUsage(cpu);
    const { used_heap_size, heap_size_limit } = process.getBuiltinModule('node:v8').getHeapStatistics();
    const late = (ns) => Math.max(0, ns / 1e6 - ${resolutionMs});
    return {
      watchedMs: performance.now() - startedAt,
      delayP99Ms: late(delay.percentile(99)),
      delayMaxMs: late(delay.max),
      pauses: pauses.length,
      longestPauseMs: Math.max(0, ...pauses),
      pausedMs: pauses.reduce((sum, ms) => sum + ms, 0),
      cpuMs: (user + system) / 1000,
      heapShare: used_heap_size / heap_size_limit,
    };
  })()`);
}
