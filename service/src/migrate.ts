import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { runCommand, UsageError } from './command.ts';
import { loadCommandConfig } from './config.ts';

const USAGE = `Usage: node service/src/migrate.ts [up|down] [--count N | --to NUMBER]
       node service/src/migrate.ts steps

Brings the schema up (all pending migrations) or down (one, or as many as asked for). With steps, it reads lines that say
up or down, does one migration for each, and answers each with a line of JSON: {"ran":[…]} or {"failed":"…"}.

  --count N     at most N migrations
  --to NUMBER   up: up to and including this one; down: until this one is the last (0: until none is left)

Environment: DATABASE_URL; MIGRATIONS_DIR (default: the migrations/ directory beside service/).
Exit codes: 0 done or nothing to do, 1 failed and rolled back, 2 usage, 78 environment.`;

/** Where migrations are when MIGRATIONS_DIR does not say. */
export const MIGRATIONS_DIR = fileURLToPath(new URL('../../migrations', import.meta.url));
/** How long a runner waits for another one to finish. Migrations set shorter timeouts of their own. */
const LOCK_WAIT_MS = 60_000;
const CONNECTION_TIMEOUT_MS = 5_000;

export interface MigrateOptions {
  readonly databaseUrl: string;
  readonly migrationsDir: string;
  readonly direction: 'up' | 'down';
  /** At most so many; unset: all up, or one down. */
  readonly count?: number | undefined;
  /** The number of the migration that is the last one afterwards. */
  readonly to?: number | undefined;
  /** Hears what the migration tool complains about. */
  readonly warn: (message: string) => void;
}

/** Runs migrations in one transaction, waiting for another runner; gives back the names in the order in which they ran. */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const client = new pg.Client({
    connectionString: options.databaseUrl,
    application_name: 'migrate',
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    lock_timeout: LOCK_WAIT_MS,
  });
  client.on('error', (error) => options.warn(error.message));
  await client.connect();
  try {
    const ran = await runner({
      dbClient: client,
      dir: options.migrationsDir,
      migrationsTable: 'pgmigrations',
      direction: options.direction,
      ...extent(options),
      singleTransaction: true,
      checkOrder: true,
      advisoryLockMode: 'wait',
      logger: { debug: ignore, info: ignore, warn: options.warn, error: options.warn },
    });
    return ran.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** The tool reads `count` as a migration's number when `timestamp` is set; going down it undoes that number too. */
function extent(options: MigrateOptions): { count?: number; timestamp?: boolean } {
  if (options.to !== undefined) {
    return { count: options.direction === 'up' ? options.to : options.to + 1, timestamp: true };
  }
  return options.count === undefined ? {} : { count: options.count };
}

/** The tool announces each file before the transaction commits; what really ran is printed afterwards. */
function ignore(): void {}

function wholeNumber(name: string, text: string | undefined, min: number): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  if (!/^\d{1,6}$/.test(text) || Number(text) < min) {
    throw new UsageError(`--${name} must be a whole number from ${min}`);
  }
  return Number(text);
}

/** For programs that go through the migrations one by one: a process per step would take most of their time. */
async function answerSteps(run: (direction: 'up' | 'down') => Promise<string[]>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== 'up' && line !== 'down') {
      throw new UsageError('each line says up or down');
    }
    const answer = await run(line).then(
      (ran) => ({ ran }),
      (error: unknown) => ({ failed: error instanceof Error ? error.message : String(error) }),
    );
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    options: { count: { type: 'string' }, to: { type: 'string' } },
    allowPositionals: true,
  });
  const [direction = 'up', ...rest] = positionals;
  if ((direction !== 'up' && direction !== 'down' && direction !== 'steps') || rest.length > 0) {
    throw new UsageError('say up, down or steps');
  }
  if (values.count !== undefined && values.to !== undefined) {
    throw new UsageError('--count and --to exclude each other');
  }
  const count = wholeNumber('count', values.count, 1);
  const to = wholeNumber('to', values.to, 0);
  const config = loadCommandConfig();
  const common = {
    databaseUrl: config.databaseUrl,
    migrationsDir: config.migrationsDir ?? MIGRATIONS_DIR,
    warn: (message: string) => process.stderr.write(`${message}\n`),
  };
  if (direction === 'steps') {
    return answerSteps((step) => migrate({ ...common, direction: step, count: 1 }));
  }
  const ran = await migrate({ ...common, direction, count, to });
  process.stdout.write(ran.length === 0 ? 'nothing to do\n' : ran.map((name) => `${direction} ${name}\n`).join(''));
}

if (import.meta.main) {
  await runCommand(USAGE, main);
}
