import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';

/** More than that is no configuration. */
const most = 500;

/**
 * The configuration's file, and all files of the tree that it imports by relative paths, and those in turn: what is promised is
 * the same, in one file or in several. Paths from the root, sorted. @throws when one cannot be read or parsed, or when there are more than 500.
 */
export async function configFilesOf(root: string, file: string): Promise<string[]> {
  const found = new Set<string>();
  const waiting = [posix.normalize(file)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    if (found.size > most) throw new Error(`${file} imports more than ${most} files`);
    if (!isCode.test(path)) continue;
    const directory = posix.dirname(path);
    const imported = await importsOf(path, await readFile(join(root, path), 'utf8'));
    waiting.push(...imported.filter(isRelative).map((specifier) => posix.join(directory, specifier)));
  }
  return [...found].sort();
}

/** SHA-256 of the configuration: of its file where that imports none, else of each file's digest and path. */
export async function configHashOf(root: string, file: string): Promise<string> {
  const paths = await configFilesOf(root, file);
  const digests = await Promise.all(paths.map(async (path) => sha256(await readFile(join(root, path)))));
  const [only = ''] = digests;
  return paths.length === 1 ? only : sha256(paths.map((path, index) => `${digests[index]}  ${path}\n`).join(''));
}

/** Other files, such as JSON, import nothing. */
const isCode = /\.[cm]?[jt]s$/;
const isRelative = (specifier: string) => /^\.\.?\//.test(specifier);

/** What it imports, statically or by a literal. */
async function importsOf(path: string, text: string): Promise<string[]> {
  const { parseSync } = await import('oxc-parser');
  const { module, errors } = parseSync(path, text);
  if (errors[0]) throw new Error(`${path} cannot be parsed: ${errors[0].message}`);
  const reexported = module.staticExports.flatMap(({ entries }) => entries.map(({ moduleRequest }) => moduleRequest));
  const literals = module.dynamicImports.map(({ moduleRequest: { start, end } }) => text.slice(start, end));
  return [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...reexported.flatMap((request) => request?.value ?? []),
    ...literals.flatMap((literal) => /^(['"])(.*)\1$/.exec(literal)?.[2] ?? []),
  ];
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
