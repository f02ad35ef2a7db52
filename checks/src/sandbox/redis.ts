import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { redisCommand } from '../io/redis.ts';
import type { Tools } from '../io/tools.ts';
import { type ServerProcess, startServer } from './server.ts';

/** A Redis of the sandbox's own: nothing on disk, nothing evicted. */
export interface RedisServer {
  readonly url: string;
  readonly process: ServerProcess;
  /** Nothing happens while it runs. Whatever it held before is gone. */
  start(): Promise<void>;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** It keeps its connections and its memory, and answers nothing. */
  freeze(): void;
  thaw(): void;
}

export async function startRedis(directory: string, tools: Tools, port: number): Promise<RedisServer> {
  const home = join(directory, 'redis');
  mkdirSync(home);
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', home];
  args.push('--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction');
  const begin = () =>
    startServer({
      directory,
      command: tools.path('redis-server'),
      args,
      cwd: home,
      env: { PATH: process.env.PATH },
      logFile: join(directory, 'redis.log'),
      isReady: () => answersPing(port),
    });
  let server = await begin();
  let running = true;
  return {
    url: `redis://127.0.0.1:${port}`,
    get process() {
      return server;
    },
    async start() {
      if (running) return;
      server = await begin();
      running = true;
    },
    async kill() {
      server.signal('SIGKILL');
      await server.ended;
      running = false;
    },
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
  };
}

/** Databases of the sandbox's Redis for processes that must not meddle with the memory of all others, by what they are for. */
const databases = { counts: 15, recovery: 14 } as const;

/** As a script, because a connection that only sends one command cannot select a database for the next one. */
const copyAnew = `
  redis.call('SELECT', ARGV[1])
  redis.call('FLUSHDB')
  redis.call('SELECT', 0)
  for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', ARGV[1]) end
  redis.call('SELECT', ARGV[1])
  for _, key in ipairs(redis.call('KEYS', ARGV[2])) do redis.call('DEL', key) end`;

/**
 * The URL of one of them, which begins with a copy of all that the sandbox's own database holds: a service that finds nothing in
 * Redis takes it for lost, and stops.
 * @param without The keys that are not copied, as a glob of Redis. The empty string: all are.
 */
export async function redisDatabase(
  { url }: Pick<RedisServer, 'url'>,
  name: keyof typeof databases,
  without = '',
): Promise<string> {
  await redisCommand(url, ['EVAL', copyAnew, '0', String(databases[name]), without]);
  return `${url}/${databases[name]}`;
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', (answer) => {
      resolve(answer.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
