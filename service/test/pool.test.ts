import { createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createPool, type DatabasePool, transaction, withConnection } from '../src/db/pool.ts';
import { utcTimestamp } from '../src/db/text-types.ts';
import { OrderServiceError } from '../src/domain/errors.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { freePort } from './support/postgres.ts';

let database: TestDatabase;
const uncaught: unknown[] = [];
const onUncaught = (error: unknown): void => {
  uncaught.push(error);
};

beforeAll(async () => {
  database = await createTestDatabase();
  await database.query('CREATE TABLE notes (text text PRIMARY KEY)');
  process.on('uncaughtException', onUncaught);
});
afterEach(() => expect(uncaught).toEqual([]));
afterAll(async () => {
  process.off('uncaughtException', onUncaught);
  await database.drop();
});

async function errorOf(work: Promise<unknown>): Promise<OrderServiceError> {
  const error = await work.then(() => undefined).catch((reason: unknown) => reason);
  if (!(error instanceof OrderServiceError)) {
    throw new Error(`expected an OrderServiceError, got ${String(error)}`);
  }
  return error;
}

const backend = (pool: DatabasePool): Promise<number> =>
  withConnection(
    pool,
    async (tx) => (await tx.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' })).rows[0]?.pid ?? 0,
  );

test('what was committed stays, what threw is rolled back, and the connection goes on', async () => {
  const pool = database.pool({ max: 1 });
  const first = await backend(pool);
  await transaction(pool, (tx) => tx.query({ text: `INSERT INTO notes VALUES ('kept')` }));
  const boom = new OrderServiceError('order_denied');
  const thrown = await errorOf(
    transaction(pool, async (tx) => {
      await tx.query({ text: `INSERT INTO notes VALUES ('dropped')` });
      throw boom;
    }),
  );
  expect(thrown).toBe(boom);
  expect(await database.query(`SELECT text FROM notes WHERE text IN ('kept', 'dropped')`)).toEqual([{ text: 'kept' }]);
  expect(await backend(pool)).toBe(first);
});

test('a COMMIT that PostgreSQL answers with ROLLBACK is an error, not a success', async () => {
  const pool = database.pool({ max: 1 });
  const error = await errorOf(
    transaction(pool, async (tx) => {
      await tx.query({ text: `INSERT INTO notes VALUES ('lost')` });
      // The caller swallows the error of a statement; the transaction is aborted all the same.
      await tx.query({ text: 'SELECT 1 / 0' }).catch(() => undefined);
    }),
  );
  expect(error).toMatchObject({ code: 'transaction_rolled_back', details: { command: 'ROLLBACK' } });
  expect(await database.query(`SELECT FROM notes WHERE text = 'lost'`)).toEqual([]);
});

test('a connection whose query timed out on the client is closed, so that nobody inherits its transaction', async () => {
  // The server's own limit is switched off inside the transaction, as if the network had swallowed its answer.
  const pool = database.pool({ max: 1, statementTimeoutMs: 100, queryTimeoutMs: 200 });
  const before = await backend(pool);
  const error = await errorOf(
    transaction(pool, async (tx) => {
      await tx.query({ text: 'SET LOCAL statement_timeout = 0' });
      await tx.query({ text: `INSERT INTO notes VALUES ('orphan')` });
      await tx.query({ text: 'SELECT pg_sleep(2)' });
    }),
  );
  expect(error.code).toBe('database_unavailable');
  expect(await backend(pool)).not.toBe(before);
  const status = await withConnection(pool, (tx) =>
    tx.query<{ n: number }>({ text: `SELECT count(*)::int AS n FROM notes WHERE text = 'orphan'` }),
  );
  expect(status.rows).toEqual([{ n: 0 }]);
});

test('a statement that takes too long is ended by the server, and the connection goes on', async () => {
  const pool = database.pool({ max: 1, statementTimeoutMs: 100 });
  const before = await backend(pool);
  expect((await errorOf(withConnection(pool, (tx) => tx.query({ text: 'SELECT pg_sleep(5)' })))).code).toBe(
    'database_timeout',
  );
  expect(await backend(pool)).toBe(before);
});

test('a lock that is not given in time is an error', async () => {
  const pool = database.pool({ max: 1, lockTimeoutMs: 100 });
  const holder = await database.connect();
  await holder.query('BEGIN; LOCK TABLE notes');
  expect((await errorOf(withConnection(pool, (tx) => tx.query({ text: 'SELECT FROM notes' })))).code).toBe(
    'database_timeout',
  );
  await holder.query('ROLLBACK');
});

test('a server that ends an idle transaction neither ends the process nor leaves a dead connection in the pool', async () => {
  const heard: Error[] = [];
  const pool = database.pool({ max: 1, idleInTransactionTimeoutMs: 100, onError: (error) => heard.push(error) });
  const error = await errorOf(
    transaction(pool, async (tx) => {
      await tx.query({ text: `INSERT INTO notes VALUES ('idle')` });
      await eventually('the connection error is heard', async () => heard.length > 0);
      await tx.query({ text: 'SELECT 1' });
    }),
  );
  expect(error.code).toBe('database_unavailable');
  expect(heard[0]).toMatchObject({ code: '25P03' });
  expect(await backend(pool)).toBeGreaterThan(0);
  expect(await database.query(`SELECT FROM notes WHERE text = 'idle'`)).toEqual([]);
});

test('a connection that is killed while it commits has an unknown outcome', async () => {
  await database.query(`
    CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.text = 'slow') EXECUTE FUNCTION slow_commit()`);
  const pool = database.pool({ max: 1, applicationName: 'committer' });
  const pending = errorOf(transaction(pool, (tx) => tx.query({ text: `INSERT INTO notes VALUES ('slow')` })));
  await eventually('the commit is under way', async () => {
    const [row] = await database.query<{ ended: boolean }>(`
      SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
      WHERE application_name = 'committer' AND state = 'active' AND query = 'COMMIT'`);
    return row?.ended;
  });
  const error = await pending;
  expect(error.code).toBe('outcome_unknown');
  expect(await backend(pool)).toBeGreaterThan(0);
});

test('an idle connection that is killed is replaced', async () => {
  const pool = database.pool({ max: 1 });
  const pid = await backend(pool);
  await database.query('SELECT pg_terminate_backend($1)', [pid]);
  await eventually('the dead connection is gone', async () => pool.stats().total === 0);
  expect(await backend(pool)).not.toBe(pid);
});

test('the queue is bounded: one caller more than may wait is refused at once, a waiting one in time', async () => {
  const pool = database.pool({ max: 1, queueMax: 2, connectionTimeoutMs: 150 });
  const held = await pool.acquire();
  const waiting = [errorOf(pool.acquire()), errorOf(pool.acquire())];
  expect(pool.stats()).toMatchObject({ total: 1, idle: 0, waiting: 2, max: 1, queueMax: 2 });
  await eventually('the one in front has waited', async () => pool.stats().longestWaitMs >= 20);
  const oneTooMany = errorOf(pool.acquire());
  expect(pool.stats().waiting).toBe(2);
  expect((await oneTooMany).code).toBe('overloaded');
  expect((await Promise.all(waiting)).map(({ code }) => code)).toEqual(['overloaded', 'overloaded']);
  held.release();
  expect(pool.stats()).toMatchObject({ waiting: 0, idle: 1, longestWaitMs: 0 });
});

test('a server that refuses is reported as unavailable', async () => {
  const pool = database.pool({ connectionString: `postgres://nobody:x@127.0.0.1:${await freePort()}/none` });
  expect((await errorOf(backend(pool))).code).toBe('database_unavailable');
});

test('a server that accepts and says nothing is given up in time', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket));
  const port = await freePort();
  await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
  const pool = database.pool({
    connectionString: `postgres://nobody:x@127.0.0.1:${port}/none`,
    connectionTimeoutMs: 100,
  });
  expect((await errorOf(backend(pool))).code).toBe('database_unavailable');
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

