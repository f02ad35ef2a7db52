import type { ClientBase, Pool, PoolClient, QueryResult, QueryResultRow } from 'pg';
import pg from 'pg';
import { OrderServiceError } from '../domain/errors.ts';
import { isSuspect, toServiceError } from './errors.ts';
import { textTypes } from './text-types.ts';

/** How long an idle connection is kept. */
const IDLE_TIMEOUT_MS = 30_000;

/** Everything about a pool is bounded. Times are in milliseconds. */
export interface PoolOptions {
  readonly connectionString: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Most connections at once. */
  readonly max: number;
  /** Most callers that may wait for a connection; one more gets `overloaded` at once. */
  readonly queueMax: number;
  /** Longest wait for a connection, new or pooled. */
  readonly connectionTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  /** The client's own limit; must be above `statementTimeoutMs`, so that the server ends the statement first. */
  readonly queryTimeoutMs: number;
  /** True while the server is known to answer nothing: whoever comes is refused at once. Default: never. */
  readonly isSilent?: () => boolean;
  /** Hears of connections that break, idle or in use. It must not throw. */
  readonly onError: (error: Error) => void;
  /** Hears how long each statement took, in seconds, whatever became of it. It must not throw. */
  readonly onStatement?: (seconds: number) => void;
}

/** Gauges of a pool, in connections and callers. */
export interface PoolStats {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
  /** How long the one in front has waited, in milliseconds; 0 when nobody waits. */
  readonly longestWaitMs: number;
  readonly max: number;
  readonly queueMax: number;
}

/** One statement: `name` is prepared once per connection, so it must belong to exactly one text. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: unknown[];
}

/** What `db/` functions take first: a connection inside a transaction, or on its own for a single read. */
export interface Tx {
  query<R extends QueryResultRow>(statement: Statement): Promise<QueryResult<R>>;
}

/** A pool with a bounded queue whose connections report their errors instead of ending the process. */
export interface DatabasePool {
  /**
   * @throws OrderServiceError `overloaded` when too many wait or the wait was too long, `database_unavailable` when no
   * connection can be made.
   */
  acquire(): Promise<PoolClient>;
  readonly onStatement?: PoolOptions['onStatement'];
  stats(): PoolStats;
  /** Breaks every connection, idle or in use, and refuses those who wait for one: their server has gone silent. */
  cut(): void;
  /** Waits for connections in use, then closes all. Repeated calls are harmless. */
  end(): Promise<void>;
}

/** Makes a pool. Nothing is connected before the first use. */
export function createPool(options: PoolOptions): DatabasePool {
  if (options.queryTimeoutMs <= options.statementTimeoutMs) {
    // A client that gives up first leaves its statement running on the server.
    throw new RangeError('queryTimeoutMs must be above statementTimeoutMs');
  }
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.max,
    connectionTimeoutMillis: options.connectionTimeoutMs,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
    query_timeout: options.queryTimeoutMs,
    keepAlive: true,
    options: '-c TimeZone=UTC -c DateStyle=ISO',
    types: textTypes,
  });
  pool.on('error', options.onError);
  // The pool removes its own listener from a client that is checked out. Without this one, a server that ends such a
  // client (an idle-in-transaction timeout, a restart) would raise an uncaught exception.
  pool.on('connect', (client: ClientBase) => client.on('error', options.onError));
  const cutter = createCutter(pool);
  const waitingSince = new Set<{ readonly ms: number }>();
  let ended: Promise<void> | undefined;
  return {
    acquire: async () => {
      const since = { ms: performance.now() };
      waitingSince.add(since);
      try {
        return await acquire(pool, cutter, options);
      } finally {
        waitingSince.delete(since);
      }
    },
    cut: cutter.cut,
    onStatement: options.onStatement,
    stats: () => ({
      total: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      longestWaitMs: longestOf(waitingSince),
      max: options.max,
      queueMax: options.queueMax,
    }),
    end: () => {
      ended ??= pool.end();
      return ended;
    },
  };
}

/** Sets keep their order: the first has come first. */
function longestOf(waitingSince: ReadonlySet<{ readonly ms: number }>): number {
  const [first] = waitingSince;
  return first === undefined ? 0 : performance.now() - first.ms;
}

/** What breaks a pool's connections without waiting for the server's goodbye. */
interface Cutter {
  readonly cut: () => void;
  /** Fires at the next cut. */
  readonly signal: () => AbortSignal;
}

function createCutter(pool: Pool): Cutter {
  const clients = new Set<ClientBase>();
  pool.on('connect', (client: ClientBase) => clients.add(client));
  pool.on('remove', (client: ClientBase) => clients.delete(client));
  let next = new AbortController();
  return {
    signal: () => next.signal,
    cut: () => {
      const now = next;
      next = new AbortController();
      now.abort();
      for (const client of clients) socketOf(client)?.destroy();
    },
  };
}

