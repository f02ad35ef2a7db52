import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it came over OTLP/HTTP in JSON. https://opentelemetry.io/docs/specs/otlp/ */
export interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  /** What the instrumentation calls itself. */
  scope: string;
  attributes: Record<string, unknown>;
}

/** Receives traces on the loopback. */
export interface TraceSink {
  readonly url: string;
  readonly spans: readonly Span[];
  close(): Promise<void>;
}

interface Wire {
  resourceSpans?: {
    scopeSpans: {
      scope?: { name?: string };
      spans: (Omit<Span, 'scope' | 'attributes' | 'parentSpanId'> & {
        parentSpanId?: string;
        attributes?: { key: string; value: Record<string, unknown> }[];
      })[];
    }[];
  }[];
}

/** A body that is longer is none of a sandbox's. */
const bodyBytesMax = 16 * 1024 * 1024;

export async function startTraceSink(): Promise<TraceSink> {
  const spans: Span[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) request.destroy();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      const isTrace = request.url === '/v1/traces' && request.headers['content-type']?.startsWith('application/json');
      if (isTrace) spans.push(...spansOf(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Wire));
      response.writeHead(isTrace ? 200 : 415, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function spansOf({ resourceSpans = [] }: Wire): Span[] {
  return resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ scope, spans }) =>
      spans.map(({ name, traceId, spanId, parentSpanId = '', attributes = [] }) => ({
        ...{ name, traceId, spanId, parentSpanId, scope: scope?.name ?? '' },
        attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
      })),
    );
}
