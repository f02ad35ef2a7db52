import { join } from 'node:path';
import type { Config } from '../config.ts';
import { compileCache } from '../io/compile-cache.ts';
import type { Tools } from '../io/tools.ts';
import { type ServerProcess, startServer } from './server.ts';

/** The service of the tree as a real process on loopback ports. */
export interface ServiceProcess {
  readonly url: string;
  readonly logFile: string;
  /** What it was given of `service.environment`, filled in. It holds secrets: for asking, never for facts. */
  readonly environment: Readonly<Record<string, string>>;
  /** Starts it and waits until it is ready. Nothing happens while it runs. */
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Of the running process, which leads its group. @throws when none runs. */
  pid(): number;
  /** Resolves with the exit code when the running process has ended (null: ended by a signal, or not running). */
  ended(): Promise<number | null>;
  /** Asks it to drain, waits, and starts it again: from the tree as it stands then. */
  restart(): Promise<void>;
}

export interface ServiceOptions {
  directory: string;
  root: string;
  config: Config['service'];
  tools: Tools;
  placeholders: Record<'databaseUrl' | 'redisUrl' | 'port' | 'metricsPort' | 'secret' | 'nextSecret', string>;
  /** Of its log file. */
  name: string;
}

const probeTimeoutMs = 1_000;

/** Fills `{name}` in a configured environment; `{{name}}` stands for `{name}` itself. @throws for a placeholder that nobody fills. */
export function fillPlaceholders(
  environment: Record<string, string>,
  values: Record<string, string>,
): Record<string, string> {
  const fill = (text: string) =>
    text.replace(/\{(\{\w+\})\}|\{(\w+)\}/g, (_, itself: string | undefined, name = '') => {
      if (itself !== undefined) return itself;
      const value = values[name];
      if (value === undefined)
        throw new Error(
          `preflight.config.ts names {${name}} in an environment, and only these are filled in: ${Object.keys(values).join(', ')}`,
        );
      return value;
    });
  return Object.fromEntries(Object.entries(environment).map(([name, text]) => [name, fill(text)]));
}

export function createService(options: ServiceOptions): ServiceProcess {
  const { directory, root, config, tools, placeholders, name } = options;
  const url = `http://127.0.0.1:${placeholders.port}`;
  const logFile = join(directory, `${name}.log`);
  const own = fillPlaceholders(config.environment, placeholders);
  let running: ServerProcess | undefined;
  let starting: Promise<void> | undefined;

  // Whoever else asks for it meanwhile waits for the same process: two would want the same ports.
  const start = async () => {
    if (running) return;
    starting ??= begin().finally(() => {
      starting = undefined;
    });
    await starting;
  };
  const begin = async () => {
    const [command = '', ...args] = config.start;
    const server = await startServer({
      directory,
      command,
      args,
      cwd: root,
      env: { PATH: tools.environment.PATH, TZ: 'UTC', ...compileCache(root), ...own },
      logFile,
      isReady: async () => (await fetch(url + config.readiness, { signal: AbortSignal.timeout(probeTimeoutMs) })).ok,
    });
    running = server;
    // When it ends by itself, or by a drill's hand, the next start() begins another one.
    void server.ended.then(() => {
      if (running === server) running = undefined;
    });
  };
  const ended = async () => (running ? running.ended : null);
  return {
    url,
    logFile,
    environment: own,
    start,
    ended,
    signal: (signal) => running?.signal(signal),
    pid() {
      if (!running) throw new Error(`${name} does not run`);
      return running.pid;
    },
    async restart() {
      running?.signal('SIGTERM');
      await ended();
      running = undefined;
      await start();
    },
  };
}
