import { chownSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { execOrThrow } from '../io/exec.ts';
import type { Tools } from '../io/tools.ts';
import { type Identity, type PostgresServer, plainEnvironment } from './postgres.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';

/** PostgreSQL's write-ahead log on a small disk of its own. */
export interface WalDisk extends Pick<SmallDisk, 'fill' | 'free'> {
  /** Puts the log back where it was, with all that was written meanwhile, and leaves the server running. */
  putBack(): Promise<void>;
}

/**
 * Stops the server, moves its write-ahead log to a disk of this size, and starts it again.
 * @throws when that cannot be done; the log is then where it was.
 */
export async function moveWal(
  directory: string,
  postgres: PostgresServer,
  tools: Tools,
  sizeBytes: number,
): Promise<WalDisk> {
  const wal = join(postgres.dataDirectory, 'pg_wal');
  const kept = join(directory, 'pg_wal.kept');
  await postgres.stop('fast');
  const disk = await mountSmallDisk(join(directory, 'wal-disk'), sizeBytes, postgres.identity);
  const putBack = async () => {
    await postgres.stop('fast');
    if (existsSync(kept)) {
      // Over what was there: a server that has crashed needs every segment since its last checkpoint.
      copyFiles(disk.directory, kept, segmentsIn(disk.directory), postgres.identity);
      rmSync(wal, { force: true });
      renameSync(kept, wal);
    }
    await disk.unmount();
    rmSync(disk.directory, { recursive: true });
    await postgres.start();
  };
  try {
    const needed = await lastSegment(postgres, tools);
    renameSync(wal, kept);
    symlinkSync(disk.directory, wal);
    copyFiles(kept, disk.directory, [needed], postgres.identity);
    own(join(disk.directory, 'archive_status'), postgres.identity);
    await postgres.start();
  } catch (error) {
    await putBack();
    throw error;
  }
  return { fill: disk.fill, free: disk.free, putBack };
}

/** After a clean stop nothing older is asked for, and what is newer is room that the server had kept for later. */
async function lastSegment({ dataDirectory, identity }: PostgresServer, tools: Tools): Promise<string> {
  const program = join(tools.path('postgres'), '..', 'pg_controldata');
  const { stdout } = await execOrThrow(program, [dataDirectory], {
    cwd: dataDirectory,
    env: plainEnvironment,
    ...identity,
  });
  const [, segment] = /^Latest checkpoint's REDO WAL file:\s+([0-9A-F]{24})$/m.exec(stdout) ?? [];
  if (segment === undefined) throw new Error('pg_controldata does not say where the write-ahead log begins');
  return segment;
}

function segmentsIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => /^[0-9A-F]{24}$/.test(name));
}

function copyFiles(from: string, to: string, names: readonly string[], { uid, gid }: Identity): void {
  for (const name of names) {
    copyFileSync(join(from, name), join(to, name));
    if (uid !== undefined && gid !== undefined) chownSync(join(to, name), uid, gid);
  }
}

function own(directory: string, { uid, gid }: Identity): void {
  mkdirSync(directory, { mode: 0o700 });
  if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid);
}
