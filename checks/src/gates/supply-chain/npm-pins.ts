import { posix } from 'node:path';
import { z } from 'zod';
import { type Loose, lineOf, type Pins } from './pins.ts';

const dependencies = z.record(z.string(), z.string()).default({});
const sections = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;

const manifestSchema = z.object({
  name: z.string().optional(),
  dependencies,
  devDependencies: dependencies,
  optionalDependencies: dependencies,
  allowScripts: z.record(z.string(), z.unknown()).optional(),
});

const lockSchema = z.object({
  lockfileVersion: z.int().min(2, 'written by npm 6: write it anew with npm install --package-lock-only'),
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      resolved: z.string().optional(),
      integrity: z.string().optional(),
      link: z.boolean().optional(),
      inBundle: z.boolean().optional(),
      hasInstallScript: z.boolean().optional(),
    }),
  ),
});

/** A file of the tree that npm reads. `directory` is that of the file; the root is the empty string. */
interface NpmFile<Data> {
  path: string;
  directory: string;
  text: string;
  data: Data;
}

export type Manifest = NpmFile<z.output<typeof manifestSchema>>;
export type Lock = NpmFile<z.output<typeof lockSchema>>;
type LockedPackage = Lock['data']['packages'][string];

/** @throws when it is not the JSON that npm wants. */
export const readManifest = (path: string, text: string): Manifest => readJson(path, text, manifestSchema);
export const readLock = (path: string, text: string): Lock => readJson(path, text, lockSchema);

function readJson<Data>(path: string, text: string, schema: z.ZodType<Data>): NpmFile<Data> {
  const parsed = schema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(`${path} cannot be read: ${z.prettifyError(parsed.error)}`);
  const directory = posix.dirname(path);
  return { path, directory: directory === '.' ? '' : directory, text, data: parsed.data };
}

/** Whether a specification allows one version only. An alias (`npm:name@1.2.3`) may be one too. */
export function isExact(specification: string): boolean {
  const version = /^npm:.+@([^@]+)$/.exec(specification)?.[1] ?? specification;
  return /^=?\d+\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?$/.test(version);
}

/** Every dependency of every package.json: exact, and locked at that version. */
export function judgeManifests(manifests: readonly Manifest[], locks: readonly Lock[]): Pins {
  const workspaces = new Set(manifests.flatMap(({ data }) => data.name ?? []));
  const loose: Loose[] = [];
  let examined = 0;
  for (const manifest of manifests) {
    const lock = lockOf(manifest, locks);
    for (const section of sections) {
      const from = Math.max(0, manifest.text.indexOf(`"${section}"`));
      for (const [name, specification] of Object.entries(manifest.data[section])) {
        examined += 1;
        if (workspaces.has(name)) continue;
        const place = { file: manifest.path, line: lineOf(manifest.text, `"${name}"`, from), name };
        const locked = lock && lockedAt(manifest, name, lock);
        const fault = faultOf(name, specification, lock, locked);
        if (fault) loose.push({ ...place, ...fault });
      }
    }
  }
  return { examined, loose };
}

function faultOf(
  name: string,
  specification: string,
  lock: Lock | undefined,
  locked: LockedPackage | undefined,
): Pick<Loose, 'wrong' | 'fix'> | undefined {
  if (!isExact(specification)) {
    const version = locked?.version ?? 'VERSION';
    return {
      wrong: `is asked for as "${specification}", which is no exact version`,
      fix: `"${name}": "${version}" (npm install --save-exact ${name}@${version})`,
    };
  }
  if (!lock)
    return { wrong: 'is in no lockfile', fix: 'npm install --package-lock-only, and commit package-lock.json.' };
  const wanted = specification.replace(/^npm:.+@/, '').replace(/^=/, '');
  if (locked?.version === wanted) return undefined;
  return {
    wrong: `${wanted} is wanted, and ${lock.path} ${locked ? `holds ${locked.version}` : 'does not hold it'}`,
    fix: 'npm install --package-lock-only, and commit package-lock.json.',
  };
}

