import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config, Credentials } from '../config.ts';
import { compileCache } from '../io/compile-cache.ts';
import { execOrThrow } from '../io/exec.ts';
import type { Tools } from '../io/tools.ts';
import type { Tree } from '../io/tree.ts';
import { type Interception, startFront } from './front.ts';
import { createDirectory, removeDirectory, sweep } from './journal.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { copyTree, type ScratchTree } from './scratch-tree.ts';
import { freePorts } from './server.ts';
import { createService, type ServiceProcess } from './service.ts';

/** A running service and its database, as gates look at them from outside. */
export interface Target {
  readonly name: string;
  /** Of the service, without a trailing slash. */
  readonly url: string;
  readonly databaseUrl: string;
  /** The same database as the service connects to it: as its own role, where the configuration names one. */
  readonly serviceDatabaseUrl: string;
  readonly credentials: Credentials;
  /** Faults may be struck here. */
  readonly safeToBreak: boolean;
}

/** Takes a sabotage back. The tree's own edits are taken back without it. */
export type Undo = () => Promise<void>;

/** One more process of the service, on ports of its own. */
export interface Replica {
  readonly url: string;
  /** Its port for scrapes, where it has one of its own. */
  readonly metricsUrl: string;
  readonly logFile: string;
  /** What it was given of `service.environment`, filled in. It holds secrets: for asking, never for facts. */
  readonly environment: Readonly<Record<string, string>>;
  /** Asks it to drain, and waits. Resolves with its exit code (null: a signal ended it). */
  stop(): Promise<number | null>;
  /** After it has ended: starts it again on the same ports, and waits until it is ready. */
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Of the running process, which leads its group. @throws when none runs. */
  pid(): number;
  /** Resolves with the exit code when it has ended (null: by a signal, or it does not run). */
  ended(): Promise<number | null>;
  /** Ends it at once. Closing the sandbox does so too. */
  close(): Promise<void>;
}

/** Other ways to what a process of the service needs, such as a proxy that can be slow. */
export interface Elsewhere {
  /** Another checkout, whose build it runs. */
  root?: string;
  databaseUrl?: string;
  redisUrl?: string;
}

/** The throwaway stack: a target whose every process is ours to stop. */
export interface Sandbox extends Target {
  readonly directory: string;
  readonly config: Config;
  readonly postgres: PostgresServer;
  /** Absent where the machine has no redis-server. */
  readonly redis: RedisServer | undefined;
  readonly service: ServiceProcess;
  /** The service's port for scrapes, where it has one of its own. */
  readonly metricsUrl: string;
  /** The tree's copy, for sabotage. @throws in a sandbox that runs the real tree. */
  readonly scratch: ScratchTree;
  /** A new, migrated database on the same cluster, without the seed. Returns its URL. */
  migratedDatabase(name: string): Promise<string>;
  /**
   * Starts another process of the service beside it, on the same database and Redis, with some variables set otherwise. While
   * something is intercepted, its `url` is a proxy's too.
   */
  startReplica(environment: Readonly<Record<string, string>>, elsewhere?: Elsewhere): Promise<Replica>;
  /** Starts every process of the service that has ended and was not closed, as whatever supervises an installation does. */
  startService(): Promise<void>;
  /** Puts a proxy in front of the service: until the undo, `url` is the proxy's. */
  intercept(interception: Interception): Promise<Undo>;
  close(): Promise<void>;
}

export interface SandboxOptions {
  config: Config;
  tree: Tree;
  tools: Tools;
  /** Work on a copy of the tree, which sabotage may edit. Default: run the tree itself. */
  scratch?: boolean;
  progress?(message: string): void;
  /** Told each secret as soon as it is made, before any process is given it: no report may show one. */
  made?(secrets: readonly string[]): void;
}

const databaseName = 'service';

