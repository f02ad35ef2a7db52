import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Tree } from './tree.ts';

export interface Changes {
  /** To be waited for by one at a time. Resolves when a file of the tree is another than when the watch began, or when the signal fires. */
  next(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** An editor writes a file in several steps, and a checkout many files: this long it has to be quiet. */
const quietMs = 150;

/** Watches the directories that hold files of the tree; what git ignores is no change, wherever it is written. */
export async function watchTree(tree: Tree): Promise<Changes> {
  const before = await snapshot(tree);
  const directories = new Set((await tree.files()).map((path) => dirname(path)));
  let stirred = Promise.withResolvers<void>();
  const watchers: FSWatcher[] = [];
  const close = () => {
    for (const watcher of watchers) watcher.close();
  };
  try {
    for (const directory of directories) watchers.push(watch(join(tree.root, directory), () => stirred.resolve()));
  } catch (error) {
    close();
    throw error;
  }
  return {
    close,
    async next(signal) {
      const ended = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => ended.resolve(), { once: true });
      while (!signal.aborted) {
        await Promise.race([stirred.promise, ended.promise]);
        stirred = Promise.withResolvers();
        await delay(quietMs, undefined, { signal }).catch(() => undefined);
        if ((await snapshot(tree)) !== before) return;
      }
    },
  };
}

/** Names, sizes and times of the tree's files. One that goes while it is looked at is one that has changed. */
export async function snapshot(tree: Tree): Promise<string> {
  const marks = (await tree.files()).map(async (path) => {
    const mark = await stat(join(tree.root, path)).catch(() => undefined);
    return `${path} ${mark?.size} ${mark?.mtimeMs}`;
  });
  return (await Promise.all(marks)).join('\n');
}
