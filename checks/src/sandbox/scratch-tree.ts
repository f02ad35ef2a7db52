import { appendFileSync, cpSync, mkdirSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execOrThrow } from '../io/exec.ts';
import { openTree, type Tree } from '../io/tree.ts';

/** A copy of the tree, with its history, that sabotage may edit. */
export interface ScratchTree extends Tree {
  write(path: string, text: string): Promise<void>;
  /** Replaces one piece of a file. @throws when the piece is not in it: a sabotage that changes nothing proves nothing. */
  edit(path: string, before: string | RegExp, after: string): Promise<void>;
  remove(path: string): Promise<void>;
  commit(message: string): Promise<void>;
  /** Takes back every edit and every commit since the copy was made. */
  restore(): Promise<void>;
}

/** What runs leave behind: a copy keeps its own. */
const ownOutput = '.preflight/';

/** Directories of installed or built things, which git ignores: they are not copied, but reached through a link. */
async function ignoredDirectories(root: string): Promise<string[]> {
  const args = ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--directory'];
  const { stdout } = await execOrThrow('git', args, { cwd: root });
  const ignored = stdout.split('\0').filter((path) => path !== '' && path !== ownOutput);
  return ignored.filter((path) => statSync(join(root, path)).isDirectory()).map((path) => path.replace(/\/$/, ''));
}

/** What is installed or built there is reached from here through links, whose paths are returned. */
async function linkInstalled(from: string, root: string): Promise<string[]> {
  const linked = await ignoredDirectories(from);
  for (const path of linked) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(realpathSync(join(from, path)), join(root, path));
  }
  return linked;
}

/**
 * The tree as it was at an earlier commit, with what is installed today.
 * @throws when there is no such commit.
 */
export async function checkOutEarlier(source: Tree, root: string, commit: string): Promise<void> {
  await execOrThrow('git', ['clone', '--quiet', '--shared', '--no-checkout', source.root, root]);
  await execOrThrow('git', ['checkout', '--quiet', '--detach', commit], { cwd: root });
  await linkInstalled(source.root, root);
}

/** Clones the repository, then lays the working tree's present state over it. */
export async function copyTree(source: Tree, root: string): Promise<ScratchTree> {
  await execOrThrow('git', ['clone', '--quiet', '--shared', source.root, root]);
  const git = (...args: string[]) =>
    execOrThrow(
      'git',
      ['-c', 'user.name=preflight', '-c', 'user.email=preflight@localhost', '-c', 'commit.gpgsign=false', ...args],
      { cwd: root },
    );
  const [present, cloned] = [new Set(await source.files()), await openTree(root).files()];
  for (const path of cloned) if (!present.has(path)) rmSync(join(root, path));
  for (const path of present) copyInto(source.root, root, path);
  const linked = await linkInstalled(source.root, root);
  // A rule such as `node_modules/` ignores the directory, and would not ignore the link that stands for it here.
  appendFileSync(join(root, '.git', 'info', 'exclude'), linked.map((path) => `/${path}\n`).join(''));
  const commit = async (message: string) => {
    await git('add', '--all');
    await git('commit', '--quiet', '--allow-empty', '--no-verify', '--message', message);
  };
  await commit('the tree as it is judged');
  const base = (await git('rev-parse', 'HEAD')).stdout.trim();
  const write = async (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  return {
    ...openTree(root),
    write,
    commit,
    async edit(path, before, after) {
      const text = await readFile(join(root, path), 'utf8');
      const edited = text.replace(before, () => after);
      if (edited === text) throw new Error(`sabotage found nothing to change in ${path}: ${before}`);
      await write(path, edited);
    },
    remove: async (path) => rmSync(join(root, path)),
    async restore() {
      await git('reset', '--quiet', '--hard', base);
      await git('clean', '--quiet', '--force', '-d');
    },
  };
}

function copyInto(from: string, to: string, path: string): void {
  mkdirSync(dirname(join(to, path)), { recursive: true });
  cpSync(join(from, path), join(to, path), { preserveTimestamps: true, verbatimSymlinks: true });
}
