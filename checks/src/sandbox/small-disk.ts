import { mkdirSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execOrThrow } from '../io/exec.ts';
import { unmount } from '../io/mounts.ts';
import type { Identity } from './postgres.ts';

/** A file system of its own, small enough to be filled within the blink of an eye. It lives in memory. */
export interface SmallDisk {
  readonly directory: string;
  /** Takes all the room that is left. Returns how many bytes that were. */
  fill(): Promise<number>;
  /** Gives it back. */
  free(): Promise<void>;
  unmount(): Promise<void>;
}

const blockBytes = 1_048_576;
const smallestBlockBytes = 4_096;

/**
 * Mounts one below the sandbox's directory, which is its journal: whoever removes that directory unmounts it first.
 * @throws when it cannot be mounted.
 */
export async function mountSmallDisk(directory: string, sizeBytes: number, owner: Identity): Promise<SmallDisk> {
  mkdirSync(directory, { mode: 0o700 });
  const { uid, gid } = owner;
  const own = uid === undefined || gid === undefined ? '' : `,uid=${uid},gid=${gid}`;
  const options = `size=${sizeBytes},mode=0700,nosuid,nodev${own}`;
  await execOrThrow('mount', ['-t', 'tmpfs', '-o', options, 'preflight', directory]);
  const filler = join(directory, 'filler');
  return {
    directory,
    fill: () => fillUp(filler),
    free: () => rm(filler, { force: true }),
    unmount: () => unmount(directory),
  };
}

async function fillUp(path: string): Promise<number> {
  const file = await open(path, 'a');
  let written = 0;
  try {
    for (let bytes = blockBytes; bytes >= smallestBlockBytes; ) {
      const taken = await writeBlock(file, bytes);
      written += taken;
      if (taken < bytes) bytes /= 2;
    }
  } finally {
    await file.close();
  }
  return written;
}

/** How much of it had room. */
async function writeBlock(file: Awaited<ReturnType<typeof open>>, bytes: number): Promise<number> {
  try {
    return (await file.write(Buffer.alloc(bytes))).bytesWritten;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return 0;
    throw error;
  }
}
