import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Profile } from '../engine/gate.ts';
import { exitCodes } from '../engine/verdict.ts';
import { openTree } from '../io/tree.ts';
import { watchTree } from '../io/watch-tree.ts';
import { interruptible, type Streams } from './terminal.ts';

export interface WatchFlags {
  config: string;
  profile: Profile;
}

/**
 * For whoever writes a gate: runs it now, and again whenever a file of the tree has changed, until it is interrupted. Each run
 * is a process of its own, so that an edited gate is the one that looks.
 */
export async function watch(globs: readonly string[], flags: WatchFlags, { stderr }: Streams): Promise<number> {
  const tree = openTree(process.cwd());
  const { signal, release } = interruptible();
  try {
    while (!signal.aborted) {
      // Begun before the run, so that what is edited while it looks is seen by the next one.
      const changes = await watchTree(tree);
      try {
        await runOnce(globs, flags, signal);
        if (signal.aborted) break;
        stderr.write('waiting for a change; Ctrl-C ends it\n');
        await changes.next(signal);
      } finally {
        changes.close();
      }
    }
    return exitCodes.go;
  } finally {
    release();
  }
}

/** What it says goes where this program's words go. An interruption is passed on, and its tidying up is waited for. */
async function runOnce(globs: readonly string[], { config, profile }: WatchFlags, signal: AbortSignal): Promise<void> {
  const cli = process.argv[1] ?? '';
  const args = [cli, 'run', ...globs, '--config', config, '--profile', profile];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const interrupt = () => child.kill('SIGINT');
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    await once(child, 'exit');
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
