import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer, type Server as NetServer } from 'node:net';
import { basename } from 'node:path';
import { recordProcess, signalGroup } from './journal.ts';

export interface ServerOptions {
  /** The sandbox's directory, in whose journal the process is entered. */
  directory: string;
  command: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  logFile: string;
  uid?: number;
  gid?: number;
  /** What ends it with all that it started. Default: SIGKILL. */
  endWith?: NodeJS.Signals;
  /** Resolves when it answers; rejects or returns false while it does not. */
  isReady(): Promise<boolean>;
}

/** A server process of the sandbox. */
export interface ServerProcess {
  readonly pid: number;
  /** To its whole process group. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the process has ended, with its exit code (null: ended by a signal). */
  readonly ended: Promise<number | null>;
}

const readinessDeadlineMs = 15_000;
const readinessPollMs = 15;

/**
 * Starts a server in a process group of its own and waits until it answers.
 * @throws with the last lines of its log when it ends, or does not answer within 15 s.
 */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const log = openSync(options.logFile, 'a');
  const { command, args, cwd, env, uid, gid } = options;
  const identity = uid === undefined || gid === undefined ? {} : { uid, gid };
  const child = spawn(command, args, { cwd, env, ...identity, detached: true, stdio: ['ignore', log, log] });
  const ended = endOf(child);
  const { pid } = child;
  if (pid === undefined) throw await startFailure(command, child);
  recordProcess(options.directory, pid, options.endWith ?? 'SIGKILL');
  await waitUntilReady(options, child);
  return { pid, ended, signal: (signal) => signalGroup(pid, signal) };
}

async function startFailure(command: string, child: ChildProcess): Promise<Error> {
  const [cause] = (await once(child, 'error')) as [Error];
  return new Error(`${command} could not be started: ${cause.message}`, { cause });
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

async function waitUntilReady(options: ServerOptions, child: ChildProcess): Promise<void> {
  const name = basename(options.command);
  const deadline = performance.now() + readinessDeadlineMs;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${name} ended before it answered: ${tailOf(options.logFile)}`);
    }
    const ready = await options.isReady().catch(() => false);
    if (ready) return;
    if (performance.now() > deadline) {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      throw new Error(`${name} did not answer within ${readinessDeadlineMs / 1000} s: ${tailOf(options.logFile)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, readinessPollMs));
  }
}

/** The last lines of a log, without the frames of a stack: the message above them is what helps. */
function tailOf(file: string): string {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return (
    lines
      .filter((line) => !/^\s+at /.test(line))
      .slice(-logLinesShown)
      .join('\n') || 'it printed nothing'
  );
}

const logLinesShown = 10;

/** Ports of the loopback that are free now, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(Array.from({ length: count }, listenAnywhere));
  const ports = holders.map((holder) => {
    const address = holder.address();
    if (address === null || typeof address === 'string') throw new Error('the loopback gave no port');
    return address.port;
  });
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}

function listenAnywhere(): Promise<NetServer> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
