import type { ClientBase } from 'pg';
import pg from 'pg';
import { type ErrorCode, OrderServiceError } from '../domain/errors.ts';

/**
 * SQLSTATE codes and classes that mean something to a caller.
 * Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const CODES: Readonly<Record<string, ErrorCode>> = {
  '57014': 'database_timeout', // query_canceled: statement_timeout
  '55P03': 'database_timeout', // lock_not_available: lock_timeout
  '25P03': 'database_unavailable', // idle_in_transaction_session_timeout
  '25006': 'database_unavailable', // read_only_sql_transaction: a standby, or a primary that was demoted
  '40001': 'database_conflict', // serialization_failure
  '40P01': 'database_conflict', // deadlock_detected
  WL001: 'lease_lost', // ours: workers.hold_lease
  '3D000': 'database_unavailable', // invalid_catalog_name: the database does not exist
};
const CLASSES: Readonly<Record<string, ErrorCode>> = {
  '08': 'database_unavailable', // connection exception
  '28': 'database_unavailable', // invalid authorization
  '53': 'database_unavailable', // insufficient resources: disk full, out of memory, too many connections
  '57': 'database_unavailable', // operator intervention: shutdown, crash, still starting up
  '58': 'database_unavailable', // system error: an I/O error of the server
};
/** What compares balances with what explains them (migrations/0040_ledger.sql). */
const CONSERVATION: ReadonlySet<string> = new Set(['accounts_are_conserved', 'positions_are_conserved']);
/** What pg-pool says, in its own words, when no connection became free in time. */
const POOL_WAIT_TIMEOUT = 'timeout exceeded when trying to connect';
/** What pg says when its own query_timeout has passed. */
const QUERY_TIMEOUT = 'Query read timeout';
const CONNECTION_LOST = /^(Connection terminated|Client has encountered a connection error|Client was closed)/;

/** The SQLSTATE of an error of the server, or undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** The name of the constraint that refused, or undefined. */
export function violatedConstraint(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.constraint : undefined;
}

/** True when the server refused what was to be stored (SQLSTATE classes 22 and 23): the fault of a row, not of the server. */
export function isRowFault(error: unknown): boolean {
  const state = sqlState(error instanceof OrderServiceError ? error.cause : error);
  return state !== undefined && /^2[23]/.test(state);
}

/**
 * True when the connection must not be used again: the error did not come as an ordinary answer of the server, or the
 * server said that it ends the session. An error of our own leaves the connection as good as it was.
 */
export function isSuspect(error: unknown, client: Pick<ClientBase, 'getTransactionStatus'>): boolean {
  if (error instanceof pg.DatabaseError) {
    return error.severity === 'FATAL' || error.severity === 'PANIC' || client.getTransactionStatus() === null;
  }
  return !(error instanceof OrderServiceError) || error.code === 'outcome_unknown';
}

/** The error as the rest of the service knows it; what nobody foresaw becomes `internal` with its cause. */
export function toServiceError(error: unknown): OrderServiceError {
  if (error instanceof OrderServiceError) {
    return error;
  }
  return new OrderServiceError(codeOf(error), { cause: error });
}

function codeOf(error: unknown): ErrorCode {
  if (CONSERVATION.has(violatedConstraint(error) ?? '')) {
    return 'books_unbalanced';
  }
  if (error instanceof pg.DatabaseError && error.code !== undefined) {
    return CODES[error.code] ?? CLASSES[error.code.slice(0, 2)] ?? 'internal';
  }
  if (!(error instanceof Error)) {
    return 'internal';
  }
  if (error.message === POOL_WAIT_TIMEOUT) {
    return 'overloaded';
  }
  if (error.message === QUERY_TIMEOUT) {
    return 'database_unavailable';
  }
  return 'syscall' in error || CONNECTION_LOST.test(error.message) || error instanceof AggregateError
    ? 'database_unavailable'
    : 'internal';
}
