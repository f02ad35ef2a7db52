import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { withDatabase } from '../io/database.ts';
import { execOrThrow } from '../io/exec.ts';
import { findTools, type Tools } from '../io/tools.ts';
import { type PostgresServer, plainEnvironment } from './postgres.ts';
import { freePorts, startServer } from './server.ts';

/** A second cluster that follows the sandbox's own. */
export interface Standby {
  readonly url: string;
  /** Ends it. Its files go with the sandbox. */
  stop(): Promise<void>;
}

/** Copies the data directory of a cluster while it runs. Returns where the copy is. */
export async function copyOf(
  { url, identity }: Pick<PostgresServer, 'url' | 'identity'>,
  dataDirectory: string,
  tools: Tools,
  more: readonly string[] = [],
): Promise<string> {
  mkdirSync(dataDirectory, { mode: 0o700 });
  if (identity.uid !== undefined && identity.gid !== undefined) chownSync(dataDirectory, identity.uid, identity.gid);
  const copy = ['--pgdata', dataDirectory, '--dbname', url, '--checkpoint=fast', '--no-sync', '--wal-method=stream'];
  const backup = join(tools.path('postgres'), '..', 'pg_basebackup');
  await execOrThrow(backup, [...copy, ...more], { cwd: dataDirectory, env: plainEnvironment, ...identity });
  return dataDirectory;
}

/** Copies the primary while it runs, and follows it by streaming. @throws where PostgreSQL's programs are not all there. */
export async function startStandby(directory: string, primary: PostgresServer, name: string): Promise<Standby> {
  const tools = findTools(directory);
  const { identity } = primary;
  const [port = 0] = await freePorts(1);
  const dataDirectory = await copyOf(primary, join(directory, name), tools, ['--write-recovery-conf']);
  const url = new URL(primary.url);
  url.port = String(port);
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=100', 'hot_standby=on'];
  const server = await startServer({
    directory,
    command: tools.path('postgres'),
    args: ['-D', dataDirectory, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    cwd: dataDirectory,
    env: plainEnvironment,
    endWith: 'SIGQUIT',
    logFile: join(directory, `${name}.log`),
    ...identity,
    isReady: () => withDatabase(url.href, async () => true),
  });
  return {
    url: url.href,
    async stop() {
      process.kill(server.pid, 'SIGQUIT');
      await server.ended;
    },
  };
}
