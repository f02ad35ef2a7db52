import pg from 'pg';

/** Exact as the server wrote them: a judge that rounds a NUMERIC or loses microseconds compares two other things. */
const textOnly = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;

export type Row = Record<string, string | null>;

/** One connection, every value as PostgreSQL's own text (null where it is NULL). */
export interface Database {
  query(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

const connectTimeoutMs = 5_000;
const statementTimeoutMs = 60_000;

export interface DatabaseOptions {
  /** Nothing is set for the connection: what holds is what the server gives whoever logs in. Default: a statement may take 60 s. */
  bare?: boolean;
}

/** Connects, works, and leaves, whatever happened. */
export async function withDatabase<T>(
  url: string,
  work: (database: Database) => Promise<T>,
  { bare = false }: DatabaseOptions = {},
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    ...(bare ? {} : { statement_timeout: statementTimeoutMs }),
    application_name: 'preflight',
    types: textOnly,
  });
  // A connection that breaks while idle reports here, and then again to the next query, which is where it is told.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work({ query: async (sql, values = []) => (await client.query<Row>(sql, [...values])).rows });
  } finally {
    await client.end();
  }
}

/** The same server, another database. */
export function databaseUrl(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}
