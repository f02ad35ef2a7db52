import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { type Cache, configText, filesOf, isCacheable, keptSchema, keyOfParts } from '../engine/cache.ts';
import { nothingCleared } from '../engine/cleared-files.ts';
import type { Check } from '../engine/gate.ts';
import type { CheckResult } from '../engine/report.ts';
import { openClearedFiles } from './cleared-files.ts';
import { execOrThrow } from './exec.ts';
import { type Tools, toolNames } from './tools.ts';
import type { Tree } from './tree.ts';

export interface CacheOptions {
  config: Config;
  tree: Tree;
  tools: Tools;
  /** Only these are kept: what a plugin's gate depends on, beside its files, nobody can see. */
  own: readonly Check[];
  /** Directories with the sources of the checks: another gate is another answer. */
  sources: readonly string[];
  /** Takes out what must not be written. */
  clean(result: CheckResult): CheckResult;
  now(): Date;
}

const mostKept = 200;

/** Keeps passes in `.preflight/cache`, a file for each key. */
export function openCache(options: CacheOptions): Cache {
  const { config, tree, tools, sources, clean, now } = options;
  const own = new Set(options.own);
  const directory = join(tree.root, '.preflight', 'cache');
  const digests = new Map<string, Promise<string>>();
  const digestOf = (path: string) => {
    const known = digests.get(path) ?? digestOfFile(join(tree.root, path));
    digests.set(path, known);
    return known;
  };
  let common: Promise<readonly unknown[]> | undefined;
  /** What an answer of the check depends on, beside the tree. */
  const partsOf = async (check: Check): Promise<readonly unknown[]> => {
    common ??= commonParts(tree.root, sources, config);
    const names = toolNames.filter((name) => check.needs.includes(name) && tools.find(name));
    const versions = await Promise.all(names.map(async (name) => [name, await tools.version(name)]));
    // A tool may call another one where it finds it, as actionlint does shellcheck.
    const present = toolNames.filter((name) => tools.find(name) !== undefined);
    return [check.id, ...(await common), versions, present];
  };
  const write = async (name: string, value: unknown) => {
    await mkdir(directory, { recursive: true });
    await writeFile(join(tree.root, '.preflight', '.gitignore'), '*\n');
    await writeFile(join(directory, name), `${JSON.stringify(value)}\n`);
    await forgetOldest(directory);
  };
  return {
    async keyOf(check) {
      const globs = filesOf(check, config);
      if (!own.has(check) || !isCacheable(check) || globs === undefined) return undefined;
      const paths = await tree.files(...globs);
      const files = await Promise.all(paths.map(async (path) => [path, await digestOf(path)]));
      // Some answers depend on the date (a calendar, a deadline): none is kept past its day.
      const day = now().toISOString().slice(0, 10);
      const refs = check.readsCommits ? await refsOf(tree.root) : '';
      return keyOfParts([day, ...(await partsOf(check)), files, refs]);
    },
    async find(key) {
      try {
        const kept = keptSchema.safeParse(JSON.parse(await readFile(join(directory, `${key}.json`), 'utf8')));
        return kept.success && kept.data.result.outcome === 'pass' ? kept.data : undefined;
      } catch {
        // Absent, cut short by a killed run, or not ours: then it is looked at again, which is never wrong.
        return undefined;
      }
    },
    async keep(key, result) {
      await write(`${key}.json`, { lookedAt: now().toISOString(), result: clean(result) });
    },
    clearedBy(check) {
      if (!own.has(check)) return nothingCleared;
      const name = `cleared-${check.id.replace('/', '-')}.json`;
      return openClearedFiles({
        read: () => readFile(join(directory, name), 'utf8'),
        write: (value) => write(name, value),
        basis: async (rules) => keyOfParts([...(await partsOf(check)), rules]),
        digestOf: (path) => digestOfFile(join(tree.root, path)),
      });
    },
  };
}

/** What every answer depends on: the checks' own code, this Node, what npm has installed, and the whole configuration. */
async function commonParts(root: string, sources: readonly string[], config: Config): Promise<readonly unknown[]> {
  const code = await Promise.all(sources.map(digestOfDirectory));
  const installed = await readFile(join(root, 'node_modules', '.package-lock.json')).then(sha256, () => 'nothing');
  return [code, process.versions.node, installed, configText(config)];
}

/** Every ref, and HEAD, with the commit that it names. */
async function refsOf(root: string): Promise<string> {
  return (await execOrThrow('git', ['show-ref', '--head'], { cwd: root })).stdout;
}

/** Of its content, and of whether it may be run: both are the tree's. */
async function digestOfFile(path: string): Promise<string> {
  try {
    const [content, { mode }] = await Promise.all([readFile(path), stat(path)]);
    return `${sha256(content)}${(mode & 0o100) === 0 ? '' : ' runs'}`;
  } catch {
    return 'gone';
  }
}

async function digestOfDirectory(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return keyOfParts(await Promise.all(paths.sort().map(async (path) => [path, sha256(await readFile(path))])));
}

async function forgetOldest(directory: string): Promise<void> {
  const paths = (await readdir(directory)).map((name) => join(directory, name));
  if (paths.length <= mostKept) return;
  const aged = await Promise.all(paths.map(async (path) => ({ path, mtimeMs: (await stat(path)).mtimeMs })));
  const oldest = aged.sort((one, other) => one.mtimeMs - other.mtimeMs).slice(0, -mostKept);
  await Promise.all(oldest.map(({ path }) => rm(path, { force: true })));
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
