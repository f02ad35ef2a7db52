import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';

export interface Account {
  readonly id: string;
  readonly role: string;
}

export interface Todo {
  readonly id: string;
  readonly title: string;
  readonly status: string;
}

const shown = 'id, title, status';
const listedAtMost = 50;

export async function findAccount(pool: pg.Pool, key: string): Promise<Account | undefined> {
  const digest = createHash('sha256').update(key).digest();
  const { rows } = await pool.query<Account>('SELECT id, role FROM todo.accounts WHERE key_digest = $1', [digest]);
  return rows[0];
}

export type Created = { kind: 'created'; todo: Todo } | { kind: 'read-only' } | { kind: 'another-request' };

/** One transaction: the key, the switch, the to-do. Whoever comes second with a key waits here, and gets the first answer. */
export async function createTodo(pool: pg.Pool, account: Account, key: string, title: string): Promise<Created> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const created = await createInside(client, account, key, title);
    await client.query(created.kind === 'created' ? 'COMMIT' : 'ROLLBACK');
    return created;
  } catch (error) {
    // The connection is thrown away with the transaction that it is still in.
    broken = error as Error;
    throw error;
  } finally {
    client.release(broken);
  }
}

async function createInside(client: pg.PoolClient, account: Account, key: string, title: string): Promise<Created> {
  const claimed = await client.query(
    'INSERT INTO todo.replies (account_id, key, request) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [account.id, key, title],
  );
  if (claimed.rowCount === 0) return replay(client, account, key, title);
  const { rows: switches } = await client.query<{ is_on: boolean }>('SELECT is_on FROM todo.read_only FOR SHARE');
  if (switches[0]?.is_on !== false) return { kind: 'read-only' };
  const id = randomUUID();
  const { rows } = await client.query<Todo>(
    `INSERT INTO todo.todos (id, account_id, title) VALUES ($1, $2, $3) RETURNING ${shown}`,
    [id, account.id, title],
  );
  await client.query('UPDATE todo.replies SET todo_id = $3 WHERE account_id = $1 AND key = $2', [account.id, key, id]);
  return { kind: 'created', todo: only(rows) };
}

async function replay(client: pg.PoolClient, account: Account, key: string, title: string): Promise<Created> {
  const { rows } = await client.query<Todo & { request: string }>(
    `SELECT t.id, r.request AS title, 'open' AS status, r.request FROM todo.replies r JOIN todo.todos t ON t.id = r.todo_id
      WHERE r.account_id = $1 AND r.key = $2`,
    [account.id, key],
  );
  const { request, ...todo } = only(rows);
  return request === title ? { kind: 'created', todo } : { kind: 'another-request' };
}

function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('the database returned no row where there is one');
  return row;
}

export async function listTodos(pool: pg.Pool, account: Account): Promise<Todo[]> {
  const sql = `SELECT ${shown} FROM todo.todos WHERE account_id = $1 ORDER BY created_at DESC LIMIT ${listedAtMost}`;
  return (await pool.query<Todo>(sql, [account.id])).rows;
}

export async function findTodo(pool: pg.Pool, account: Account, id: string): Promise<Todo | undefined> {
  const sql = `SELECT ${shown} FROM todo.todos WHERE id = $1 AND account_id = $2`;
  return (await pool.query<Todo>(sql, [id, account.id])).rows[0];
}

export async function setReadOnly(pool: pg.Pool, isOn: boolean): Promise<void> {
  await pool.query('UPDATE todo.read_only SET is_on = $1', [isOn]);
}

export async function beat(pool: pg.Pool, name: string): Promise<void> {
  const sql =
    'INSERT INTO todo.workers VALUES ($1, now()) ON CONFLICT (name) DO UPDATE SET heartbeat_at = excluded.heartbeat_at';
  await pool.query(sql, [name]);
}
