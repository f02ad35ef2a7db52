import pg from 'pg';

/** Pauses before connecting again, doubled up to the longest. */
const RECONNECT_MIN_MS = 250;
const RECONNECT_MAX_MS = 10_000;
const CONNECTION_TIMEOUT_MS = 5_000;

export interface ListenOptions {
  readonly connectionString: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** A name made of lower-case letters and underscores. */
  readonly channel: string;
  /** Hears of every notification, and of every connection made, because some may have been missed before it. Must not throw. */
  readonly onNotify: () => void;
  /** Hears of lost and refused connections. Must not throw. */
  readonly onError: (error: Error) => void;
}

/** A connection of its own that hears notifications. */
export interface Listener {
  /** Repeated calls are harmless. */
  stop(): Promise<void>;
}

/**
 * Listens, and connects again whenever the connection is lost. A notification may be missed all the same: whoever listens
 * polls beside it.
 *
 * @throws RangeError for a channel that would need quoting.
 */
export function listen(options: ListenOptions): Listener {
  if (!/^[a-z_]{1,63}$/.test(options.channel)) {
    throw new RangeError('not a plain channel name');
  }
  const stopping = new AbortController();
  const finished = keepListening(options, stopping.signal);
  return {
    stop: () => {
      stopping.abort();
      return finished;
    },
  };
}

async function keepListening(options: ListenOptions, stopping: AbortSignal): Promise<void> {
  let pauseMs = RECONNECT_MIN_MS;
  while (!stopping.aborted) {
    try {
      await listenOnce(options, stopping, () => {
        pauseMs = RECONNECT_MIN_MS;
      });
    } catch (error) {
      options.onError(error instanceof Error ? error : new Error(String(error)));
    }
    await pause(pauseMs, stopping);
    pauseMs = Math.min(pauseMs * 2, RECONNECT_MAX_MS);
  }
}

/** Resolves when it is stopped, and rejects when the connection is lost. */
async function listenOnce(options: ListenOptions, stopping: AbortSignal, connected: () => void): Promise<void> {
  const client = new pg.Client({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    keepAlive: true,
  });
  const ended = Promise.withResolvers<void>();
  client.on('error', ended.reject);
  client.on('end', () => ended.reject(new Error('the listening connection ended')));
  client.on('notification', options.onNotify);
  const stop = (): void => ended.resolve();
  stopping.addEventListener('abort', stop);
  // Lost while it is still connecting, it would otherwise be a rejection that nobody has taken up yet.
  ended.promise.catch(() => undefined);
  try {
    await client.connect();
    await client.query(`LISTEN ${options.channel}`);
    connected();
    options.onNotify();
    if (!stopping.aborted) {
      await ended.promise;
    }
  } finally {
    stopping.removeEventListener('abort', stop);
    await client.end();
  }
}

/** Ends early when it is stopped. */
function pause(durationMs: number, stopping: AbortSignal): Promise<void> {
  if (stopping.aborted) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    stopping.addEventListener('abort', done);
  });
}
