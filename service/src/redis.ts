/** One connection to Redis, for whatever the service keeps there. Loaded and connected only when REDIS_URL is set. */
import type { RedisClientType } from '@redis/client';

/** What Redis answers with. */
export type RedisReply = string | number | null | readonly RedisReply[];

export interface RedisOptions {
  readonly url: string;
  /** Longest wait for one answer, in milliseconds. */
  readonly commandTimeoutMs: number;
  /** Hears once of each loss of the connection, not of every attempt to have it back. It must not throw. */
  readonly onError: (error: Error) => void;
  /**
   * With it, Redis tells when a key that was read through this connection changed, by whatever cause, and the connection
   * tells when it stands anew. A hint and no more: it may come late or not at all. It must not throw.
   */
  readonly onChange?: () => void;
}

export interface Redis {
  /** Begins to connect, and goes on trying until `close`. Does not wait for it. */
  readonly start: () => Promise<void>;
  /**
   * Sends one command, its words as they are.
   * @throws RedisUnavailableError at once while there is no connection, after `commandTimeoutMs` without an answer, and
   * for what Redis refuses. A command without an answer may or may not have been carried out.
   */
  readonly send: (command: readonly string[]) => Promise<RedisReply>;
  readonly close: () => Promise<void>;
}

/** There was no answer of use. The cause, when there is one, says why. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError';
}

const CONNECT_TIMEOUT_MS = 1000;
const RECONNECT_DELAY_MAX_MS = 500;
const RECONNECT_STEP_MS = 50;
/** Commands that wait for an answer; one more is refused at once. */
const QUEUE_MAX = 1000;
/** A server that is frozen keeps its connections open: without an answer to a ping for so long, ours is made anew. */
const PING_INTERVAL_MS = 1000;
const SILENCE_MAX_MS = 3000;

async function connect(options: RedisOptions): Promise<RedisClientType> {
  const { createClient } = await import('@redis/client');
  const client: RedisClientType = createClient({
    url: options.url,
    name: 'order-service',
    // A queue without a connection answers late or never; whoever asks has a decision to make now.
    disableOfflineQueue: true,
    commandsQueueMaxLength: QUEUE_MAX,
    emitInvalidate: options.onChange !== undefined,
    pingInterval: PING_INTERVAL_MS,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MAX_MS,
      reconnectStrategy: (attempts) => Math.min(attempts * RECONNECT_STEP_MS, RECONNECT_DELAY_MAX_MS),
    },
  });
  let told = false;
  client.on('ready', () => {
    told = false;
    options.onChange?.();
  });
  client.on('invalidate', () => options.onChange?.());
  client.on('error', (error: Error) => {
    if (!told) options.onError(error);
    told = true;
  });
  return client;
}

/** The answer, or a rejection when it does not come in time. */
async function within<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const giveUp = (): void => late.reject(new RedisUnavailableError(`no answer within ${timeoutMs} ms`));
  // When this process itself stood still, the timer is late and the answer has long arrived: it is read before the check phase.
  const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Makes the connection's holder. Nothing is loaded or connected before `start`. */
export function createRedis(options: RedisOptions): Redis {
  let client: RedisClientType | undefined;
  let closed = false;
  return {
    start: async () => {
      const made = await connect(options);
      if (closed) return;
      client = made;
      // It resolves with the first connection and rejects when closed before; `send` tells in either case.
      made.connect().catch(() => undefined);
    },
    send: async (command) => {
      if (client?.isReady !== true) throw new RedisUnavailableError('no connection');
      try {
        return await within(options.commandTimeoutMs, client.sendCommand<RedisReply>([...command]));
      } catch (error) {
        if (error instanceof RedisUnavailableError) throw error;
        throw new RedisUnavailableError('the command failed', { cause: error });
      }
    },
    close: async () => {
      closed = true;
      if (client?.isOpen === true) client.destroy();
      client = undefined;
    },
  };
}
