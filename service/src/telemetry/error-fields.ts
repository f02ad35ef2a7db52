/** How an error looks in the log: its kind, code, safe message, stack frames and causes. */
export interface ErrorFields {
  readonly type: string;
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly cause?: ErrorFields;
}

/** A chain of causes longer than this is a loop, or says nothing more. */
const CAUSE_DEPTH_MAX = 5;

/**
 * SQLSTATE classes whose messages speak of the server or of names in the schema, never of values:
 * connection, authorisation, catalogue, rollback, syntax, resources, limits, state, operator, system.
 * https://www.postgresql.org/docs/15/errcodes-appendix.html
 */
const VALUE_FREE_CLASSES = new Set(['08', '25', '28', '3D', '40', '42', '53', '54', '55', '57', '58']);

function text(error: object, field: string): string | undefined {
  const value: unknown = Reflect.get(error, field);
  return typeof value === 'string' ? value : undefined;
}

/** PostgreSQL quotes the offending value in the message, `detail` and `where`; only the first may ever be safe. */
function safeMessage(error: Error): string {
  const sqlState = text(error, 'code');
  const fromPostgres = text(error, 'severity') !== undefined && sqlState !== undefined && sqlState.length === 5;
  if (!fromPostgres || VALUE_FREE_CLASSES.has(sqlState.slice(0, 2))) return error.message;
  return 'message withheld: it may quote values';
}

/** The frames without the head line, which repeats the message. */
function frames(error: Error): string | undefined {
  const lines = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return lines === undefined || lines.length === 0 ? undefined : lines.join('\n');
}

/** Serialises anything that was thrown; own fields of an error (params, headers, detail) are left out on purpose. */
export function errorFields(error: unknown, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: 'something that is not an Error was thrown' };
  const code = text(error, 'code');
  const stack = frames(error);
  const constraint = text(error, 'constraint');
  const table = text(error, 'table');
  return {
    type: error.name,
    message: safeMessage(error),
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(table === undefined ? {} : { table }),
    ...(stack === undefined ? {} : { stack }),
    ...(error.cause === undefined || depth >= CAUSE_DEPTH_MAX ? {} : { cause: errorFields(error.cause, depth + 1) }),
  };
}
