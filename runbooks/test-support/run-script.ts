import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a script left behind: its exit code and all that it printed. */
export interface ScriptResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  /** The whole environment of the script besides PATH and HOME, so that a key of the developer's own cannot get in. */
  readonly env?: Readonly<Record<string, string>>;
  /** Typed at a pseudo-terminal; without it stdin is empty and no terminal. */
  readonly typed?: string;
  /** Put in front of PATH. */
  readonly pathFirst?: string;
}

const SCRIPT_TIMEOUT_MS = 30_000;

/** The path of an on-call script. */
export function scriptPath(name: string): string {
  return fileURLToPath(new URL(`../bin/${name}`, import.meta.url));
}

/** Runs an on-call script to its end. A script that hangs is killed after 30 s and has the exit code null. */
export function runScript(name: string, args: readonly string[], options: RunOptions = {}): Promise<ScriptResult> {
  const words = [scriptPath(name), ...args];
  // `script` of util-linux runs the words at a pseudo-terminal and hands their exit code on.
  const command =
    options.typed === undefined ? words : ['script', '--quiet', '--return', '--command', shellLine(words), '/dev/null'];
  const path = [options.pathFirst, process.env.PATH].filter(Boolean).join(':');
  const [file = '', ...rest] = command;
  const child = spawn(file, rest, {
    env: { PATH: path, HOME: '/nonexistent', ...options.env },
    timeout: SCRIPT_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  // A script that ends without reading its input closes the pipe: its exit code tells more than this error.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.typed ?? '');
  return collect(child);
}

function collect(child: ReturnType<typeof spawn>): Promise<ScriptResult> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

function shellLine(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}
