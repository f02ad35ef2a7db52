import { randomUUID } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../../engine/context.ts';
import { type Database, withDatabase } from '../../../io/database.ts';
import type { ExecResult } from '../../../io/exec.ts';
import { assertSucceeded, runPostgresProgram } from './postgres-program.ts';
import { dumpSchema } from './schema-dump.ts';
import { readSequences, readStructures, type SequencePosition, type TableStructure } from './structure.ts';
import { type Contents, readContents } from './table-content.ts';

/** A database as far as a restored copy must be equal to it. */
export interface DatabaseSeen {
  contents: Contents;
  structures: Record<string, TableStructure>;
  /** As pg_dump writes it. */
  schema: string;
}

/** A dump, and what the database held at that very snapshot. */
export interface Backup {
  file: string;
  bytes: number;
  source: DatabaseSeen;
  /** Where the sequences stood before and after: the dump has some moment between, while writes go on. */
  sequencesBefore: Record<string, SequencePosition>;
  sequencesAfter: Record<string, SequencePosition>;
  durationMs: number;
}

/**
 * Dumps the target's database and reads it in the same snapshot, so that both are exact while others write.
 * The caller removes the file.
 * @throws when pg_dump does.
 */
export async function takeBackup(context: Context, file: string): Promise<Backup> {
  const { config, target } = context;
  // A dump holds everything: nobody else may read it, from its first byte on.
  await writeFile(file, '', { mode: 0o600, flag: 'wx' });
  return withDatabase(target.databaseUrl, async (database) => {
    const sequencesBefore = await readSequences(database);
    await database.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const [exported] = await database.query('SELECT pg_export_snapshot() AS snapshot');
    const args = [
      '--format=custom',
      `--snapshot=${exported?.snapshot}`,
      `--file=${file}`,
      ...config.database.dumpArguments,
    ];
    const [dumped, source] = await Promise.all([
      runPostgresProgram(context, 'pg_dump', target.databaseUrl, args),
      readDatabase(context, database, target.databaseUrl),
    ]);
    assertSucceeded('pg_dump', dumped);
    await database.query('COMMIT');
    const sequencesAfter = await readSequences(database);
    const { size: bytes } = await stat(file);
    return { file, bytes, source, sequencesBefore, sequencesAfter, durationMs: dumped.durationMs };
  });
}

/** The bookkeeping of the migrations is part of what has to come back. */
const nothingExcluded = 'pg_catalog.none';

/**
 * PostgreSQL writes an expression with other brackets once it has read its own: `(a AND b) AND c` comes back as `a AND b AND c`.
 * A dump loses no bracket of its own accord, so that schemas are compared without.
 */
export async function readDatabase(context: Context, database: Database, databaseUrl: string): Promise<DatabaseSeen> {
  const contents = await readContents(database);
  const schema = await dumpSchema(context, database, databaseUrl, nothingExcluded);
  return { contents, structures: await readStructures(database), schema: schema.replaceAll(/[()]/g, '') };
}

/** A path in the sandbox's own directory, which goes with it if this program is killed. */
export function backupPath({ sandbox }: Pick<Context, 'sandbox'>): string {
  return join(sandbox.directory, `backup-${randomUUID()}.dump`);
}

export const removeBackup = (file: string): Promise<void> => rm(file, { force: true });

/** Two jobs: what a small machine restores with. */
export function restoreBackup(context: Context, file: string, databaseUrl: string): Promise<ExecResult> {
  return runPostgresProgram(context, 'pg_restore', databaseUrl, ['--jobs=2', '--exit-on-error', file]);
}
