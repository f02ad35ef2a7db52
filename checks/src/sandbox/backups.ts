import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withDatabase } from '../io/database.ts';
import { type ExecResult, execOrThrow } from '../io/exec.ts';
import type { Tools } from '../io/tools.ts';
import type { Identity, PostgresServer } from './postgres.ts';

/** pgBackRest with encrypted repositories beside a cluster of the sandbox, in a directory of their own. */
export interface SandboxBackups {
  readonly directory: string;
  readonly stanza: string;
  readonly configFile: string;
  /** Where the repositories lie, the first one first. */
  readonly repositories: readonly string[];
  /** What a cluster at another place, whose data came from here, archives with. */
  archiveCommand(dataDirectory: string): string;
  /** pgBackRest as the cluster's own user. @throws with its last lines when it fails. */
  run(...args: readonly string[]): Promise<ExecResult>;
  /** Waits until every finished segment of the write-ahead log, and the one that is begun now, is in the repositories. */
  archive(): Promise<void>;
  /** The cluster archives no more; what is in the repositories stays. */
  pause(): Promise<void>;
  /** The same, and the repositories are gone. */
  close(): Promise<void>;
}

export interface BackupOptions {
  /** The sandbox's directory. */
  directory: string;
  postgres: PostgresServer;
  tools: Tools;
  /** After so many seconds a segment is archived although it is not full. Default: none is. */
  archiveTimeoutSeconds?: number;
  /** How many repositories there are. Default: 2. */
  locations?: number;
}

const stanza = 'main';
const commandWithinMs = 120_000;
const archivedWithinMs = 20_000;
const lookEveryMs = 50;

/** Makes the stanza, and lets the cluster archive to all repositories from now on. There is no backup yet. */
export async function startBackups(options: BackupOptions): Promise<SandboxBackups> {
  const { postgres, tools, archiveTimeoutSeconds = 0, locations = 2 } = options;
  const directory = join(options.directory, `backups-${randomBytes(4).toString('hex')}`);
  const repositories = Array.from({ length: locations }, (_, index) => join(directory, `repository-${index + 1}`));
  for (const path of [directory, ...repositories]) makeOwn(path, postgres.identity);
  const configFile = join(directory, 'pgbackrest.conf');
  writeConfig(configFile, configText(directory, repositories, postgres), postgres.identity);
  const program = tools.path('pgbackrest');
  const general = [`--config=${configFile}`, `--stanza=${stanza}`];
  const run = (...args: readonly string[]) =>
    execOrThrow(program, [...general, ...args], {
      ...{ cwd: directory, env: { PATH: tools.environment.PATH, TZ: 'UTC' }, timeoutMs: commandWithinMs },
      ...postgres.identity,
    });
  await run('stanza-create');
  const archiveCommand = (dataDirectory: string) =>
    `${program} ${general.join(' ')} --pg1-path=${dataDirectory} archive-push "%p"`;
  const command = archiveCommand(postgres.dataDirectory);
  await setArchiving(postgres, { archive_command: command, archive_timeout: `${archiveTimeoutSeconds}s` });
  return {
    ...{ directory, stanza, configFile, repositories, archiveCommand, run },
    archive: () => archiveAll(postgres),
    pause: () => setArchiving(postgres, {}),
    async close() {
      await setArchiving(postgres, {});
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** `process-max` is what two processors are good for; the passphrases are made here, and nobody else reads the file. */
function configText(
  directory: string,
  repositories: readonly string[],
  { url, dataDirectory, socketDirectory }: PostgresServer,
) {
  const perRepository = repositories.map((path, index) =>
    [
      `repo${index + 1}-path=${path}`,
      `repo${index + 1}-cipher-type=aes-256-cbc`,
      `repo${index + 1}-cipher-pass=${randomBytes(32).toString('base64')}`,
      `repo${index + 1}-retention-full=12`,
      `repo${index + 1}-bundle=y`,
    ].join('\n'),
  );
  return `[global]
${perRepository.join('\n')}
lock-path=${directory}/lock
log-path=${directory}
log-level-file=off
compress-type=lz4
process-max=2
start-fast=y

[${stanza}]
pg1-path=${dataDirectory}
pg1-socket-path=${socketDirectory}
pg1-port=${new URL(url).port}
pg1-user=postgres
`;
}

function makeOwn(path: string, { uid, gid }: Identity): void {
  mkdirSync(path, { mode: 0o700 });
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

export function writeConfig(file: string, text: string, { uid, gid }: Identity): void {
  writeFileSync(file, text, { mode: 0o600 });
  chmodSync(file, 0o600);
  if (uid !== undefined && gid !== undefined) chownSync(file, uid, gid);
}

const archiveSettings = ['archive_command', 'archive_timeout'] as const;

/** Takes effect without a restart. What is not given is as the cluster was made with. */
async function setArchiving(
  postgres: PostgresServer,
  wanted: Partial<Record<(typeof archiveSettings)[number], string>>,
) {
  await withDatabase(postgres.url, async (database) => {
    for (const name of archiveSettings) {
      const value = wanted[name];
      const to = value === undefined ? `RESET ${name}` : `SET ${name} = '${value.replaceAll("'", "''")}'`;
      await database.query(`ALTER SYSTEM ${to}`);
    }
    await database.query('SELECT pg_reload_conf()');
  });
}

async function archiveAll(postgres: PostgresServer): Promise<void> {
  const deadline = performance.now() + archivedWithinMs;
  await withDatabase(postgres.url, async (database) => {
    // A switch right after another one does nothing, unless something was written in between.
    await database.query("SELECT pg_logical_emit_message(false, 'preflight', 'a segment ends here')");
    const [switched] = await database.query('SELECT pg_walfile_name(pg_switch_wal()) AS segment');
    for (;;) {
      const [archiver] = await database.query('SELECT last_archived_wal AS archived FROM pg_stat_archiver');
      if ((archiver?.archived ?? '') >= (switched?.segment ?? '')) return;
      if (performance.now() > deadline)
        throw new Error(`${switched?.segment} was not archived in ${archivedWithinMs / 1000} s`);
      await delay(lookEveryMs);
    }
  });
}
