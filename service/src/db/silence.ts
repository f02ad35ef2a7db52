import type { DatabasePool, Tx } from './pool.ts';
import { withConnection } from './pool.ts';

/**
 * How long PostgreSQL may leave a question without an answer that needs no disk, no lock and no table. A server that is frozen,
 * or at the other end of a dead link, refuses nothing: without this, each caller would find out for itself, by its own timeout.
 */
export const SILENCE_MS = 700;
/** From an answer to the next question. */
export const SILENCE_INTERVAL_MS = 100;

export interface SilenceOptions {
  /** A pool of its own, so that the question waits behind nothing. */
  readonly pool: DatabasePool;
  /** Whose callers are told at once when the server goes silent. */
  readonly cut: readonly DatabasePool[];
  /** Hears each change, and how it is now. It must not throw. */
  readonly onChange: (silent: boolean) => void;
  readonly silenceMs?: number;
}

export interface SilenceWatch {
  /** While this is true nothing is asked of the server but by the watch itself. */
  readonly isSilent: () => boolean;
  /** Asks once. Never throws: an error is an answer too, which every caller gets as fast for itself. */
  readonly look: () => Promise<void>;
}

/** Makes the watch; whoever owns it calls `look` again and again. */
export function createSilenceWatch(options: SilenceOptions): SilenceWatch {
  const { pool, silenceMs = SILENCE_MS, onChange } = options;
  let silent = false;
  const change = (to: boolean): void => {
    if (silent === to) return;
    silent = to;
    onChange(to);
  };
  return {
    isSilent: () => silent,
    look: async () => {
      const asked = withConnection(pool, ask).catch(() => undefined);
      const answered = await settlesWithin(silenceMs, asked);
      change(!answered);
      if (answered) return;
      for (const each of [pool, ...options.cut]) each.cut();
      await asked;
    },
  };
}

async function ask(tx: Tx): Promise<void> {
  await tx.query({ text: 'SELECT 1' });
}

async function settlesWithin(timeoutMs: number, work: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  // When this process itself stood still, the timer is late and the answer has long arrived: it is read before the check phase.
  const timer = setTimeout(() => setImmediate(() => late.resolve(false)), timeoutMs);
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
