import { setTimeout as delay } from 'node:timers/promises';
import { send } from './http.ts';

/** One look at a path. Times are milliseconds of the monotonic clock. */
export interface Probe {
  startedAtMs: number;
  endedAtMs: number;
  /** Null: there was no answer within the limit. */
  status: number | null;
  retryAfter: string | null;
}

export interface ProbeOptions {
  url: string;
  path: string;
  signal: AbortSignal;
  /** From the end of one look to the next. Default: 25 ms. */
  everyMs?: number;
  /** Default: 2 s. */
  timeoutMs?: number;
}

/** Looks that follow each other without an end, until they are stopped. */
export interface Probes {
  /** The latest that has ended. */
  last(): Probe | undefined;
  /** Those that were under way at some moment of the time between, as far as they have ended. */
  between(fromMs: number, toMs: number): Probe[];
  /** The first that began at or after a moment and is as it is wanted; undefined when there is none within the limit. */
  answeredAfter(atMs: number, wanted: (probe: Probe) => boolean, withinMs: number): Promise<Probe | undefined>;
  /** The same from now on. @throws when there is none. */
  until(wanted: (probe: Probe) => boolean, withinMs: number): Promise<Probe>;
  stop(): Promise<void>;
}

const defaultEveryMs = 25;
const defaultTimeoutMs = 2_000;
const lookEveryMs = 10;
/** Bounds what is remembered, whatever the code around it does. */
const mostProbes = 50_000;

export function startProbes({
  url,
  path,
  signal,
  everyMs = defaultEveryMs,
  timeoutMs = defaultTimeoutMs,
}: ProbeOptions): Probes {
  const probes: Probe[] = [];
  let stopped = false;
  const look = async (): Promise<Probe> => {
    const startedAtMs = performance.now();
    const ended = (status: number | null, retryAfter: string | null): Probe => {
      return { startedAtMs, endedAtMs: performance.now(), status, retryAfter };
    };
    try {
      const { status, headers } = await send(url, { method: 'GET', path }, { timeoutMs });
      return ended(status, headers.get('retry-after'));
    } catch {
      // No answer is what is looked for here, as much as an answer.
      return ended(null, null);
    }
  };
  const all = (async () => {
    while (!stopped && !signal.aborted && probes.length < mostProbes) {
      probes.push(await look());
      await delay(everyMs);
    }
  })();
  const answeredAfter: Probes['answeredAfter'] = async (atMs, wanted, withinMs) => {
    const deadline = atMs + withinMs;
    for (;;) {
      const found = probes.find((probe) => probe.startedAtMs >= atMs && wanted(probe));
      if (found) return found.endedAtMs <= deadline ? found : undefined;
      if (performance.now() > deadline || stopped) return undefined;
      await delay(lookEveryMs, undefined, { signal });
    }
  };
  return {
    last: () => probes.at(-1),
    between: (fromMs, toMs) => probes.filter(({ startedAtMs, endedAtMs }) => endedAtMs > fromMs && startedAtMs < toMs),
    answeredAfter,
    async until(wanted, withinMs) {
      const found = await answeredAfter(performance.now(), wanted, withinMs);
      if (!found)
        throw new Error(
          `${url}${path} was not answered as it was waited for within ${withinMs} ms: ${described(probes.at(-1))}`,
        );
      return found;
    },
    async stop() {
      stopped = true;
      await all;
    },
  };
}

function described(last: Probe | undefined): string {
  if (!last) return 'nothing was asked';
  return last.status === null ? 'the last look had no answer' : `the last answer was ${last.status}`;
}
