import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { exec, execOrThrow } from '../../src/io/exec.ts';

/** A git repository of a few files in a directory of its own. */
export interface SmallRepository {
  readonly root: string;
  write(path: string, text: string): void;
  remove(path: string): void;
  git(...args: string[]): Promise<string>;
  commitAll(message: string): Promise<string>;
  close(): void;
}

/** Neither the machine's nor the user's git settings take part: a commit's id depends on its content alone. */
export const plainGitEnvironment = {
  PATH: process.env.PATH,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_AUTHOR_DATE: '2026-01-02T03:04:05Z',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z',
} as const;

export async function createSmallRepository(files: Record<string, string> = {}): Promise<SmallRepository> {
  const root = await mkdtemp(join(tmpdir(), 'preflight-test-'));
  const git = async (...args: string[]) =>
    (await execOrThrow('git', args, { cwd: root, env: plainGitEnvironment })).stdout.trim();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  await git('init', '--quiet', '--initial-branch=main');
  for (const [path, text] of Object.entries(files)) write(path, text);
  return {
    root,
    write,
    git,
    remove: (path) => rmSync(join(root, path)),
    async commitAll(message) {
      await git('add', '--all');
      await git('commit', '--quiet', '--allow-empty', '--message', message);
      return git('rev-parse', 'HEAD');
    },
    // A program that ends may still be writing what it has compiled.
    close: () => rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
}

/** Merges, and lets the caller resolve what conflicts. */
export async function mergeInto(repository: SmallRepository, branch: string): Promise<void> {
  await exec('git', ['merge', '--no-commit', branch], { cwd: repository.root, env: plainGitEnvironment });
}
