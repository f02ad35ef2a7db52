import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerMalformed } from './malformed.ts';

/** An HTTP server that can be started and drained. */
export interface Listener {
  /** Resolves with the actual port. Rejects with a ListenError when the address cannot be had. */
  readonly listen: (host: string, port: number) => Promise<number>;
  /** Takes no new connection, lets requests in flight finish, closes idle connections. Harmless when never started. */
  readonly drain: () => Promise<void>;
  /** Cuts every connection, whatever it is doing. */
  readonly cut: () => void;
}

/** The address cannot be listened on; the message says which, the cause why. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: string;

  constructor(host: string, port: number, cause: unknown) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    const why = code === 'EADDRINUSE' ? 'something else listens there already' : String(code ?? 'unknown error');
    super(`cannot listen on ${host}:${port}: ${why}`, { cause });
    this.code = typeof code === 'string' ? code : 'ELISTEN';
  }
}

/**
 * Longer than the 60 s for which common proxies keep an idle connection, so that it is never we who close a connection
 * which the proxy is just about to use. https://github.com/nodejs/node/issues/20256
 */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** For the request line and headers, and for the whole request. */
const HEADERS_TIMEOUT_MS = 10_000;
const RECEIVE_TIMEOUT_MS = 30_000;
const CONNECTIONS_MAX = 4096;
/** A key, a few ids and what proxies add need a tenth of this; more is answered with 431. */
const HEADER_BYTES_MAX = 16_384;
const HEADERS_MAX = 100;

/** Wraps a handler in a server with every timeout and bound set. */
export function createListener(handler: RequestListener): Listener {
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: RECEIVE_TIMEOUT_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    handler,
  );
  server.maxHeadersCount = HEADERS_MAX;
  server.on('clientError', answerMalformed);
  server.maxConnections = CONNECTIONS_MAX;
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const refuse = (error: Error): void => reject(new ListenError(host, port, error));
        server.once('error', refuse);
        server.listen(port, host, () => {
          server.off('error', refuse);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    drain: () =>
      new Promise((resolve) => {
        // Not listening is the only error that close knows, and exactly what was asked for.
        server.close(() => resolve());
      }),
    cut: () => server.closeAllConnections(),
  };
}
