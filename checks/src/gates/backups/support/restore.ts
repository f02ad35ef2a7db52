import { join } from 'node:path';
import { withDatabase } from '../../../io/database.ts';
import type { Tools } from '../../../io/tools.ts';
import type { SandboxBackups } from '../../../sandbox/backups.ts';
import { type Identity, type PostgresServer, settings, startCluster } from '../../../sandbox/postgres.ts';
import { freePorts } from '../../../sandbox/server.ts';

/** Where a restore is done, and with what. */
export interface RestorePlace {
  backups: SandboxBackups;
  tools: Tools;
  /** The sandbox's directory, in whose journal the restored server is entered. */
  directory: string;
  /** Whoever runs the cluster that was backed up. */
  identity: Identity;
  /** Of the data directory and of the log. A second restore to the same name takes what fits of the first. */
  name: string;
  /** Of `pgbackrest restore`: where the recovery ends. Default: with the log. */
  target?: readonly string[];
  /** Whether the restored cluster archives on: it becomes the primary. Else it would write where others read. */
  archives?: { timeoutSeconds: number };
}

/** A restored cluster that has ended its recovery and takes writes. */
export interface Restored {
  server: PostgresServer;
  restoreMs: number;
  recoverMs: number;
}

/** It answers only when its recovery has ended: a copy that cannot reach its target ends instead, and says so in its log. */
const answersAfterRecovery = { hot_standby: 'off' };

/** `pgbackrest restore`, and a start. @throws when one of them fails. */
export async function restoreCluster(place: RestorePlace): Promise<Restored> {
  const { backups, tools, directory, identity, name, target = [], archives } = place;
  const dataDirectory = join(backups.directory, name);
  const startedAt = performance.now();
  const mode = archives ? [] : ['--archive-mode=off'];
  await backups.run(`--pg1-path=${dataDirectory}`, '--delta', ...mode, ...target, 'restore');
  const restoredAt = performance.now();
  const [port = 0] = await freePorts(1);
  const archiving = archives
    ? { archive_command: backups.archiveCommand(dataDirectory), archive_timeout: `${archives.timeoutSeconds}s` }
    : { archive_mode: 'off' };
  const server = await startCluster(
    {
      directory,
      dataDirectory,
      name,
      settings: { ...settings, ...answersAfterRecovery, ...archiving },
      identity,
      port,
    },
    tools,
  );
  // The checkpointer that recovered does not look at archive_timeout before something wakes it, which may take five minutes.
  if (archives) await withDatabase(server.url, (database) => database.query('CHECKPOINT'));
  return {
    server,
    restoreMs: Math.round(restoredAt - startedAt),
    recoverMs: Math.round(performance.now() - restoredAt),
  };
}