/**
 * Brings up a throwaway PostgreSQL, a Redis and the service of the tree, on free loopback ports in a temporary directory,
 * after ending whatever an earlier, killed run has left.
 * @throws with the reason and the log's last lines; nothing is left behind then.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { progress = () => undefined } = options;
  const swept = await sweep();
  if (swept.length > 0) progress(`removed what an earlier run had left: ${swept.join(', ')}`);
  const directory = await createDirectory();
  try {
    return await build(directory, options);
  } catch (error) {
    await removeDirectory(directory);
    throw error;
  }
}

async function build(directory: string, options: SandboxOptions): Promise<Sandbox> {
  const { tools, made = () => undefined } = options;
  // Each sandbox has its own: a proof may describe parts to it, or break its promises, while another one is looked at.
  const config = { ...options.config };
  const scratch = options.scratch ? await copyTree(options.tree, join(directory, 'tree')) : undefined;
  const root = scratch?.root ?? options.tree.root;
  const [postgresPort = 0, redisPort = 0, port = 0, metricsPort = 0] = await freePorts(4);
  const [postgres, redis] = await Promise.all([
    startPostgres(directory, tools, postgresPort),
    tools.find('redis-server') ? startRedis(directory, tools, redisPort) : undefined,
  ]);
  const run = (command: readonly string[], databaseUrl: string) => runIn(root, tools, command, databaseUrl);
  const migratedDatabase = async (name: string) => {
    const url = await postgres.createDatabase(name);
    await run(config.database.migrate, url);
    return url;
  };
  const databaseUrl = await migratedDatabase(databaseName);
  const role = config.databaseRole?.name;
  if (role !== undefined) await postgres.allowLogin(role);
  const serviceDatabaseUrl = role === undefined ? databaseUrl : asUser(databaseUrl, role);
  const placeholders = {
    databaseUrl: serviceDatabaseUrl,
    redisUrl: redis?.url ?? '',
    port: String(port),
    metricsPort: String(metricsPort),
    secret: randomBytes(32).toString('base64url'),
    nextSecret: randomBytes(32).toString('base64url'),
  };
  made([placeholders.secret, placeholders.nextSecret]);
  const common = { directory, root, tools };
  const service = createService({ ...common, config: config.service, placeholders, name: 'service' });
  const [seeded] = await Promise.all([run(config.database.seed, databaseUrl), service.start()]);
  const credentials = config.database.credentials(seeded.stdout);
  const { writers, operator, limited, roles = {} } = credentials;
  made([...writers, operator, ...(limited ? [limited.key] : []), ...Object.values(roles)]);
  let url = service.url;
  let interception: Interception | undefined;
  let replicas = 0;
  const processes = new Set([service]);
  return {
    name: 'sandbox',
    safeToBreak: true,
    directory,
    config,
    postgres,
    redis,
    service,
    metricsUrl: `http://127.0.0.1:${metricsPort}`,
    databaseUrl,
    serviceDatabaseUrl,
    credentials,
    migratedDatabase,
    get url() {
      return url;
    },
    get scratch() {
      if (!scratch) throw new Error('this sandbox runs the real tree, which no sabotage may edit');
      return scratch;
    },
    async startReplica(environment, { root: from = root, ...links } = {}) {
      replicas += 1;
      const name = `replica-${replicas}`;
      const [own = 0, ownMetrics = 0] = await freePorts(2);
      const replica = createService({
        ...common,
        root: from,
        name,
        config: { ...config.service, environment: { ...config.service.environment, ...environment } },
        placeholders: { ...placeholders, ...links, port: String(own), metricsPort: String(ownMetrics) },
      });
      await replica.start();
      processes.add(replica);
      const front = interception && (await startFront(replica.url, interception));
      return {
        url: front?.url ?? replica.url,
        metricsUrl: `http://127.0.0.1:${ownMetrics}`,
        logFile: replica.logFile,
        environment: replica.environment,
        async stop() {
          const ended = replica.ended();
          replica.signal('SIGTERM');
          return ended;
        },
        start: replica.start,
        signal: replica.signal,
        pid: replica.pid,
        ended: replica.ended,
        async close() {
          processes.delete(replica);
          await front?.close();
          replica.signal('SIGKILL');
          await replica.ended();
        },
      };
    },
    async startService() {
      await Promise.all([...processes].map((each) => each.start()));
    },
    async intercept(asked) {
      const front = await startFront(service.url, asked);
      interception = asked;
      url = front.url;
      return async () => {
        interception = undefined;
        url = service.url;
        await front.close();
      };
    },
    async close() {
      service.signal('SIGKILL');
      await removeDirectory(directory);
    },
  };
}

function asUser(url: string, user: string): string {
  const other = new URL(url);
  other.username = user;
  return other.href;
}

function runIn(root: string, tools: Tools, command: readonly string[], databaseUrl: string) {
  const [program = '', ...args] = command;
  const env = { PATH: tools.environment.PATH, TZ: 'UTC', ...compileCache(root), DATABASE_URL: databaseUrl };
  return execOrThrow(program, args, { cwd: root, env });
}
