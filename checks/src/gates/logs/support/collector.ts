import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { execOrThrow } from '../../../io/exec.ts';
import { freePorts, type ServerProcess, startServer } from '../../../sandbox/server.ts';
import { fillPlaceholders } from '../../../sandbox/service.ts';

/** A collector on the loopback and a host that sends to it, both by the repository's own configurations. */
export interface Collection {
  /** What the collector keeps lies under it. */
  readonly store: string;
  close(): Promise<void>;
}

const address = '127.0.0.1';
const connectWithinMs = 500;

/** @throws when one of the two does not start: its log's last lines say why. */
export async function startCollection(context: Context): Promise<Collection> {
  const { sandbox, config, tree } = context;
  const { forward, collect, environment } = partOf(config, 'logCollection');
  const home = await mkdtemp(join(sandbox.directory, 'logs-'));
  const store = join(home, 'store');
  mkdirSync(store);
  const [port = 0] = await freePorts(1);
  const env = fillPlaceholders(environment, {
    ...{ serviceLog: sandbox.service.logFile, databaseLog: sandbox.postgres.logFile, store },
    ...{ address, port: String(port) },
    ...(await certificateIn(home, context)),
  });
  const start = (name: string, file: string, isReady: () => Promise<boolean>) =>
    startRsyslog(context, { home, name, file: resolve(tree.root, file), env, isReady });
  const running: ServerProcess[] = [];
  const close = async () => {
    for (const { signal } of running) signal('SIGKILL');
    await Promise.all(running.map(({ ended }) => ended));
  };
  try {
    running.push(await start('collect', collect, () => accepts(port)));
    running.push(await start('forward', forward, async () => true));
    return { store, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Rsyslog {
  home: string;
  name: string;
  /** The repository's own. */
  file: string;
  env: Record<string, string>;
  isReady(): Promise<boolean>;
}

async function startRsyslog(context: Context, { home, name, file, env, isReady }: Rsyslog): Promise<ServerProcess> {
  const work = join(home, name);
  mkdirSync(work);
  const config = join(home, `${name}.conf`);
  // What the system's own configuration says in production: where its state is. Names are not asked of the network.
  writeFileSync(config, `global(workDirectory="${work}" net.enableDNS="off")\ninclude(file="${file}")\n`);
  return startServer({
    directory: context.sandbox.directory,
    command: context.tools.path('rsyslogd'),
    args: ['-n', '-f', config, '-i', join(home, `${name}.pid`)],
    cwd: home,
    env: { PATH: process.env.PATH, TZ: 'UTC', ...env },
    logFile: join(home, `${name}.log`),
    isReady,
  });
}

/** A certificate that is its own authority, good for a day. */
async function certificateIn(
  home: string,
  { tools, signal }: Context,
): Promise<Record<'ca' | 'certificate' | 'key', string>> {
  const [certificate, key] = [join(home, 'certificate.pem'), join(home, 'key.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const name = ['-subj', '/CN=collector', '-addext', 'subjectAltName=DNS:collector'];
  const args = ['req', '-x509', ...kind, ...name, '-keyout', key, '-out', certificate];
  await execOrThrow(tools.path('openssl'), args, { cwd: home, env: { PATH: process.env.PATH }, signal });
  return { ca: certificate, certificate, key };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, address, () => {
      socket.destroy();
      settle(true);
    });
    socket.setTimeout(connectWithinMs, () => socket.destroy());
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
}
