import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import picomatch from 'picomatch';
import { exec, execOrThrow } from './exec.ts';

/** The files that are being released: what git tracks, and what it does not track yet and does not ignore. */
export interface Tree {
  readonly root: string;
  /** Paths inside the tree, sorted, with `/`; with globs, those that match one of them. */
  files(...globs: string[]): Promise<string[]>;
  read(path: string): Promise<string>;
}

export function openTree(root: string): Tree {
  return {
    root,
    async files(...globs) {
      const matches = globs.length === 0 ? () => true : picomatch(globs, { dot: true });
      return (await listFiles(root)).filter((path) => matches(path));
    },
    read: (path) => readFile(join(root, path), 'utf8'),
  };
}

/** A file that git tracks and that is gone from the working tree is not listed. */
async function listFiles(root: string): Promise<string[]> {
  const list = async (...args: string[]) =>
    (await execOrThrow('git', ['ls-files', '-z', ...args], { cwd: root })).stdout.split('\0').filter(Boolean);
  const [present, deleted] = await Promise.all([list('--cached', '--others', '--exclude-standard'), list('--deleted')]);
  const gone = new Set(deleted);
  return [...new Set(present)].filter((path) => !gone.has(path)).sort();
}

/** The commit that a verdict is about. `dirty`: the working tree differs from it. Without a commit it is the empty string. */
export async function headOf(root: string): Promise<{ commit: string; dirty: boolean }> {
  const head = await exec('git', ['rev-parse', '--verify', 'HEAD'], { cwd: root });
  const status = await exec('git', ['status', '--porcelain'], { cwd: root });
  return { commit: head.code === 0 ? head.stdout.trim() : '', dirty: status.code !== 0 || status.stdout.trim() !== '' };
}
