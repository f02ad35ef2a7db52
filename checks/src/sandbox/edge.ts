import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Directive, directivesNamed, parseNginxConf, printNginxConf } from '../io/nginx-conf.ts';
import type { Tools } from '../io/tools.ts';
import { type Certificate, makeCertificate } from './certificates.ts';
import { type Front, type FrontRequest, startFront } from './front.ts';
import { freePorts, startServer } from './server.ts';

/** A replica as the proxy in front of it sees one: it counts what it was given, and it can die. */
export interface EdgeReplica {
  readonly requests: FrontRequest[];
  /** From now on it takes each request and cuts the connection instead of answering. */
  cutConnections(): void;
  /** From now on nothing listens there. */
  die(): Promise<void>;
}

/** The repository's own nginx configuration, running on the loopback in front of replicas of the sandbox's service. */
export interface Edge {
  readonly host: string;
  /** Of each `listen` of the configuration, by the port that is written there. */
  readonly ports: ReadonlyMap<number, number>;
  readonly certificate: Certificate;
  readonly replicas: readonly EdgeReplica[];
  close(): Promise<void>;
}

export interface EdgeOptions {
  /** Of the sandbox: the processes are entered in its journal. */
  directory: string;
  tools: Tools;
  /** The configuration as it is deployed. */
  text: string;
  host: string;
  /** The `upstream` that leads to the service. */
  upstream: string;
  /** Of the service. Each server of the upstream leads there. */
  serviceUrl: string;
}

/** More is no proxy of one service, and each takes a port here. */
const mostReplicas = 16;
let started = 0;

/**
 * Starts nginx with the configuration as it is deployed, but for what belongs to its host: ports, files, addresses.
 * @throws when it has no such upstream, or nginx refuses it.
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  started += 1;
  const directory = join(options.directory, `edge-${process.pid}-${started}`);
  mkdirSync(directory, { mode: 0o711 });
  const conf = parseNginxConf(options.text);
  const written = [...new Set(listensOf(conf).map(portOf))];
  const free = await freePorts(written.length);
  const ports = new Map(written.map((port, index) => [port, free[index] ?? 0]));
  const certificate = await makeCertificate(directory, options.tools, options.host);
  const servers = serversOf(conf, options.upstream);
  const replicas = await Promise.all(servers.map(() => startReplica(options.serviceUrl)));
  try {
    const addresses = replicas.map(({ front }) => new URL(front.url).host);
    const file = join(directory, 'nginx.conf');
    const given = { directory, ports, certificate };
    const own = onLoopback(conf, {
      ...given,
      upstreamServers: new Map(servers.map((each, at) => [each, addresses[at] ?? ''])),
    });
    writeFileSync(file, printNginxConf(own));
    const server = await startServer({
      ...{ directory: options.directory, command: options.tools.path('nginx'), cwd: directory },
      args: ['-p', directory, '-c', file, '-e', join(directory, 'error.log')],
      ...{ env: { PATH: process.env.PATH, TZ: 'UTC' }, logFile: join(directory, 'nginx.log') },
      isReady: async () => (await Promise.all([...ports.values()].map(accepts))).every(Boolean),
    });
    return {
      ...{ host: options.host, ports, certificate },
      replicas: replicas.map(({ replica }) => replica),
      async close() {
        server.signal('SIGKILL');
        await server.ended;
        await Promise.all(replicas.map(({ replica }) => replica.die()));
      },
    };
  } catch (error) {
    await Promise.all(replicas.map(({ replica }) => replica.die()));
    throw error;
  }
}

async function startReplica(serviceUrl: string): Promise<{ front: Front; replica: EdgeReplica }> {
  const requests: FrontRequest[] = [];
  let cuts = false;
  let closing: Promise<void> | undefined;
  const front = await startFront(serviceUrl, async (request, forward) => {
    requests.push(request);
    if (cuts) throw new Error('the replica cuts the connection');
    return forward(request);
  });
  const die = () => {
    closing ??= front.close();
    return closing;
  };
  const cutConnections = () => {
    cuts = true;
  };
  return { front, replica: { requests, cutConnections, die } };
}

function listensOf(conf: readonly Directive[]): Directive[] {
  return directivesNamed(conf, 'listen');
}

/** `443`, `127.0.0.1:443`, `[::]:443`; a bare address listens on 80. @throws for a socket of Unix. */
function portOf({ words: [address = ''] }: Directive): number {
  if (address.startsWith('unix:')) throw new Error(`nginx listens on ${address}: that is no port`);
  return Number(/(?:^|:)(\d+)$/.exec(address)?.[1] ?? 80);
}