test('a database or a password that is wrong is reported as unavailable', async () => {
  const wrong = new URL(database.url);
  wrong.pathname = '/no_such_database';
  expect((await errorOf(backend(database.pool({ connectionString: wrong.href })))).code).toBe('database_unavailable');
  const intruder = new URL(database.url);
  intruder.password = 'wrong';
  expect((await errorOf(backend(database.pool({ connectionString: intruder.href })))).code).toBe(
    'database_unavailable',
  );
});

test('a client that would give up before the server is refused', () => {
  const options = { connectionString: database.url, applicationName: 'x', max: 1, queueMax: 1, connectionTimeoutMs: 1 };
  const timeouts = { statementTimeoutMs: 100, lockTimeoutMs: 1, idleInTransactionTimeoutMs: 1, queryTimeoutMs: 100 };
  expect(() => createPool({ ...options, ...timeouts, onError: () => undefined })).toThrow(RangeError);
});

test('decimals, large integers and times arrive as exact text', async () => {
  const { rows } = await withConnection(database.pool({ max: 1 }), (tx) =>
    tx.query({
      text: `SELECT 1234567890.12345678::numeric AS decimal, 9007199254740993::int8 AS big,
        '2026-01-02 03:04:05.000007+01'::timestamptz AS at, '2026-03-08'::date AS day`,
    }),
  );
  expect(rows).toEqual([
    { decimal: '1234567890.12345678', big: '9007199254740993', at: '2026-01-02T02:04:05.000007Z', day: '2026-03-08' },
  ]);
});

test('a time outside UTC is refused rather than misread', () => {
  expect(utcTimestamp('2026-01-02 03:04:05+00')).toBe('2026-01-02T03:04:05.000000Z');
  expect(() => utcTimestamp('2026-01-02 03:04:05+01')).toThrow(RangeError);
});
