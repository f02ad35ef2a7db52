import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { execOrThrow } from './exec.ts';
import { isAlive, markOf } from './process-mark.ts';

const entrySchema = z.strictObject({
  drill: z.string(),
  target: z.string(),
  /** In the order in which they are to be run. */
  undo: z.array(z.array(z.string()).min(1)).min(1),
  owner: z.strictObject({ pid: z.int(), startedAt: z.string() }),
});

/** A fault that a drill is about to strike, and the commands that take it back. */
export interface StruckFault {
  drill: string;
  target: string;
  undo: readonly (readonly string[])[];
}

const undoTimeoutMs = 60_000;

function homeOf(root: string): string {
  return join(root, '.preflight', 'drills');
}

/**
 * Writes a fault down before it is struck, whole and on disk when this returns, so that no kill of this program leaves a fault
 * that nobody knows of. Returns what forgets it, for when it is taken back.
 */
export function writeDown(root: string, { drill, target, undo }: StruckFault): () => void {
  const owner = markOf(process.pid);
  if (!owner) throw new Error('this process cannot be told apart from others, so its faults could not be taken back');
  const file = join(homeOf(root), `${randomUUID()}.json`);
  mkdirSync(homeOf(root), { recursive: true });
  const making = openSync(`${file}.making`, 'wx');
  try {
    writeSync(making, `${JSON.stringify({ drill, target, undo, owner })}\n`);
    fsyncSync(making);
  } finally {
    closeSync(making);
  }
  renameSync(`${file}.making`, file);
  return () => rmSync(file, { force: true });
}

/** Runs the commands that take a fault back. @throws when one of them fails; the ones after it are not run. */
export async function takeBack(root: string, undo: StruckFault['undo']): Promise<void> {
  for (const [command = '', ...args] of undo) await execOrThrow(command, args, { cwd: root, timeoutMs: undoTimeoutMs });
}

/**
 * Takes back the faults of runs that were killed, and tells each.
 * @throws when a fault cannot be taken back: nothing is to be judged on a target that a drill has left broken.
 */
export async function takeBackWhatIsLeft(root: string, tell: (message: string) => void): Promise<void> {
  for (const file of entryFiles(root)) {
    const { drill, target, undo, owner } = entrySchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    if (isAlive(owner)) continue;
    try {
      await takeBack(root, undo);
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new Error(
        `${drill} was killed and has left its fault on ${target}, and its undo fails: ${reason}\n${file} names the commands: run them by hand, then remove it.`,
        { cause },
      );
    }
    rmSync(file, { force: true });
    tell(`${drill} was killed before it had taken its fault back on ${target}: taken back now`);
  }
}

function entryFiles(root: string): string[] {
  try {
    const names = readdirSync(homeOf(root)).filter((name) => name.endsWith('.json'));
    return names.map((name) => join(homeOf(root), name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
