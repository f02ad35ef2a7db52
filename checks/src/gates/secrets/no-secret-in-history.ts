import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { lastLines } from '../../io/exec.ts';
import { ignoreFile, type Leak, rulesFile, rulesOf, scan } from './gitleaks.ts';
import { someToken } from './no-secret-in-tree.ts';

type PastLeak = Pick<Leak, 'rule' | 'description' | 'file' | 'line' | 'commit' | 'author' | 'date'>;

interface Facts {
  /** Reachable from any branch, tag or other ref. */
  commits: number;
  /** Those of them that add text: gitleaks has to have read each. */
  commitsThatAddText: number;
  bytes: number;
  rules: string;
  /** gitleaks's own lists of exceptions in the tree: reported, and not obeyed. */
  ignoreFiles: string[];
  leaks: PastLeak[];
}

/** Merges are compared with what git alone would have merged, so that a secret which came in while merging is seen too. */
const whichCommits = ['--all', '--full-history', '--remerge-diff'];

export default defineGate<Facts>({
  id: 'secrets/no-secret-in-history',
  severity: 'blocker',
  // It reads every commit there is, which is more than files, and takes longer with each one.
  profile: 'commit',
  needs: ['git', 'gitleaks'],
  files: ['**'],
  readsCommits: true,
  covers: ['secrets.none-in-version-control', 'supply-chain.scan'],
  unit: 'commits',
  why: 'A secret that a later commit removed is still in every clone: whoever has the history has the secret.',
  fix:
    'Revoke the secret first: it is known. Then rewrite the history (git filter-repo --replace-text), ' +
    'or accept the dead secret with a waiver of this fingerprint.',
  source:
    'https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/removing-sensitive-data-from-a-repository',

  async observe(context) {
    // gitleaks obeys an ignore file in the directory that it runs in: it runs in an empty one.
    const directory = await mkdtemp(join(tmpdir(), 'preflight-secrets-'));
    try {
      return await look(context, directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },

  judge: ({ leaks }) =>
    leaks.map(({ rule, description, file, line, commit, author, date }) => ({
      message: `commit ${commit.slice(0, 12)} of ${date.slice(0, 10)} by ${author} looks like it added a secret, by the rule ${rule}: ${description}`,
      file,
      line: Math.max(line, 1),
      // What a commit holds at a line never changes.
      identity: `${commit} ${rule} ${line}`,
    })),

  samples: {
    good: [sample([])],
    bad: [
      sample([
        {
          ...{ rule: 'github-pat', description: 'a token', file: 'a.ts', line: 3 },
          ...{ commit: '0123456789abcdef0123456789abcdef01234567', author: 'A', date: '2026-01-02T03:04:05Z' },
        },
      ]),
    ],
  },

  async sabotage({ scratch }) {
    await scratch.write('planted-by-preflight.txt', `token: ${someToken()}\n`);
    await scratch.commit('plant a secret');
    await scratch.remove('planted-by-preflight.txt');
    await scratch.commit('remove it again');
    return undefined;
  },
});

async function look(context: Context, directory: string): Promise<{ examined: number; facts: Facts }> {
  const { tree } = context;
  const gitDirectory = await git(context, ['rev-parse', '--absolute-git-dir']);
  if ((await git(context, ['rev-parse', '--is-shallow-repository'])) === 'true') {
    throw new Error(
      'the clone is shallow, so most of the history is not in it: `git fetch --unshallow`, or fetch-depth: 0 in the checkout action',
    );
  }
  const args = ['git', '.', '--platform', 'none', `--log-opts=${whichCommits.join(' ')}`, ...rulesOf(tree.root)];
  const [seen, commits, commitsThatAddText, ignoreFiles] = await Promise.all([
    scan(context, args, directory, { GIT_DIR: gitDirectory, ...plainGit(gitSettings) }),
    git(context, ['rev-list', '--all', '--count']).then(Number),
    countCommitsThatAddText(context),
    tree.files(`**/${ignoreFile}`),
  ]);
  const scanned = seen.commits ?? 0;
  if (scanned < commitsThatAddText)
    throw new Error(`gitleaks read ${scanned} commits, and ${commitsThatAddText} of ${commits} add text`);
  const rules = existsSync(join(tree.root, rulesFile)) ? rulesFile : "gitleaks's own";
  const leaks: PastLeak[] = [];
  for (const leak of seen.leaks) leaks.push(await withRealPath(context, leak));
  return {
    examined: scanned,
    facts: { commits, commitsThatAddText, bytes: seen.bytes, rules, ignoreFiles, leaks },
  };
}

/** What people set for their own eyes changes what gitleaks parses: with another `format.pretty` it finds no commit. */
const gitSettings: Record<string, string> = {
  'format.pretty': 'medium',
  'log.date': 'default',
  'log.decorate': 'no',
  'log.follow': 'false',
  'log.showRoot': 'true',
  'log.showSignature': 'false',
  'color.ui': 'false',
  'diff.noprefix': 'false',
  'diff.mnemonicPrefix': 'false',
};

function plainGit(settings: Record<string, string>): NodeJS.ProcessEnv {
  const entries = Object.entries(settings).flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, name],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(Object.keys(settings).length), ...Object.fromEntries(entries) };
}

async function countCommitsThatAddText(context: Context): Promise<number> {
  const listed = await git(context, ['log', ...whichCommits, '--shortstat', '--format=%x00']);
  return listed.split('\0').filter((commit) => /\d insertions?\(\+\)/.test(commit)).length;
}

/** Where git notes a conflict in a merge's patch, gitleaks keeps the `b/` before the path. */
async function withRealPath(context: Context, leak: Leak): Promise<PastLeak> {
  const { rule, description, line, commit, author, date } = leak;
  const leaked = { rule, description, file: leak.file, line, commit, author, date };
  if (!leak.file.startsWith('b/')) return leaked;
  const { code } = await context.exec('git', ['cat-file', '-e', `${commit}:${leak.file}`]);
  return code === 0 ? leaked : { ...leaked, file: leak.file.slice('b/'.length) };
}

async function git(context: Context, args: readonly string[]): Promise<string> {
  const result = await context.exec('git', args);
  if (result.code !== 0) throw new Error(`git ${args[0]} ended with exit code ${result.code}: ${lastLines(result)}`);
  return result.stdout.trim();
}

function sample(leaks: PastLeak[]): Facts {
  return { commits: 4, commitsThatAddText: 3, bytes: 40, rules: rulesFile, ignoreFiles: [], leaks };
}
