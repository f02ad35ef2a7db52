import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { freePorts } from './server.ts';

export interface FrontRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface FrontResponse {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** What stands between the gates and the service: it may change a request, an answer, or keep one from the other. */
export type Interception = (
  request: FrontRequest,
  forward: (request: FrontRequest) => Promise<FrontResponse>,
) => Promise<FrontResponse>;

export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

const forwardTimeoutMs = 10_000;
/** Headers that belong to one connection, not to the message. https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'content-length',
  'host',
  'content-encoding',
]);

/** A proxy on the loopback, for sabotage: the service behind it stays whole, and any service can be given the same fault. */
export async function startFront(upstream: string, intercept: Interception): Promise<Front> {
  const forward = (request: FrontRequest) => forwardTo(upstream, request);
  const server = createServer((request, response) => {
    // Where the service gives no answer, its client must get none either: a cut connection, as without the proxy.
    answer(request, response, (read) => intercept(read, forward)).catch(() => request.socket.destroy());
  });
  const [port] = await freePorts(1);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  respond: (request: FrontRequest) => Promise<FrontResponse>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = endToEnd(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const {
    status,
    headers: out,
    body,
  } = await respond({
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers,
    body: Buffer.concat(chunks),
  });
  response.writeHead(status, out).end(body);
}

/** @throws when the server behind gives no answer. */
export async function forwardTo(upstream: string, request: FrontRequest): Promise<FrontResponse> {
  const { method, path, headers, body } = request;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const response = await fetch(upstream + path, {
    method,
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(forwardTimeoutMs),
    ...(hasBody ? { body: new Uint8Array(body) } : {}),
  });
  return {
    status: response.status,
    headers: endToEnd([...response.headers]),
    body: Buffer.from(await response.arrayBuffer()),
  };
}

function endToEnd(headers: [string, string][]): Record<string, string> {
  return Object.fromEntries(headers.filter(([name]) => !hopByHop.has(name.toLowerCase())));
}

/** Tells otherwise what the service answers with 200 and JSON at a path: `change` is given the body. */
export function retold(path: string, change: (body: Record<string, unknown>) => object): Interception {
  return async (request, forward) => {
    const answer = await forward(request);
    if (request.path.split('?')[0] !== path || answer.status !== 200) return answer;
    const body = change(JSON.parse(answer.body.toString()) as Record<string, unknown>);
    return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) };
  };
}
