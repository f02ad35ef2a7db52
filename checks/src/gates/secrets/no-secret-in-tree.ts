import { createHash, randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { copyFile, lstat, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import type { Tree } from '../../io/tree.ts';
import { ignoreFile, type Leak, rulesFile, rulesOf, type Scan, type Skipped, scan } from './gitleaks.ts';

interface Facts {
  files: number;
  /** Those of them in which an earlier look found nothing, and that are as they were then. The rest tells of the others. */
  cleared: number;
  bytes: number;
  skipped: Skipped[];
  /** Where the rules come from. */
  rules: string;
  /** gitleaks's own lists of exceptions in the tree: reported, and not obeyed. */
  ignoreFiles: string[];
  leaks: (Pick<Leak, 'rule' | 'description' | 'file' | 'line'> & { content: string })[];
}

export default defineGate<Facts>({
  id: 'secrets/no-secret-in-tree',
  severity: 'blocker',
  profile: 'static',
  needs: ['gitleaks'],
  files: ['**'],
  covers: [
    'secrets.in-environment',
    'secrets.none-in-version-control',
    'db.connections.no-passwords',
    'db.connections.secured',
    'supply-chain.scan',
  ],
  unit: 'files',
  why: 'A key in the tree is in every clone, image and backup of it, and whoever reads one of them can trade with it.',
  fix:
    'Revoke the secret first, then read it from the environment. Test data that looks like a secret: build it when the test runs. ' +
    'Comments and ignore files of gitleaks are not obeyed; an exception is a waiver, with an owner and an end.',
  source: 'https://github.com/gitleaks/gitleaks#configuration',

  async observe(context) {
    const directory = await mkdtemp(join(tmpdir(), 'preflight-secrets-'));
    try {
      return await look(context, directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },

  judge: ({ leaks }) =>
    leaks.map(({ rule, description, file, line, content }) => ({
      message: `looks like a secret, by the rule ${rule}: ${description}`,
      file,
      line: Math.max(line, 1),
      identity: `${rule} ${content}`,
    })),

  samples: {
    good: [sample([])],
    bad: [sample([{ rule: 'github-pat', description: 'a token', file: 'a.ts', line: 3, content: 'c0ffee' }])],
  },

  async sabotage({ scratch }) {
    await scratch.write('planted-by-preflight.txt', `token: ${someToken()}\n`);
    return undefined;
  },
});

async function look(context: Context, directory: string): Promise<{ examined: number; facts: Facts }> {
  const { cleared: earlier, tree } = context;
  const files = await tree.files();
  const hasRules = existsSync(join(tree.root, rulesFile));
  let seen: Seen = { read: 0, bytes: 0, skipped: [], leaks: [] };
  const cleared = await earlier.lookThrough(files, hasRules ? await tree.read(rulesFile) : '', async (uncleared) => {
    seen = await lookThrough(context, uncleared, directory);
    return [...seen.skipped.map(([file]) => file), ...uncleared.filter((file) => seen.leaks.some(isIn(file)))];
  });
  return {
    examined: cleared + seen.read,
    facts: {
      files: files.length,
      cleared,
      bytes: seen.bytes,
      skipped: byReason(seen.skipped),
      rules: hasRules ? rulesFile : "gitleaks's own",
      ignoreFiles: files.filter((file) => file.endsWith(ignoreFile)),
      leaks: await Promise.all(seen.leaks.map((leak) => describe(leak, directory, files))),
    },
  };
}

interface Seen {
  read: number;
  bytes: number;
  /** Each with the reason. */
  skipped: [string, string][];
  leaks: Leak[];
}

/** Exactly these files are copied, so that nothing ignored is scanned and nothing changes while it is scanned. */
async function lookThrough(context: Context, files: readonly string[], directory: string): Promise<Seen> {
  const { sizes, left } = await copyFiles(context.tree, files, directory);
  const canary = `canary-${randomBytes(6).toString('hex')}.txt`;
  await writeFile(join(directory, canary), `${someToken()}\n`);
  const { leaks, bytes, ...rest } = await scan(context, ['dir', '.', ...rulesOf(context.tree.root)], directory);
  if (!leaks.some(isIn(canary)))
    throw new Error(`gitleaks did not find the secret that was planted to try it: ${rulesFile} switches its rules off`);
  sizes.set(canary, (await lstat(join(directory, canary))).size);
  const skipped = skippedFiles(rest.skipped, [...sizes.keys()]);
  requireAllRead(bytes, sizes, skipped);
  return {
    read: sizes.size - 1 - skipped.size,
    bytes,
    skipped: [...left, ...skipped],
    leaks: leaks.filter((leak) => !isIn(canary)(leak)),
  };
}

/** Inside of an archive the path goes on after an exclamation mark. */
function isIn(path: string): (leak: Leak) => boolean {
  return ({ file }) => file === path || file.startsWith(`${path}!`);
}

const copiesAtOnce = 32;

/** @throws when a file cannot be read. `left` are those that have no content of their own, and why. */
async function copyFiles(
  tree: Tree,
  files: readonly string[],
  directory: string,
): Promise<{ sizes: Map<string, number>; left: [string, string][] }> {
  const sizes = new Map<string, number>();
  const left: [string, string][] = [];
  const copy = async (file: string) => {
    const from = join(tree.root, file);
    const stat = await lstat(from);
    if (stat.isSymbolicLink()) return void left.push([file, 'symbolic link']);
    if (stat.isDirectory()) return void left.push([file, 'another repository']);
    // At the root it would be obeyed.
    if (file === ignoreFile) return void left.push([file, 'list of exceptions']);
    const to = join(directory, file);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    sizes.set(file, (await lstat(to)).size);
  };
  for (let start = 0; start < files.length; start += copiesAtOnce)
    await Promise.all(files.slice(start, start + copiesAtOnce).map(copy));
  return { sizes, left };
}

function skippedFiles(skipped: Scan['skipped'], files: readonly string[]): Map<string, string> {
  const isUnder = (path: string, directory: string) => path.startsWith(`${directory}/`);
  return new Map(
    skipped.flatMap(({ path, reason, directory }) =>
      files
        .filter((file) => file === path || (directory && isUnder(file, path)))
        .map((file) => [file, reason] as const),
    ),
  );
}

const archive = /\.(zip|jar|tar|t?gz|t?bz2?|t?xz|7z|rar|zst|br|lz4|lz|sz|s2|zz)$/i;

/** gitleaks leaves out what it cannot open with a line of its log at most, so the bytes are compared as well (gitleaks#2232). */
function requireAllRead(bytes: number, sizes: ReadonlyMap<string, number>, skipped: ReadonlyMap<string, string>): void {
  const given = [...sizes].filter(([file]) => !skipped.has(file));
  // An archive counts by what it unpacks to.
  const plain = given.filter(([file]) => !archive.test(file));
  const expected = plain.reduce((sum, [, size]) => sum + size, 0);
  const complete = plain.length === given.length ? bytes === expected : bytes >= expected;
  if (!complete) throw new Error(`gitleaks read ${bytes} bytes, and the files that it was given have ${expected}`);
}

function byReason(entries: readonly (readonly [string, string])[]): Skipped[] {
  const groups = Map.groupBy(entries, ([, reason]) => reason);
  return [...groups].map(([reason, group]) => ({ reason, files: group.map(([file]) => file) }));
}

/** The hash of the lines that hold it tells one secret from another wherever it moves, and tells nobody what it is. */
async function describe(leak: Leak, directory: string, files: readonly string[]): Promise<Facts['leaks'][number]> {
  const { rule, description, file, line, endLine } = leak;
  // Of an archive, the whole is what is known.
  const path = files.find((candidate) => isIn(candidate)(leak)) ?? file;
  const text = await readFile(join(directory, path), 'utf8');
  const lines =
    path === file
      ? text
          .split('\n')
          .slice(Math.max(line - 1, 0), endLine)
          .join('\n')
      : text;
  const content = createHash('sha256').update(`${rule}\n${lines.trim()}`).digest('hex').slice(0, 16);
  return { rule, description, file, line, content };
}

/** Has the shape of a GitHub token and belongs to nobody. It is made when it is needed, so that it is in no tree. */
export function someToken(): string {
  return `ghp_${randomBytes(18).toString('hex')}`;
}

function sample(leaks: Facts['leaks']): Facts {
  return { files: 2, cleared: 0, bytes: 40, skipped: [], rules: rulesFile, ignoreFiles: [], leaks };
}
