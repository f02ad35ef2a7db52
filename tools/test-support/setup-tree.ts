import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** What set-up itself calls, besides the parts that it looks for. */
const plainPrograms =
  'awk basename bash cat chmod dirname env find flock grep ls mkdir mktemp mv npm readlink rm sed sh sha256sum sleep sort tail timeout tr uname wc';

/** A little tree with the repository's own set-up scripts, and a PATH with nothing on it but what a test puts there. */
export interface SetupTree {
  root: string;
  /** The only directory on the PATH. */
  programs: string;
  /** Stands for the machine's `/`, where PostgreSQL and the service policy are looked for. */
  systemRoot: string;
  /** Writes an executable shell script onto the PATH; `text` may use `$TREE` for the tree's root. */
  program(name: string, text: string): void;
  write(path: string, text: string): void;
  read(path: string): string;
  has(path: string): boolean;
  remove(path: string): void;
  run(flags?: readonly string[], environment?: Record<string, string>): Promise<Result>;
  start(environment?: Record<string, string>): Running;
  dispose(): void;
}

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

interface Running {
  child: ChildProcess;
  /** What it has said so far, stdout and stderr as one text. */
  said(): string;
  ended: Promise<Result>;
}

export function createSetupTree(): SetupTree {
  const home = mkdtempSync(join(tmpdir(), 'setup-tree-'));
  const [root, programs, systemRoot] = [join(home, 'tree'), join(home, 'bin'), join(home, 'system')];
  for (const directory of [root, programs, systemRoot]) mkdirSync(directory);
  cpSync(join(repository, 'tools/setup.sh'), join(root, 'tools/setup.sh'));
  cpSync(join(repository, 'tools/setup'), join(root, 'tools/setup'), { recursive: true });
  linkPlainPrograms(programs);
  const environment = { PATH: programs, HOME: home, TMPDIR: home, TREE: root, PREFLIGHT_SETUP_SYSROOT: systemRoot };
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const started: ChildProcess[] = [];
  const start = (extra: Record<string, string> = {}, flags: readonly string[] = []) => {
    const running = startSetup(root, flags, { ...environment, ...extra });
    started.push(running.child);
    return running;
  };
  return {
    root,
    programs,
    systemRoot,
    program: (name, text) => writeProgram(join(programs, name), text),
    write,
    read: (path) => readFileSync(join(root, path), 'utf8'),
    has: (path) => existsSync(join(root, path)),
    remove: (path) => rmSync(join(root, path), { recursive: true, force: true }),
    run: (flags = [], extra = {}) => start(extra, flags).ended,
    start,
    dispose() {
      // A test that failed half-way may have left one that waits.
      for (const child of started) child.kill('SIGTERM');
      rmSync(home, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

export function writeProgram(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  // Writing through a link would change the machine's own program.
  rmSync(path, { force: true });
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

function linkPlainPrograms(bin: string): void {
  for (const name of plainPrograms.split(' ')) {
    // `command -v` in bash: what the shell running set-up would find.
    symlinkSync(
      realpathSync(execFileSync('bash', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()),
      join(bin, name),
    );
  }
  symlinkSync(process.execPath, join(bin, 'node'));
}

function startSetup(root: string, flags: readonly string[], env: Record<string, string>): Running {
  const child = spawn('bash', [join(root, 'tools/setup.sh'), ...flags], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const ended = new Promise<Result>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
  return { child, said: () => stdout + stderr, ended };
}
