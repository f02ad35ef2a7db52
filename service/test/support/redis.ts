import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { eventually } from './eventually.ts';
import { freePort } from './postgres.ts';

/** A Redis of a test's own, that keeps nothing on disk. */
export interface TestRedis {
  readonly url: string;
  signal(signal: NodeJS.Signals): void;
  /** Kills it, as a crash would; what it held is gone. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
}

/** Tests that need a Redis are skipped, visibly, on a machine without one; `make setup` installs it. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}

/** Starts a server on a free port of the loopback interface. */
export async function startRedis(): Promise<TestRedis> {
  const port = await freePort();
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp'];
    server = spawn('redis-server', flags, { stdio: 'ignore' });
    await eventually('Redis answers', () => answers(port));
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    signal: (signal) => server?.kill(signal),
    kill: async () => {
      if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    },
    start,
  };
}
