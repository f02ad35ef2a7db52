import { Agent, type IncomingMessage, request } from 'node:http';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { directivesNamed, parseNginxConf, secondsOf } from '../../io/nginx-conf.ts';
import { editEdge } from '../edge/support/open-edge.ts';

interface Facts {
  file: string;
  /** For how long the proxy keeps an idle connection to the service; null: it keeps none. */
  proxySeconds: number | null;
  /** For how long the service says that it keeps one; null: it does not say. */
  serviceSeconds: number | null;
  /** Requests that were made on one connection, and how many connections it took. */
  asked: number;
  connections: number;
}

const requests = 5;
/** https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout */
const nginxDefaultSeconds = 60;

const good: Facts = { file: 'nginx.conf', proxySeconds: 55, serviceSeconds: 65, asked: requests, connections: 1 };

export default defineGate<Facts>({
  id: 'http/connections-outlast-the-proxy',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'config:edge'],
  covers: ['http.keep-alive'],
  unit: 'requests',
  why: 'Whoever closes an idle connection first races with the next request on it. When that is the service, an order dies on the way with a 502 and nobody knows whether it was placed.',
  fix: 'Keep connections in the upstream (keepalive, proxy_http_version 1.1, an empty Connection header), for less long than the service does.',
  source: 'https://github.com/nodejs/node/issues/20256',

  async observe(context) {
    const { configuration: file, upstream } = partOf(context.config, 'edge');
    const proxySeconds = keptByProxy(await context.tree.read(file), upstream);
    return {
      examined: requests,
      facts: { file, proxySeconds, ...(await askOnOneConnection(context)), asked: requests },
    };
  },

  judge: ({ file, proxySeconds, serviceSeconds, asked, connections }) =>
    [
      proxySeconds === null && 'the proxy opens a new connection to the service for each request',
      serviceSeconds === null && 'the service does not say for how long it keeps a connection (Keep-Alive: timeout=…)',
      proxySeconds !== null &&
        serviceSeconds !== null &&
        proxySeconds >= serviceSeconds &&
        `the proxy keeps idle connections for ${proxySeconds} s, and the service closes them after ${serviceSeconds} s`,
      connections > 1 && `${asked} requests took ${connections} connections: the service closes them`,
    ]
      .filter((message) => message !== false)
      .map((message) => ({ message, file })),

  samples: {
    good: [good],
    bad: [
      { ...good, proxySeconds: null },
      { ...good, serviceSeconds: null },
      { ...good, proxySeconds: 65 },
      { ...good, serviceSeconds: 5 },
      { ...good, connections: requests },
    ],
  },

  /** The proxy keeps them for longer than anybody else. */
  async sabotage(sandbox) {
    await editEdge(sandbox, (text) =>
      text.replace(/(upstream [^{]*\{[^}]*?)(keepalive_timeout [^;]*;)/, '$1keepalive_timeout 1h;'),
    );
    return undefined;
  },
});

/** Null when it keeps none: without `keepalive`, over HTTP/1.0, or with a Connection header that says close. */
export function keptByProxy(text: string, name: string): number | null {
  const conf = parseNginxConf(text);
  const upstream = directivesNamed(conf, 'upstream').find(({ words }) => words[0] === name)?.block;
  if (!upstream) throw new Error(`the nginx configuration has no upstream ${name}`);
  const versions = directivesNamed(conf, 'proxy_http_version').map(({ words }) => words[0]);
  const connection = directivesNamed(conf, 'proxy_set_header').filter(({ words }) =>
    /^connection$/i.test(words[0] ?? ''),
  );
  const isEmpty = connection.length > 0 && connection.every(({ words }) => /^(""|'')$/.test(words[1] ?? ''));
  const keeps = upstream.some((each) => each.name === 'keepalive' && Number(each.words[0]) > 0);
  if (!keeps || !isEmpty || versions.length === 0 || versions.some((version) => version !== '1.1')) return null;
  const [time] = upstream.find((each) => each.name === 'keepalive_timeout')?.words ?? [];
  return time === undefined ? nginxDefaultSeconds : secondsOf(time);
}

async function askOnOneConnection({
  config,
  target,
  signal,
}: Context): Promise<Pick<Facts, 'serviceSeconds' | 'connections'>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  let serviceSeconds: number | null = null;
  try {
    for (let asked = 0; asked < requests; asked += 1) {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const asking = request(target.url + config.service.liveness, { agent, signal }, resolve);
        asking.once('socket', (socket) => socket.once('connect', () => ports.add(socket.localPort)));
        asking.once('error', reject);
        asking.end();
      });
      await answer.resume().toArray();
      const [, seconds] = /timeout=(\d+)/.exec(String(answer.headers['keep-alive'] ?? '')) ?? [];
      serviceSeconds = seconds === undefined ? null : Number(seconds);
    }
  } finally {
    agent.destroy();
  }
  return { serviceSeconds, connections: ports.size };
}
