import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A provider of quotes on the loopback, whose behaviour a test changes while it runs. */
export interface TestProvider {
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  answer: (response: ServerResponse) => void;
  readonly close: () => Promise<void>;
}

/** Answers with a quote as of now. */
export function quoting(bid: string, ask: string): TestProvider['answer'] {
  return (response) => void response.end(JSON.stringify({ bid, ask, asOf: new Date().toISOString() }));
}

/** Answers with a status and nothing that is a quote. */
export function refusing(status: number, headers: Record<string, string> = {}, body = ''): TestProvider['answer'] {
  return (response) => void response.writeHead(status, headers).end(body);
}

export async function startProvider(answer: TestProvider['answer']): Promise<TestProvider> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    provider.answer(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const provider: TestProvider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/quotes/{symbol}`,
    asked,
    answer,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provider;
}
