import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../../engine/context.ts';
import { nowMs } from '../../io/writes.ts';
import { scrape } from '../../sandbox/scrape.ts';

/** A process, and what a scrape of it takes. */
export interface ScrapedFrom extends Pick<Context, 'config' | 'signal'> {
  url: string;
  metricsUrl: string;
}

/** One series, or the sum of several. */
export interface Series {
  metric: string;
  labels: Record<string, string>;
}

export interface Reading {
  atMs: number;
  value: number;
}

/** A gauge that is read again and again. */
export interface GaugeWatch {
  readonly readings: readonly Reading[];
  /** Resolves with the first reading from now on that is as wanted. @throws when there is none within the limit. */
  until(wanted: (value: number) => boolean, withinMs: number): Promise<Reading>;
  stop(): Promise<void>;
}

const everyMs = 50;
const lookEveryMs = 10;
/** Bounds what is remembered, whatever the code around it does. */
const mostReadings = 5_000;

/** Reads it until it is stopped. A scrape that fails is no reading. */
export function watchGauge(from: ScrapedFrom, series: Series): GaugeWatch {
  const { signal } = from;
  const readings: Reading[] = [];
  let stopped = false;
  const all = (async () => {
    while (!stopped && !signal.aborted && readings.length < mostReadings) {
      const value = await readGauge(from, series).catch(() => undefined);
      if (value !== undefined) readings.push({ atMs: nowMs(), value });
      await delay(everyMs);
    }
  })();
  return {
    readings,
    async until(wanted, withinMs) {
      const seen = readings.length;
      const deadline = performance.now() + withinMs;
      for (;;) {
        const found = readings.slice(seen).find(({ value }) => wanted(value));
        if (found) return found;
        if (performance.now() > deadline) {
          throw new Error(
            `${series.metric} was not as it was waited for within ${withinMs} ms: ${readings.at(-1)?.value}`,
          );
        }
        await delay(lookEveryMs, undefined, { signal });
      }
    },
    async stop() {
      stopped = true;
      await all;
    },
  };
}

/** The sum of the series with these labels. @throws when it cannot be scraped, or has no such series. */
export async function readGauge(from: ScrapedFrom, { metric, labels }: Series): Promise<number> {
  const samples = (await scrape(from, from)).find(({ name }) => name === metric)?.samples ?? [];
  const own = samples.filter((sample) =>
    Object.entries(labels).every(([name, value]) => sample.labels[name] === value),
  );
  if (own.length === 0)
    throw new Error(`the scrape has no series of ${metric} with the labels ${JSON.stringify(labels)}`);
  return own.reduce((sum, { value }) => sum + value, 0);
}
