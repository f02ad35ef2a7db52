import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { createPool, type DatabasePool, type PoolOptions } from '../../src/db/pool.ts';
import { textTypes } from '../../src/db/text-types.ts';

/** A database of a test file's own. */
export interface TestDatabase {
  readonly url: string;
  /** A pool with the service's defaults; `options` overrides them. The database closes it. */
  pool(options?: Partial<PoolOptions>): DatabasePool;
  /** Runs one statement outside the service; times come as text. */
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  /** Opens a connection outside the service, for a second party in a race. The database closes it. */
  connect(): Promise<pg.Client>;
  drop(): Promise<void>;
}

async function administer(statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: inject('databaseAdminUrl') });
  await admin.connect();
  try {
    await admin.query(statement);
  } finally {
    await admin.end();
  }
}

/** Clones the migrated template, or makes an empty database. */
export async function createTestDatabase(kind: 'migrated' | 'empty' = 'migrated'): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const template = kind === 'migrated' ? inject('databaseTemplate') : 'template0';
  await administer(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(inject('databaseAdminUrl'));
  url.pathname = `/${name}`;
  const pools: DatabasePool[] = [];
  const clients: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url.href, types: textTypes, options: '-c TimeZone=UTC' });
    // Dropping the database ends what a test left open.
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  let shared: Promise<pg.Client> | undefined;
  return {
    url: url.href,
    pool: (options = {}) => {
      const pool = createPool({ ...POOL_DEFAULTS, connectionString: url.href, ...options });
      pools.push(pool);
      return pool;
    },
    query: async <R extends pg.QueryResultRow>(text: string, values: unknown[] = []) => {
      shared ??= connect();
      return (await (await shared).query<R>(text, values)).rows;
    },
    connect,
    drop: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await Promise.all(clients.map((client) => client.end()));
      await administer(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

const POOL_DEFAULTS: PoolOptions = {
  connectionString: '',
  applicationName: 'test',
  max: 10,
  queueMax: 1000,
  connectionTimeoutMs: 20_000,
  statementTimeoutMs: 20_000,
  lockTimeoutMs: 20_000,
  idleInTransactionTimeoutMs: 20_000,
  queryTimeoutMs: 25_000,
  onError: () => undefined,
};
