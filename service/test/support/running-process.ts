import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { eventually } from './eventually.ts';

/** The service as a real process, as it is started in production. */
export interface RunningProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly url: string;
  readonly metricsUrl: string;
  /** Everything written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The log lines so far, parsed. */
  readonly log: () => Readonly<Record<string, unknown>>[];
  readonly exited: Promise<number | null>;
}

/** What a finished command left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = path.resolve(import.meta.dirname, '../../..');
const MAIN = path.join(ROOT, 'service/src/main.ts');
export const REGISTER = path.join(ROOT, 'service/src/telemetry/register.ts');
const COMMAND_DEADLINE_MS = 20_000;

interface Options {
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Node's own flags, such as --import. */
  readonly node?: readonly string[];
}

function launch(options: Options) {
  // Only what is given: the environment of whoever runs the tests must not decide what they prove.
  const env = { PATH: process.env.PATH ?? '', ...options.env };
  const child = spawn(process.execPath, [...(options.node ?? []), MAIN, ...(options.args ?? [])], {
    env,
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, stdout: () => out, stderr: () => err, exited };
}

/** Runs main.ts to its end. */
export async function runMain(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Finished> {
  const { child, stdout, stderr, exited } = launch({ args, env });
  const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_DEADLINE_MS);
  const code = await exited;
  clearTimeout(timer);
  return { code, stdout: stdout(), stderr: stderr() };
}

function parseLines(text: string): Readonly<Record<string, unknown>>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}

/** Starts main.ts and waits for its `listening`. */
export async function startProcess(options: Options): Promise<RunningProcess> {
  const { child, stdout, stderr, exited } = launch(options);
  const log = () => parseLines(stdout());
  const listening = await eventually('the service listens', async () => {
    if (child.exitCode !== null) throw new Error(`exited with ${child.exitCode}:\n${stdout()}\n${stderr()}`);
    return log().find((line) => line.msg === 'listening');
  }).catch((error: unknown) => {
    // Nobody else knows of a process that was never handed out.
    child.kill('SIGKILL');
    throw error;
  });
  return {
    child,
    pid: child.pid ?? 0,
    url: `http://127.0.0.1:${listening.port}`,
    metricsUrl: `http://127.0.0.1:${listening.metricsPort}`,
    stdout,
    stderr,
    log,
    exited,
  };
}

/** Ends a process that a failed test may have left. */
export async function endProcess(service: RunningProcess | undefined): Promise<void> {
  if (service === undefined || service.child.exitCode !== null || service.child.signalCode !== null) return;
  service.child.kill('SIGKILL');
  await service.exited;
}