/** The servers of an upstream. @throws when there is no such upstream, or it is empty or too long. */
function serversOf(conf: readonly Directive[], name: string): Directive[] {
  const upstream = directivesNamed(conf, 'upstream').find(({ words }) => words[0] === name);
  const servers = (upstream?.block ?? []).filter((each) => each.name === 'server');
  if (servers.length === 0 || servers.length > mostReplicas)
    throw new Error(
      `upstream ${name} of the nginx configuration has ${servers.length} servers: 1 to ${mostReplicas} are wanted`,
    );
  return servers;
}

interface Given {
  directory: string;
  ports: ReadonlyMap<number, number>;
  certificate: Certificate;
  upstreamServers: ReadonlyMap<Directive, string>;
}

/** What belongs to the host alone, and is none of what the configuration promises. */
const ofTheHost = new Set([
  ...['user', 'pid', 'daemon', 'worker_processes', 'worker_rlimit_nofile', 'error_log', 'lock_file'],
  ...['client_body_temp_path', 'proxy_temp_path', 'fastcgi_temp_path', 'uwsgi_temp_path', 'scgi_temp_path'],
  ...['ssl_stapling', 'ssl_stapling_verify', 'ssl_trusted_certificate'],
]);

function onLoopback(conf: readonly Directive[], given: Given): Directive[] {
  const { directory } = given;
  const at = (name: string, ...words: string[]): Directive => ({ name, words });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) =>
    at(`${kind}_temp_path`, join(directory, `${kind}-temp`)),
  );
  const own = adapt(conf, given).map((each) =>
    each.name === 'http' ? { ...each, block: [...temporary, ...(each.block ?? [])] } : each,
  );
  const process = [at('daemon', 'off'), at('worker_processes', '1'), at('pid', join(directory, 'nginx.pid'))];
  return [...process, at('error_log', 'stderr', 'warn'), ...own];
}

function adapt(conf: readonly Directive[], given: Given): Directive[] {
  const { directory, ports, certificate, upstreamServers } = given;
  const seen = new Set<string>();
  return conf.flatMap((each): Directive[] => {
    const { name, words, block } = each;
    const [first = '', ...rest] = words;
    if (ofTheHost.has(name)) return [];
    if (block) return [{ ...each, block: adapt(block, given) }];
    if (name === 'listen') {
      const address = `127.0.0.1:${ports.get(portOf(each)) ?? 0}`;
      // One for each family of addresses comes to the same here.
      if (seen.has(address)) return [];
      seen.add(address);
      return [{ name, words: [address, ...rest.filter((word) => !/^(ipv6only|reuseport|fastopen)/.test(word))] }];
    }
    if (name === 'server') return [{ name, words: [upstreamServers.get(each) ?? '127.0.0.1:9', ...rest] }];
    if (name === 'ssl_certificate') return [{ name, words: [certificate.certificateFile] }];
    if (name === 'ssl_certificate_key') return [{ name, words: [certificate.keyFile] }];
    if (name === 'access_log' && first !== 'off') return [{ name, words: [join(directory, 'access.log'), ...rest] }];
    if (name === 'include' && !first.startsWith('/')) return [{ name, words: [join('/etc/nginx', first)] }];
    return [each];
  });
}

const acceptsWithinMs = 500;

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(acceptsWithinMs, () => done(false));
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}
