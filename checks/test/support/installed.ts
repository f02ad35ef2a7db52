import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execOrThrow } from '../../src/io/exec.ts';
import { repositoryRoot } from './look.ts';

/**
 * `npm pack` of the checks, compiled, in a copy of them: test files that do so side by side share no dist. Returns the
 * tarball's path.
 */
export async function packTarball(destination: string): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'preflight-pack-'));
  try {
    for (const path of ['tsconfig.json', 'checks']) {
      const filter = (from: string) => basename(from) !== 'node_modules' && basename(from) !== 'dist';
      cpSync(join(repositoryRoot, path), join(copy, path), { recursive: true, filter });
    }
    for (const path of ['node_modules', 'checks/node_modules'])
      if (existsSync(join(repositoryRoot, path))) symlinkSync(join(repositoryRoot, path), join(copy, path));
    const args = ['pack', '--ignore-scripts=false', '--pack-destination', destination, '--json'];
    const { stdout } = await execOrThrow('npm', args, { cwd: join(copy, 'checks') });
    const names = [...stdout.matchAll(/"filename": "([^"]+)"/g)].map(([, name = '']) => name);
    return join(destination, names.at(-1) ?? '');
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/**
 * What `npm install` makes of a tarball, without a network: its files, its program, and beside it the packages that its
 * package.json asks for and no others. What it imports without asking for it is missing then, as it would be there.
 */
export async function installTarball(root: string, tarball: string): Promise<void> {
  const modules = join(root, 'node_modules');
  const home = join(modules, 'preflight');
  mkdirSync(home, { recursive: true });
  await execOrThrow('tar', ['-xzf', tarball, '--strip-components=1', '-C', home]);
  const { bin, dependencies } = readPackage(home);
  mkdirSync(join(modules, '.bin'), { recursive: true });
  symlinkSync(join(home, bin.preflight ?? ''), join(modules, '.bin', 'preflight'));
  linkPackages(root, Object.keys(dependencies));
}

/** Links packages of this repository into another one's node_modules. One that is there already is left. */
export function linkPackages(root: string, names: readonly string[]): void {
  for (const name of names) {
    const at = join(root, 'node_modules', name);
    if (existsSync(at)) continue;
    mkdirSync(dirname(at), { recursive: true });
    symlinkSync(packageDirectory(name), at);
  }
}

function packageDirectory(name: string): string {
  const rooms = ['checks', 'service', '.'].map((room) => join(repositoryRoot, room, 'node_modules', name));
  const found = rooms.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed in this repository`);
  return found;
}

function readPackage(home: string) {
  return JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
    dependencies: Record<string, string>;
  };
}
