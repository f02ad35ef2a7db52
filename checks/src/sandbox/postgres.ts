import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { databaseUrl, withDatabase } from '../io/database.ts';
import { exec, execOrThrow } from '../io/exec.ts';
import { childrenOf } from '../io/process-mark.ts';
import type { Tools } from '../io/tools.ts';
import { recordProcess, signalGroup } from './journal.ts';
import { type ServerProcess, startServer } from './server.ts';

/** A PostgreSQL cluster of the sandbox's own, on a loopback port. */
export interface PostgresServer {
  /** Of the maintenance database, as superuser. */
  readonly url: string;
  readonly dataDirectory: string;
  readonly logFile: string;
  /** Who runs it, where this program is root: what reads its files beside it has to be the same. */
  readonly identity: Identity;
  /** Where its Unix socket is, which only that user reaches. */
  readonly socketDirectory: string;
  start(): Promise<void>;
  /** False once it has ended, by whatever hand. */
  runs(): boolean;
  /** `immediate` is a crash: the next start recovers from the write-ahead log. */
  stop(how: 'fast' | 'immediate'): Promise<void>;
  /** Every process of it stands still, and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** A new database, empty or a copy of another one that nobody is connected to. Returns its URL. */
  createDatabase(name: string, template?: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** Lets a role that migrations made log in. @throws when none of that name was made. */
  allowLogin(role: string): Promise<void>;
}

/** Durability stays as in production, because commit latency and crash drills are judged on this cluster. */
export const settings = {
  listen_addresses: '127.0.0.1',
  shared_buffers: '128MB',
  max_connections: '100',
  track_commit_timestamp: 'on',
  logging_collector: 'off',
  log_min_messages: 'warning',
  // Whoever backs the cluster up names another archive_command, without a restart: until then a segment is kept nowhere.
  archive_mode: 'on',
};

/** What PostgreSQL's programs are run with: none of the caller's PG variables. */
export const plainEnvironment = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };

/** Whether the library is beside the server, where Debian keeps it or where others do. */
function statementCounter(tools: Tools): boolean {
  const root = join(tools.path('postgres'), '..', '..');
  return ['lib', 'lib/postgresql'].some((library) => existsSync(join(root, library, 'pg_stat_statements.so')));
}

export async function startPostgres(directory: string, tools: Tools, port: number): Promise<PostgresServer> {
  const identity = await serverIdentity();
  // The server's own user has to reach its data through the sandbox's directory, which mkdtemp closes to others.
  chmodSync(directory, 0o711);
  const dataDirectory = join(directory, 'postgres');
  await initialise(dataDirectory, tools, identity);
  await appendFile(join(dataDirectory, 'postgresql.conf'), "archive_command = 'exit 0'\n");
  // Some builds of PostgreSQL come without its extensions, and would not start with one that they lack.
  const counting = statementCounter(tools) ? { shared_preload_libraries: 'pg_stat_statements' } : {};
  return startCluster(
    { directory, dataDirectory, name: 'postgres', settings: { ...settings, ...counting }, identity, port },
    tools,
  );
}

/** A cluster whose data directory is there already. */
export interface ClusterOptions {
  /** The sandbox's directory. */
  directory: string;
  dataDirectory: string;
  /** Of its log file. */
  name: string;
  settings: Readonly<Record<string, string>>;
  identity: Identity;
  port: number;
  /** Beside what PostgreSQL's programs are run with anyhow. */
  environment?: Readonly<Record<string, string>>;
}

/** @throws with the last lines of its log when it does not come up. */
export async function startCluster(options: ClusterOptions, tools: Tools): Promise<PostgresServer> {
  const { directory, dataDirectory, name, identity, port } = options;
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const args = ['-D', dataDirectory, '-p', String(port)];
  const given = { ...options.settings, unix_socket_directories: dataDirectory };
  for (const [setting, value] of Object.entries(given)) args.push('-c', `${setting}=${value}`);
  const logFile = join(directory, `${name}.log`);
  let server: ServerProcess | undefined;

  const start = async () => {
    if (server) return;
    server = await startServer({
      directory,
      command: tools.path('postgres'),
      args,
      cwd: dataDirectory,
      env: { ...plainEnvironment, ...options.environment },
      endWith: 'SIGQUIT',
      logFile,
      ...identity,
      isReady: () => withDatabase(url, async () => true),
    });
    const started = server;
    // When it ends by itself, as for want of room on its disk, the next start() begins another one.
    void started.ended.then(() => {
      if (server === started) server = undefined;
    });
  };
  const stop = async (how: 'fast' | 'immediate') => {
    // The postmaster alone is told; it ends its own backends. https://www.postgresql.org/docs/15/server-shutdown.html
    if (server) process.kill(server.pid, how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await server?.ended;
    server = undefined;
  };
  let frozen: number[] = [];
  const freeze = () => {
    if (!server) throw new Error('PostgreSQL does not run');
    // The postmaster first: it then starts no process that would be missed. In the journal, for none of them would end otherwise.
    process.kill(server.pid, 'SIGSTOP');
    frozen = childrenOf(server.pid);
    for (const pid of frozen) {
      recordProcess(directory, pid, 'SIGKILL');
      process.kill(pid, 'SIGSTOP');
    }
    frozen.push(server.pid);
  };
  const thaw = () => {
    for (const pid of frozen) signalGroup(pid, 'SIGCONT');
    frozen = [];
  };
  await start();
  return {
    url,
    dataDirectory,
    logFile,
    identity,
    socketDirectory: dataDirectory,
    start,
    runs: () => server !== undefined,
    stop,
    freeze,
    thaw,
    async createDatabase(name, template) {
      const from = template === undefined ? '' : ` TEMPLATE ${quoted(template)}`;
      await withDatabase(url, (database) => database.query(`CREATE DATABASE ${quoted(name)}${from}`));
      return databaseUrl(url, name);
    },
    async dropDatabase(name) {
      await withDatabase(url, (database) => database.query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`));
    },
    async allowLogin(role) {
      await withDatabase(url, (database) => database.query(`ALTER ROLE ${quoted(role)} LOGIN`));
    },
  };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export interface Identity {
  uid?: number;
  gid?: number;
}

/** PostgreSQL refuses to run as root: there its package's user runs it, or nobody, where npm brought the server. */
export async function serverIdentity(): Promise<Identity> {
  if (userInfo().uid !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => exec('id', [flag, user])));
    if (uid?.code === 0 && gid?.code === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it');
}

/** The cluster listens on the loopback only, holds throwaway data, and trusts whoever reaches it there. */
async function initialise(dataDirectory: string, tools: Tools, identity: Identity): Promise<void> {
  mkdirSync(dataDirectory, { mode: 0o700 });
  if (identity.uid !== undefined && identity.gid !== undefined) chownSync(dataDirectory, identity.uid, identity.gid);
  const args = [
    '-D',
    dataDirectory,
    '-U',
    'postgres',
    '--auth=trust',
    '--no-sync',
    '--data-checksums',
    '--encoding=UTF8',
    '--locale=C',
  ];
  await execOrThrow(tools.path('initdb'), args, { cwd: dataDirectory, env: plainEnvironment, ...identity });
}
