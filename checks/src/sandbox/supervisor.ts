import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { nowMs } from '../io/writes.ts';

/** What systemd or a container runtime is to an installation: whoever is on call asks it to start a part that does not run. */
export interface Supervisor {
  /** Followed by the name of a part it starts that part and ends when it answers, with 0; otherwise with another code. */
  readonly command: string;
  /** When the last part that it was asked for was up, by {@link nowMs}; undefined: none was asked for. */
  startedAtMs(): number | undefined;
  close(): Promise<void>;
}

/** From the request to the part's answer. */
const startWithinSeconds = 30;

/** Listens on the loopback. What runs already is left as it is, by the functions that start the parts. */
export async function startSupervisor(parts: Readonly<Record<string, () => Promise<void>>>): Promise<Supervisor> {
  let startedAtMs: number | undefined;
  const start = async (name: string): Promise<[status: number, words: string]> => {
    if (!Object.hasOwn(parts, name)) return [404, `no part is called ${name}: ${Object.keys(parts).join(', ')}`];
    await parts[name]?.();
    startedAtMs = nowMs();
    return [200, `${name} runs`];
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const [status, words] = await start(await text(request)).catch((error: Error): [number, string] => [
      500,
      error.message,
    ]);
    response.writeHead(status, { connection: 'close' }).end(`${words}\n`);
  };
  const server = createServer((request, response) => {
    // Its body could not be read: whoever asked is gone.
    answer(request, response).catch(() => request.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    command: `curl --disable --silent --show-error --fail-with-body --max-time ${startWithinSeconds} http://127.0.0.1:${port} --data-raw`,
    startedAtMs: () => startedAtMs,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
