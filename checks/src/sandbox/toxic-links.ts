import { join } from 'node:path';
import type { Tools } from '../io/tools.ts';
import type { Sandbox } from './sandbox.ts';
import { freePorts, startServer } from './server.ts';

/** One thing that is wrong with a link. https://github.com/Shopify/toxiproxy#toxics */
export interface Toxic {
  type: 'latency' | 'timeout' | 'reset_peer' | 'slicer' | 'limit_data' | 'bandwidth';
  attributes: Record<string, number>;
}

/** A link to a server of the sandbox that can be made bad. */
export interface ToxicLink {
  /** The server's address, through the link. */
  readonly url: string;
  /** Towards the client, on every connection that there is and that comes. */
  spoil(toxic: Toxic): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
}

const answersWithinMs = 2_000;

/** Starts toxiproxy in the sandbox, in whose journal it is entered, with one link to the server of this address. */
export async function startToxicLink(sandbox: Sandbox, tools: Tools, serverUrl: string): Promise<ToxicLink> {
  const [control = 0, port = 0] = await freePorts(2);
  const api = `http://127.0.0.1:${control}`;
  const server = await startServer({
    directory: sandbox.directory,
    command: tools.path('toxiproxy-server'),
    args: ['-host', '127.0.0.1', '-port', String(control)],
    cwd: sandbox.directory,
    env: { PATH: process.env.PATH },
    logFile: join(sandbox.directory, 'toxiproxy.log'),
    isReady: async () => (await fetch(`${api}/version`)).ok,
  });
  const ask = async (path: string, body: unknown) => {
    const signal = AbortSignal.timeout(answersWithinMs);
    const answer = await fetch(api + path, { method: 'POST', body: JSON.stringify(body), signal });
    if (!answer.ok) throw new Error(`toxiproxy refused ${path}: ${await answer.text()}`);
  };
  const url = new URL(serverUrl);
  await ask('/proxies', { name: 'link', listen: `127.0.0.1:${port}`, upstream: url.host, enabled: true });
  url.port = String(port);
  return {
    url: url.href,
    spoil: ({ type, attributes }) =>
      ask('/proxies/link/toxics', { type, attributes, stream: 'downstream', toxicity: 1 }),
    heal: () => ask('/reset', {}),
    async close() {
      server.signal('SIGKILL');
      await server.ended;
    },
  };
}
