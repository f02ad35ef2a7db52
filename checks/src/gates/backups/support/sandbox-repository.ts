import { chownSync, cpSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { withDatabase } from '../../../io/database.ts';
import { execOrThrow } from '../../../io/exec.ts';
import { findTools } from '../../../io/tools.ts';
import { type SandboxBackups, startBackups, writeConfig } from '../../../sandbox/backups.ts';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';

/** Copies of the rehearsed repositories, which a sabotage may damage. */
export interface RepositoryCopy {
  readonly configFile: string;
  /** Where they lie, the first one first. */
  readonly repositories: readonly string[];
  readonly original: SandboxBackups;
}

const rehearsed = new WeakMap<Sandbox, Promise<SandboxBackups>>();
const copies = new WeakMap<Sandbox, RepositoryCopy>();

/**
 * For a repository that describes no backups: a full and an incremental backup of the sandbox's cluster in one repository, a
 * full one in another, and a configuration that promises what it takes. Made once in a sandbox; each proof gets a copy.
 */
export async function rehearseRecords(sandbox: Sandbox): Promise<Undo | undefined> {
  const original = await originalOf(sandbox);
  await original.archive();
  const copy = copyOf(sandbox, original);
  const earlier = sandbox.config.backups;
  sandbox.config.backups = {
    ...{ stanza: original.stanza, configFile: copy.configFile, systemId: await systemIdOf(sandbox) },
    since: new Date().toISOString().slice(0, 10),
    promises: {
      ...{ fullWithinHours: 26, incrementalWithinHours: 4, walWithinMinutes: 15, secondWithinHours: 192 },
      ...{ daily: 30, weekly: 12, monthly: 12, secondMayBeLocal: true },
      // A rehearsal takes its backups when it is asked to.
      fullStarts: { from: '00:00', until: '23:59', timeZone: 'UTC' },
    },
  };
  return async () => {
    if (earlier) sandbox.config.backups = earlier;
    else delete sandbox.config.backups;
    copies.delete(sandbox);
    for (const path of [copy.configFile, ...copy.repositories]) rmSync(path, { recursive: true, force: true });
  };
}

/** The copy that {@link rehearseRecords} has made last. */
export function copyIn(sandbox: Sandbox): RepositoryCopy {
  const copy = copies.get(sandbox);
  if (!copy) throw new Error('there is no rehearsed repository in this sandbox');
  return copy;
}

function originalOf(sandbox: Sandbox): Promise<SandboxBackups> {
  const made = rehearsed.get(sandbox) ?? makeOriginal(sandbox);
  rehearsed.set(sandbox, made);
  return made;
}

async function makeOriginal({ directory, postgres, scratch }: Sandbox): Promise<SandboxBackups> {
  const backups = await startBackups({ directory, postgres, tools: findTools(scratch.root) });
  await backups.run('--repo=1', '--type=full', 'backup');
  await backups.run('--repo=1', '--type=incr', 'backup');
  await backups.run('--repo=2', '--type=full', 'backup');
  return backups;
}

function copyOf(sandbox: Sandbox, original: SandboxBackups): RepositoryCopy {
  const repositories = original.repositories.map((path) => `${path}-copy`);
  for (const path of original.repositories) {
    rmSync(`${path}-copy`, { recursive: true, force: true });
    cpSync(path, `${path}-copy`, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  }
  const { identity } = sandbox.postgres;
  if (identity.uid !== undefined && identity.gid !== undefined) {
    for (const path of repositories) chownAll(path, identity.uid, identity.gid);
  }
  const configFile = join(original.directory, 'copy.conf');
  const text = readFileSync(original.configFile, 'utf8');
  writeConfig(configFile, text.replace(/^(repo\d-path=.*)$/gm, '$1-copy'), identity);
  const copy = { configFile, repositories, original };
  copies.set(sandbox, copy);
  return copy;
}

function chownAll(path: string, uid: number, gid: number): void {
  chownSync(path, uid, gid);
  for (const entry of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    const file = join(path, entry);
    if (!statSync(file, { throwIfNoEntry: false })) continue;
    chownSync(file, uid, gid);
  }
}

async function systemIdOf({ postgres }: Sandbox): Promise<string> {
  const [row] = await withDatabase(postgres.url, (database) =>
    database.query('SELECT system_identifier AS id FROM pg_control_system()'),
  );
  return row?.id ?? '';
}

/** Sabotage: the first repository begins anew, as after a disk was changed and nobody took a backup since. */
export async function withoutBackups(sandbox: Sandbox): Promise<undefined> {
  const first = firstOf(sandbox);
  for (const path of ['archive', 'backup']) rmSync(join(first, path), { recursive: true, force: true });
  await runOnCopy(sandbox, 'stanza-create');
}

/** A full backup into the first copy, whose cluster archives to the original. */
export async function backUpIntoCopy(sandbox: Sandbox): Promise<void> {
  await runOnCopy(sandbox, '--repo=1', '--type=full', '--no-archive-check', 'backup');
}

async function runOnCopy(sandbox: Sandbox, ...args: readonly string[]): Promise<void> {
  const { configFile, original } = copyIn(sandbox);
  const program = findTools(sandbox.scratch.root).path('pgbackrest');
  const options = { cwd: original.directory, ...sandbox.postgres.identity };
  await execOrThrow(program, [`--config=${configFile}`, `--stanza=${original.stanza}`, ...args], options);
}

/** Every file of the first repository whose path inside it matches, with its segment's or backup's name in it. */
export function filesOf(sandbox: Sandbox, pattern: RegExp): string[] {
  const root = firstOf(sandbox);
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => pattern.test(path));
  return paths.sort().map((path) => join(root, path));
}

function firstOf(sandbox: Sandbox): string {
  const [first] = copyIn(sandbox).repositories;
  if (first === undefined) throw new Error('the rehearsal has no repository');
  return first;
}
