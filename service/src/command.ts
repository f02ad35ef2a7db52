import { ConfigError, EXIT_CONFIG, formatFault } from './config.ts';
import { createPool, type DatabasePool } from './db/pool.ts';
import { OrderServiceError } from './domain/errors.ts';

/** Exit codes of the small commands; faults of the environment exit with EXIT_CONFIG. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** Thrown for a wrong command line; its message is followed by the usage text. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Commands wait longer than requests, but not for ever. */
const CONNECTION_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;

/** A pool of one connection for a command; `statementTimeoutMs` is the longest that one statement of it may take. */
export function createCommandPool(
  connectionString: string,
  applicationName: string,
  statementTimeoutMs = STATEMENT_TIMEOUT_MS,
): DatabasePool {
  return createPool({
    connectionString,
    applicationName,
    max: 1,
    queueMax: 1,
    connectionTimeoutMs: CONNECTION_TIMEOUT_MS,
    statementTimeoutMs,
    lockTimeoutMs: CONNECTION_TIMEOUT_MS,
    idleInTransactionTimeoutMs: STATEMENT_TIMEOUT_MS,
    queryTimeoutMs: statementTimeoutMs + CONNECTION_TIMEOUT_MS,
    onError: (error) => process.stderr.write(`database connection: ${error.message}\n`),
  });
}

/** Runs a command to its exit code: what went wrong goes to stderr in words, never as a stack. */
export async function runCommand(usage: string, main: (args: string[]) => Promise<void>): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  try {
    await main(args);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    process.stderr.write(`${describe(error, usage)}\n`);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) {
    return EXIT_CONFIG;
  }
  return isUsage(error) ? EXIT_USAGE : EXIT_FAILED;
}

function describe(error: unknown, usage: string): string {
  if (error instanceof ConfigError) {
    return error.faults.map(formatFault).join('\n');
  }
  if (isUsage(error)) {
    return `${error.message}\n\n${usage}`;
  }
  if (error instanceof OrderServiceError && error.cause instanceof Error) {
    return `${error.message} (${reasonOf(error.cause)})`;
  }
  return error instanceof Error ? reasonOf(error) : String(error);
}

/** A refused connection to a name with several addresses has no message of its own, only those of its parts. */
function reasonOf(error: Error): string {
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : error.message;
}

/** parseArgs throws TypeErrors with such codes for flags that it does not know. */
function isUsage(error: unknown): error is Error {
  return (
    error instanceof UsageError ||
    (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
  );
}
