import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { PROBLEM_CONTENT_TYPE } from './problem.ts';
import { RAW_SECURITY_HEADERS } from './security-headers.ts';

/** What Node's parser refused, and how it is answered. https://nodejs.org/api/http.html#event-clienterror */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers what never became a request, in the form of every other error, and closes the connection. */
export function answerMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUSES[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? 'Error';
  const body = JSON.stringify({
    type: 'urn:order-service:problem:invalid_request',
    title,
    status,
    code: 'invalid_request',
    detail: 'The request is not well formed, too long, or did not arrive in time.',
  });
  const headers = {
    ...RAW_SECURITY_HEADERS,
    'Content-Type': PROBLEM_CONTENT_TYPE,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${body}`);
}