/** The client library ends a connection only with the server's help, and names no way to its socket in its types. */
function socketOf(client: ClientBase): { destroy(): void } | undefined {
  return (client as { connection?: { stream?: { destroy(): void } } }).connection?.stream;
}

async function acquire(pool: Pool, cutter: Cutter, options: PoolOptions): Promise<PoolClient> {
  if (options.isSilent?.() === true) throw new OrderServiceError('database_unavailable');
  if (pool.waitingCount >= options.queueMax) {
    throw new OrderServiceError('overloaded');
  }
  const cut = Promise.withResolvers<never>();
  const onCut = (): void => cut.reject(new OrderServiceError('database_unavailable'));
  const signal = cutter.signal();
  signal.addEventListener('abort', onCut, { once: true });
  const connecting = pool.connect();
  try {
    return await Promise.race([connecting, cut.promise]);
  } catch (error) {
    // A connection that comes after its caller has gone must not be lent for ever.
    connecting.then(
      (client) => client.release(true),
      () => undefined,
    );
    throw toServiceError(error);
  } finally {
    signal.removeEventListener('abort', onCut);
  }
}

/** Runs statements outside a transaction: each commits by itself. For single reads. */
export async function withConnection<T>(pool: DatabasePool, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await pool.acquire();
  let broken: Error | undefined;
  try {
    return await work(timed(client, pool.onStatement));
  } catch (error) {
    broken = isSuspect(error, client) ? asError(error) : undefined;
    throw toServiceError(error);
  } finally {
    client.release(broken);
  }
}

/**
 * Runs `work` in one READ COMMITTED transaction and commits. `opening` is plain SQL without parameters that travels with
 * BEGIN, to save a round trip; its rows are handed to `work`. Any error rolls back and comes out as OrderServiceError
 * (an unknown one as `internal`, with its cause).
 *
 * @throws OrderServiceError `transaction_rolled_back` when the server answered COMMIT with ROLLBACK, `outcome_unknown`
 * when the connection was lost while committing.
 */
export async function transaction<T>(
  pool: DatabasePool,
  work: (tx: Tx, opened: readonly QueryResultRow[]) => Promise<T>,
  opening?: string,
): Promise<T> {
  const client = await pool.acquire();
  let broken: Error | undefined;
  try {
    const opened = await begin(client, opening);
    const result = await work(timed(client, pool.onStatement), opened);
    await timing(pool.onStatement, () => commit(client));
    return result;
  } catch (error) {
    broken = await rollBack(client, error);
    throw toServiceError(error);
  } finally {
    // A client that still carries a transaction, or whose state nobody knows, must not reach the next borrower.
    client.release(broken);
  }
}

function timed(client: PoolClient, onStatement: PoolOptions['onStatement']): Tx {
  if (onStatement === undefined) return client;
  return { query: (statement) => timing(onStatement, () => client.query(statement)) };
}

async function timing<T>(onStatement: PoolOptions['onStatement'], work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  try {
    return await work();
  } finally {
    onStatement?.((performance.now() - startedAt) / 1000);
  }
}

async function begin(client: PoolClient, opening: string | undefined): Promise<readonly QueryResultRow[]> {
  if (opening === undefined) {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    return [];
  }
  // Several statements in one simple query answer with one result each.
  const results: unknown = await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${opening}`);
  return (results as QueryResult[]).slice(1).flatMap((result) => result.rows);
}

async function commit(client: PoolClient): Promise<void> {
  let command: string;
  try {
    command = (await client.query('COMMIT')).command;
  } catch (error) {
    // A deferred constraint refuses the commit with an answer; without an answer nobody knows what was committed.
    throw isSuspect(error, client) ? new OrderServiceError('outcome_unknown', { cause: error }) : error;
  }
  if (command !== 'COMMIT') {
    // PostgreSQL answers COMMIT on an aborted transaction with ROLLBACK, and that is no error to the client library.
    throw new OrderServiceError('transaction_rolled_back', { details: { command } });
  }
}

/** Leaves the client clean and returns undefined, or returns the reason why it must be closed. */
async function rollBack(client: PoolClient, reason: unknown): Promise<Error | undefined> {
  if (isSuspect(reason, client)) {
    return asError(reason);
  }
  try {
    await client.query('ROLLBACK');
    return client.getTransactionStatus() === 'I' ? undefined : new Error('still in a transaction after ROLLBACK');
  } catch (error) {
    return asError(error);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
