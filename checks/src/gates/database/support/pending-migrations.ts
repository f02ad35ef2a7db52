import { basename } from 'node:path';
import { partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';

/** Files of migrations in their order: those that are on the database before a deployment, and those that it may bring. */
export interface PendingMigrations {
  before: string[];
  pending: string[];
}

/**
 * The newest few of those that have to be safe for a database that is written to; with `--long` all of these.
 * @throws when there is none: then nothing would be tried.
 */
export async function pendingMigrations({
  config,
  tree,
  long,
}: Pick<Context, 'config' | 'tree' | 'long'>): Promise<PendingMigrations> {
  const { safeFrom, newest } = partOf(config, 'migrations');
  const files = await tree.files(config.database.migrations);
  const first = files.findIndex((file) => basename(file) >= safeFrom);
  if (first < 0) throw new Error(`${config.database.migrations} names no file from ${safeFrom} on`);
  const from = long ? first : Math.max(first, files.length - newest);
  return { before: files.slice(0, from), pending: files.slice(from) };
}
