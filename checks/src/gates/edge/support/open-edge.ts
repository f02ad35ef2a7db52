import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { type Edge, startEdge } from '../../../sandbox/edge.ts';
import type { Sandbox } from '../../../sandbox/sandbox.ts';

/** Starts the tree's own edge in front of the sandbox's service, works with it, and ends it. */
export async function withEdge<T>(context: Context, work: (edge: Edge) => Promise<T>): Promise<T> {
  const { config, tree, tools, sandbox } = context;
  const { configuration, upstream, host } = partOf(config, 'edge');
  const text = await tree.read(configuration);
  const { directory, url: serviceUrl } = sandbox;
  const edge = await startEdge({ directory, tools, text, host, upstream, serviceUrl });
  try {
    return await work(edge);
  } finally {
    await edge.close();
  }
}

export interface EdgeAnswer {
  /** Null: no answer, or one that was cut off. */
  status: number | null;
  headers: Record<string, string | string[] | undefined>;
}

export interface EdgeRequest {
  method?: string;
  path: string;
  body?: string;
  headers?: Record<string, string>;
}

const answerWithinMs = 8_000;

/** Asks the edge by the name that clients use, over TLS or plainly, on a connection of its own. */
export function askEdge(edge: Edge, scheme: 'https' | 'http', asked: EdgeRequest): Promise<EdgeAnswer> {
  const { method = 'GET', path, body, headers = {} } = asked;
  const port = edge.ports.get(scheme === 'https' ? 443 : 80);
  if (port === undefined) throw new Error(`the edge does not listen on the port of ${scheme}`);
  const common = { host: '127.0.0.1', port, path, method, agent: false as const, timeout: answerWithinMs };
  const named = { ...common, headers: { host: edge.host, ...headers } };
  return new Promise((resolve) => {
    const nothing = () => resolve({ status: null, headers: {} });
    const request =
      scheme === 'https'
        ? tlsRequest({ ...named, servername: edge.host, ca: edge.certificate.authority })
        : plainRequest(named);
    request.once('response', (response) => {
      response.once('end', () => resolve({ status: response.statusCode ?? null, headers: response.headers }));
      response.once('error', nothing);
      response.resume();
    });
    request.once('timeout', () => request.destroy());
    request.once('error', nothing);
    request.end(body);
  });
}

/** Changes the deployed configuration in the copy. @throws when that changes nothing. */
export async function editEdge({ config, scratch }: Sandbox, change: (text: string) => string): Promise<void> {
  const { configuration } = partOf(config, 'edge');
  const text = await scratch.read(configuration);
  const changed = change(text);
  if (changed === text) throw new Error(`sabotage found nothing to change in ${configuration}`);
  await scratch.write(configuration, changed);
}
