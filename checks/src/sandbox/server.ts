import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
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

/**
 * Below those that systems give to connections (from 32768 on Linux, from 49152 elsewhere): no connection that is opened
 * before the server listens takes it away.
 */
const [lowestPort, highestPort] = [15_000, 32_767];
const mostTries = 1_000;
/** Nobody is given one of them twice, for whoever has it may not be listening yet. */
const given = new Set<number>();

/** Ports of the loopback that are free now, all different. @throws when there is none to be found. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; tries < mostTries && ports.length < count; tries += 1) {
    const port = randomInt(lowestPort, highestPort + 1);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) ports.push(port);
  }
  if (ports.length < count) throw new Error(`no ${count} free ports between ${lowestPort} and ${highestPort}`);
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