/** The lockfile of the nearest directory above that knows this package: its own, or that of its workspace. */
function lockOf(manifest: Manifest, locks: readonly Lock[]): Lock | undefined {
  return locks
    .filter(({ directory, data }) => insideOf(directory, manifest.directory) in data.packages)
    .toSorted((a, b) => b.directory.length - a.directory.length)
    .find(({ directory }) => directory === '' || `${manifest.directory}/`.startsWith(`${directory}/`));
}

function insideOf(directory: string, path: string): string {
  return directory === '' ? path : posix.relative(directory, path);
}

/** As Node resolves it: in the package's own node_modules, then in those of each directory above. */
function lockedAt(manifest: Manifest, name: string, lock: Lock): LockedPackage | undefined {
  const parts = insideOf(lock.directory, manifest.directory).split('/').filter(Boolean);
  for (let depth = parts.length; depth >= 0; depth -= 1) {
    const found = lock.data.packages[[...parts.slice(0, depth), 'node_modules', name].join('/')];
    if (found) return found;
  }
  return undefined;
}

/** Every package of a lockfile: with the hash of what it holds, from a registry, and from whichever one the machine uses. */
export function judgeLock(lock: Lock): Pins {
  const packages = Object.entries(lock.data.packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && !link,
  );
  const loose = packages.flatMap(([path, locked]): Loose[] => {
    const fault = faultOfLocked(locked);
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return fault ? [{ file: lock.path, line: lineOf(lock.text, `"${path}": {`), name, ...fault }] : [];
  });
  const hosted = packages.filter(([, { resolved }]) => /^https?:/.test(resolved ?? ''));
  const [first] = hosted;
  if (first) {
    loose.push({
      file: lock.path,
      line: lineOf(lock.text, `"${first[0]}": {`),
      name: `${hosted.length} of ${packages.length} packages`,
      wrong: 'name the host that they were fetched from, so that no other registry can serve them',
      fix: 'Put omit-lockfile-registry-resolved=true into .npmrc, then: npm install --package-lock-only',
    });
  }
  return { examined: packages.length, loose };
}

function faultOfLocked({
  resolved = '',
  integrity,
  inBundle,
}: LockedPackage): Pick<Loose, 'wrong' | 'fix'> | undefined {
  if (resolved !== '' && !/^https?:/.test(resolved)) {
    return {
      wrong: `comes from ${resolved.split(':')[0]}, not from a registry`,
      fix: 'Use a published version of it.',
    };
  }
  // A bundled package is inside the tarball of another one, whose hash covers it.
  if (integrity !== undefined || inBundle) return undefined;
  return {
    wrong: 'is locked without integrity: nothing tells whether the download is the same as before',
    fix: 'Remove its entry from the lockfile, then: npm install --package-lock-only',
  };
}

/** What the packages of a lockfile may run while they are installed: nothing, or what the project has looked at. */
export function judgeScripts(lock: Lock, manifest: Manifest | undefined, npmrc: string): Loose[] {
  const setting = (name: string) => new RegExp(`^\\s*${name}\\s*=\\s*(.+?)\\s*$`, 'm').exec(npmrc)?.[1];
  if (setting('ignore-scripts') === 'true') return [];
  const place = (name: string) => ({ file: lock.path, line: lineOf(lock.text, `/${name}": {`), name });
  const allowed = Object.keys(manifest?.data.allowScripts ?? {}).map((key) => key.replace(/(?<=.)@[^@]*$/, ''));
  const running = Object.entries(lock.data.packages)
    .filter(([path, { hasInstallScript, link }]) => hasInstallScript && !link && path.includes('node_modules/'))
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
  if (!manifest?.data.allowScripts) {
    return [
      {
        file: lock.path,
        line: 1,
        name: 'any package',
        wrong: `may run scripts of its own on every machine that installs it (${running.length} do now)`,
        fix: `Put ignore-scripts=true into ${posix.join(lock.directory, '.npmrc')}.`,
      },
    ];
  }
  return running
    .filter((name) => !allowed.includes(name))
    .map((name) => ({
      ...place(name),
      wrong: 'runs a script when it is installed, and nobody has allowed or refused it',
      fix: `"allowScripts": { "${name}": false } in package.json, or true once its script has been read.`,
    }));
}
