import { statfs } from 'node:fs/promises';
import { withDatabase } from '../../../io/database.ts';

/** A restored copy, its indexes and the log that building them writes. */
const roomFactor = 1.5;

/** What a copy needs, and what the file system of the scratch cluster has. */
export interface Space {
  neededBytes: number;
  freeBytes: number;
}

/** @throws when a copy of the database does not fit: half a copy says nothing, and a full disk stops what else is on it. */
export async function requireSpace(sourceUrl: string, dataDirectory: string): Promise<Space> {
  const [[size], { bavail, bsize }] = await Promise.all([
    withDatabase(sourceUrl, (database) => database.query('SELECT pg_database_size(current_database()) AS bytes')),
    statfs(dataDirectory),
  ]);
  const space = { neededBytes: Math.ceil(Number(size?.bytes) * roomFactor), freeBytes: bavail * bsize };
  refuseWithoutRoom(space);
  return space;
}

/** @throws with both figures when the one is more than the other. */
export function refuseWithoutRoom({ neededBytes, freeBytes }: Space): void {
  if (freeBytes >= neededBytes) return;
  throw new Error(
    `a copy needs ${inMb(neededBytes)} of scratch space, and ${inMb(freeBytes)} are free: nothing was restored`,
  );
}

function inMb(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
