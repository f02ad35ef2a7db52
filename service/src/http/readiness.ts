import type { Readiness } from './health.ts';

export interface ReadinessOptions {
  /** One cheap read through a connection of its own; rejects when the database cannot answer. */
  readonly askDatabase: () => Promise<unknown>;
  readonly isDraining: () => boolean;
  /** A database that has not answered by then counts as down. */
  readonly timeoutMs: number;
}

async function answersInTime(options: ReadinessOptions): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), options.timeoutMs);
  const asked = options.askDatabase().then(
    () => true,
    // Down is an answer here, not an error: the pool has reported the connection already.
    () => false,
  );
  try {
    return await Promise.race([asked, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Makes the readiness check. However many probes come at once, the database is asked once: probes are public, and must
 * not become a way to load it.
 */
export function createReadiness(options: ReadinessOptions): () => Promise<Readiness> {
  let inFlight: Promise<Readiness['database']> | undefined;
  const ask = async (): Promise<Readiness['database']> => {
    const startedAtMs = performance.now();
    const up = await answersInTime(options);
    return { status: up ? 'up' : 'down', latencyMs: Math.round(performance.now() - startedAtMs) };
  };
  return async () => {
    inFlight ??= ask().finally(() => {
      inFlight = undefined;
    });
    const database = await inFlight;
    const draining = options.isDraining();
    return { ready: database.status === 'up' && !draining, database, draining };
  };
}
