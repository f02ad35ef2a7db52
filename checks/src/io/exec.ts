import { spawn } from 'node:child_process';

export interface ExecOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  /** Default: 60 s. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** The user to run as, where the program refuses root (PostgreSQL does). */
  uid?: number;
  gid?: number;
}

export interface ExecResult {
  /** The exit code, or 128 plus the number of the signal's kind that ended it (SIGKILL after a timeout: 137). */
  code: number;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  durationMs: number;
}

/** A gate that prints more than this is not read further: what it says past it is counted as a broken tool. */
const outputLimitBytes = 32 * 1024 * 1024;
const defaultTimeoutMs = 60_000;

/**
 * Runs a program to its end in a process group of its own, so that a timeout or an abort ends its children too.
 * @throws when it cannot be started, is aborted, or prints more than 32 MiB. A non-zero exit is an answer, not an error.
 */
export function exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const { timeoutMs = defaultTimeoutMs, signal, input, ...spawnOptions } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const startedAt = performance.now();
    const child = spawn(command, args, { ...spawnOptions, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[], bytes: 0 };
    let ending: Error | 'timeout' | undefined;

    const end = (reason: Error | 'timeout') => {
      ending ??= reason;
      killGroup(child.pid);
    };
    const onAbort = () => end(asError(signal?.reason));
    const timer = setTimeout(() => end('timeout'), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    const collect = (chunks: Buffer[]) => (chunk: Buffer) => {
      chunks.push(chunk);
      output.bytes += chunk.length;
      if (output.bytes > outputLimitBytes) end(new Error(`${command} printed more than ${outputLimitBytes} bytes`));
    };
    child.stdout.on('data', collect(output.stdout));
    child.stderr.on('data', collect(output.stderr));
    // A program that exits without reading its input closes the pipe: its exit code tells more than this error.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');

    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    child.once('error', (cause) => {
      settle();
      reject(new Error(`${command} could not be started: ${cause.message}`, { cause }));
    });
    child.once('close', (code, endedBy) => {
      settle();
      if (ending instanceof Error) return reject(ending);
      resolve({
        code: code ?? (endedBy === 'SIGKILL' ? 137 : 128),
        stdout: Buffer.concat(output.stdout).toString('utf8'),
        stderr: Buffer.concat(output.stderr).toString('utf8'),
        timedOut: ending === 'timeout',
        durationMs: Math.round(performance.now() - startedAt),
      });
    });
  });
}

/**
 * Like {@link exec}, for a step that has to succeed.
 * @throws an error that carries the last lines of what the program printed.
 */
export async function execOrThrow(
  command: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const result = await exec(command, args, options);
  if (result.timedOut) throw new Error(`${command} ${args.join(' ')} did not end in time`);
  if (result.code !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with exit code ${result.code}: ${lastLines(result)}`);
  }
  return result;
}

/** The last few lines of what a program said, errors first: enough to act on, short enough to read. */
export function lastLines(result: ExecResult, count = 6): string {
  const said = result.stderr.trim() || result.stdout.trim();
  return said.split('\n').slice(-count).join('\n') || 'it printed nothing';
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // ESRCH: the group has ended by itself between the decision and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
