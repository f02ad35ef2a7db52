import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import picomatch from 'picomatch';
import { UsageError } from '../errors.ts';
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

/**
 * Paths that differ between the working tree and where it left `base`: edited, new, untracked and removed ones.
 * @throws UsageError when there is no such commit.
 */
export async function changedSince(root: string, base: string): Promise<string[]> {
  const from = await exec('git', ['merge-base', '--end-of-options', base, 'HEAD'], { cwd: root });
  if (from.code !== 0)
    throw new UsageError(
      `--changed: there is no commit ${base} that this tree comes from`,
      'Name a branch, tag or SHA.',
    );
  const list = async (...args: string[]) =>
    (await execOrThrow('git', args, { cwd: root })).stdout.split('\0').filter(Boolean);
  const [tracked, untracked] = await Promise.all([
    list('diff', '--name-only', '--no-renames', '-z', from.stdout.trim()),
    list('ls-files', '-z', '--others', '--exclude-standard'),
  ]);
  return [...new Set([...tracked, ...untracked])].sort();
}
