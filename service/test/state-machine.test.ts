import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabasePool, transaction } from '../src/db/pool.ts';
import type { OrderServiceError } from '../src/domain/errors.ts';
import { allTransitions, INITIAL_STATUSES, ORDER_STATUSES, TERMINAL_STATUSES } from '../src/domain/order.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, placed, SYMBOL } from './support/fixtures.ts';

let database: TestDatabase;
let pool: DatabasePool;
let account: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
  await addMarket(pool);
  account = await addAccount(pool, '100000');
});
afterAll(() => database.drop());

const insertSql = `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode,
  time_in_force, status, version, filled_quantity, average_fill_price, denial_reason)
  VALUES ($1, $2, $3, '${SYMBOL}', 'BUY', 'LIMIT', 2, 100, 'LIVE', 'GTC', $4, 1, $5, $6, $7)`;

/** The columns that the CHECKs want beside a status. */
function columnsFor(status: string): [string, string | null, string | null] {
  const filled = status === 'FILLED' ? '2' : status === 'PARTIALLY_FILLED' ? '1' : '0';
  return [filled, filled === '0' ? null : '100', status === 'DENIED' ? 'INSUFFICIENT_CASH' : null];
}

/** Undefined when the statement was accepted, else the constraint or message of the refusal. */
async function refusal(text: string, values: unknown[]): Promise<string | undefined> {
  try {
    // Rolled back in any case: only the statement itself is asked about.
    await transaction(pool, async (tx) => {
      await tx.query({ text, values });
      throw new Error('accepted');
    });
    return undefined;
  } catch (error) {
    const cause = (error as OrderServiceError).cause as { message: string; constraint?: string };
    return cause.message === 'accepted' ? undefined : (cause.constraint ?? cause.message);
  }
}

test('the table of transitions is the domain’s', async () => {
  const rows = await database.query<{ move: string }>(
    `SELECT from_status || '>' || to_status AS move FROM execution.order_transitions`,
  );
  expect(rows.map(({ move }) => move).sort()).toEqual(allTransitions());
});

test('an order begins where the domain lets it begin, and nowhere else', async () => {
  for (const status of ORDER_STATUSES) {
    const outcome = await refusal(insertSql, [randomUUID(), account, randomUUID(), status, ...columnsFor(status)]);
    const initial: readonly string[] = INITIAL_STATUSES;
    expect(outcome, status).toBe(initial.includes(status) ? undefined : 'order_transitions');
  }
});

test('raw SQL can make every move of the table and no other, from every state', async () => {
  const allowed = new Set(allTransitions());
  let accepted = 0;
  for (const from of ORDER_STATUSES.filter((status) => status !== 'DENIED')) {
    const id = await orderIn(from);
    for (const to of ORDER_STATUSES) {
      const [filled, average] = columnsFor(to);
      const values = [id, to, filled, average];
      const outcome = await refusal(
        `UPDATE execution.orders SET status = $2, version = version + 1,
          filled_quantity = greatest(filled_quantity, $3::numeric),
          average_fill_price = coalesce(average_fill_price, $4::numeric) WHERE id = $1`,
        values,
      );
      const move = `${from}>${to}`;
      if (allowed.has(move)) {
        expect(outcome, move).toBeUndefined();
        accepted += 1;
      } else {
        expect(outcome, move).toBe('order_transitions');
      }
    }
  }
  expect(accepted).toBe(allowed.size);
});

/** An order in this state, put there behind the triggers' back. */
async function orderIn(status: string): Promise<string> {
  const id = randomUUID();
  const client = await database.connect();
  await client.query('BEGIN; SET LOCAL session_replication_role = replica');
  await client.query(insertSql, [id, account, id, status, ...columnsFor(status)]);
  await client.query('COMMIT');
  return id;
}

test('a version that stands still, jumps or goes back is refused', async () => {
  const { id } = await placed(pool, account);
  const cancel = (version: string): Promise<string | undefined> =>
    refusal(`UPDATE execution.orders SET status = 'CANCELED', reserved_cash = 0, version = ${version} WHERE id = $1`, [
      id,
    ]);
  expect(await cancel('version')).toBe('order_transitions');
  expect(await cancel('version + 2')).toBe('order_transitions');
  expect(await cancel('version - 1')).toBe('order_transitions');
  expect(await cancel('version + 1')).toBeUndefined();
});

test('what was ordered cannot be changed, and a fill cannot be taken back', async () => {
  const { id } = await placed(pool, account);
  for (const change of ['quantity = 1.5', 'price = 99', `side = 'SELL'`, `client_order_id = 'x'`, `mode = 'LIVE'`]) {
    const sql = `UPDATE execution.orders SET ${change}, status = 'PENDING_CANCEL', version = version + 1 WHERE id = $1`;
    expect(await refusal(sql, [id]), change).toBe('order_transitions');
  }
  const filled = await orderIn('PARTIALLY_FILLED');
  const sql = `UPDATE execution.orders SET filled_quantity = 0.5, version = version + 1 WHERE id = $1`;
  expect(await refusal(sql, [filled])).toBe('order_transitions');
});

test('an order that has ended cannot hold a reservation', async () => {
  const { id } = await placed(pool, account);
  const ended: readonly string[] = TERMINAL_STATUSES;
  expect(ended).toContain('CANCELED');
  const sql = `UPDATE execution.orders SET status = 'CANCELED', version = version + 1 WHERE id = $1`;
  expect(await refusal(sql, [id])).toBe('orders_terminal_reserves_nothing_check');
});

test.each([
  'execution.order_events',
  'execution.fills',
  'portfolio.deposits',
  'portfolio.transfers',
  'risk.kill_switch_events',
])('%s is append-only', async (table) => {
  for (const sql of [`DELETE FROM ${table}`, `TRUNCATE ${table} CASCADE`, `UPDATE ${table} SET id = id`]) {
    const text = table.endsWith('_events') ? sql.replace('id = id', 'version = version') : sql;
    expect(await refusal(text, []), text).toContain('append-only');
  }
});

test('every foreign key is covered by an index', async () => {
  const uncovered = await database.query(`
    SELECT c.conrelid::regclass::text AS "table", c.conname AS name FROM pg_constraint c
    WHERE c.contype = 'f' AND c.connamespace::regnamespace::text NOT LIKE 'pg_%' AND NOT EXISTS (
      SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
        AND (i.indkey::int2[])[0:0] = c.conkey[1:1])`);
  expect(uncovered).toEqual([]);
});

test('every table says what it is for', async () => {
  const silent = await database.query(`
    SELECT c.oid::regclass::text AS "table" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname IN ('access', 'portfolio', 'market', 'risk', 'strategy', 'execution')
      AND obj_description(c.oid, 'pg_class') IS NULL AND c.relname <> 'kill_switch_events'`);
  expect(silent).toEqual([]);
});
