import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { removeOldReplies } from '../src/db/idempotency-keys.ts';
import { type DatabasePool, transaction } from '../src/db/pool.ts';
import { OrderServiceError } from '../src/domain/errors.ts';
import { NO_REDIS } from '../src/domain/kill-switch-redis.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { placeOrder } from '../src/orders/place-order.ts';
import { reconcileBooks } from '../src/orders/reconcile.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import {
  addAccount,
  addMarket,
  LIMITS,
  newOrder,
  place,
  placed,
  quote,
  renderPlacement,
  SYMBOL,
} from './support/fixtures.ts';

let database: TestDatabase;
let pool: DatabasePool;
let account: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool({ max: 20 });
  await addMarket(pool);
});
beforeEach(async () => {
  account = await addAccount(pool, '100000', '10');
  await placed(pool, account, { quantity: '2', price: '90' });
  await placed(pool, account, { side: 'SELL', quantity: '3', price: '200' });
});
afterAll(() => database.drop());

const run = (cause: 'boot' | 'schedule' = 'boot') => reconcileBooks({ pool, cause });
const balances = async () => {
  const [row] = await database.query(
    `SELECT trim_scale(a.cash)::text AS cash, trim_scale(a.reserved)::text AS reserved, trim_scale(p.reserved)::text AS units
     FROM portfolio.accounts a JOIN portfolio.positions p ON p.account_id = a.id WHERE a.id = $1 AND p.symbol = $2`,
    [account, SYMBOL],
  );
  return row;
};
/** Changes what no statement of the service would, past every trigger. */
async function damage(sql: string): Promise<void> {
  const hand = await database.connect();
  await hand.query(`BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`);
}

test('right books give it nothing to do, at boot and on schedule', async () => {
  await placed(pool, account, { quantity: '1', price: '100' });
  await quote(pool, '99', '100');
  await executeLimitOrders(pool, { quoteMaxAgeMs: 15_000, batch: 100 });
  for (const cause of ['boot', 'schedule'] as const) {
    const { lookedAt, ...counts } = await run(cause);
    expect(counts).toMatchObject({ actions: 0, unresolved: 0, findings: [] });
    expect(lookedAt).toBeGreaterThan(4);
  }
});

test('a reservation that leaked is given back, in one pass, on record; a second pass has nothing to do', async () => {
  const before = await balances();
  await damage(`UPDATE portfolio.accounts SET cash = cash - 500, reserved = reserved + 500 WHERE id = '${account}'`);
  await damage(`UPDATE portfolio.positions SET reserved = reserved + 1 WHERE account_id = '${account}'`);
  const first = await run();
  expect(first).toMatchObject({ actions: 2, unresolved: 0 });
  expect(await balances()).toEqual(before);
  const findings = await database.query(
    `SELECT kind, account_id, symbol, repaired, trim_scale(before)::text AS before, trim_scale(after)::text AS after
     FROM execution.reconciliation_findings ORDER BY id DESC LIMIT 2`,
  );
  const own = { account_id: account, repaired: true };
  expect(findings.toReversed()).toEqual([
    { ...own, kind: 'ACCOUNT_RESERVED', symbol: null, before: '680', after: '180' },
    { ...own, kind: 'POSITION_RESERVED', symbol: SYMBOL, before: '4', after: '3' },
  ]);
  const second = await run();
  expect(second).toMatchObject({ actions: 0, unresolved: 0 });
  const runs = await database.query(
    `SELECT cause, actions, unresolved, finished_at >= started_at AS timed FROM execution.reconciliation_runs ORDER BY id DESC LIMIT 2`,
  );
  expect(runs.toReversed()).toEqual([
    { cause: 'boot', actions: 2, unresolved: 0, timed: true },
    { cause: 'boot', actions: 0, unresolved: 0, timed: true },
  ]);
});

test('a reservation that was lost is set aside again', async () => {
  const before = await balances();
  await damage(`UPDATE portfolio.accounts SET cash = cash + reserved, reserved = 0 WHERE id = '${account}'`);
  expect(await run('schedule')).toMatchObject({ actions: 1, unresolved: 0 });
  expect(await balances()).toEqual(before);
});

test('what nothing on record explains is reported, left as it is, and reported again', async () => {
  const order = await placed(pool, account, { quantity: '1', price: '80' });
  await damage(`UPDATE portfolio.positions SET quantity = quantity + 1 WHERE account_id = '${account}'`);
  await damage(`UPDATE execution.orders SET filled_quantity = 0.5, average_fill_price = 1 WHERE id = '${order.id}'`);
  await damage(`UPDATE execution.orders SET version = version + 1 WHERE id = '${order.id}'`);
  for (const cause of ['boot', 'schedule'] as const) {
    const { actions, unresolved, findings } = await run(cause);
    expect([actions, unresolved]).toEqual([0, 3]);
    expect(findings.map(({ kind, orderId }) => [kind, orderId])).toEqual([
      ['ORDER_FILLED', order.id],
      ['ORDER_STATE', order.id],
      ['POSITION_QUANTITY', null],
    ]);
  }
});

test('a worker that lost its lease puts nothing right', async () => {
  await damage(`UPDATE portfolio.accounts SET cash = cash - 5, reserved = reserved + 5 WHERE id = '${account}'`);
  const before = await balances();
  const fence = (): Promise<void> => Promise.reject(new OrderServiceError('lease_lost'));
  await expect(reconcileBooks({ pool, cause: 'boot', fence })).rejects.toMatchObject({ code: 'lease_lost' });
  expect(await balances()).toEqual(before);
});

test('a placement under way is waited for, so that what it sets aside counts', async () => {
  await damage(`UPDATE portfolio.accounts SET cash = cash - 500, reserved = reserved + 500 WHERE id = '${account}'`);
  const [entered, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  // The switch is read inside the placement's transaction, which holds the account by then.
  const placing = placeOrder(
    {
      pool,
      limits: LIMITS,
      render: renderPlacement,
      switchInRedis: async () => {
        entered.resolve();
        await goOn.promise;
        return NO_REDIS;
      },
    },
    {
      accountId: account,
      idempotencyKey: 'under-way',
      requestHash: 'hash',
      order: newOrder({ quantity: '1', price: '90' }),
    },
  );
  await entered.promise;
  const reconciling = run();
  await eventually('the comparison waits for the account', async () => {
    const [row] = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return row?.n === 1;
  });
  goOn.resolve();
  expect((await placing).kind).toBe('placed');
  const own = (await reconciling).findings.filter(({ accountId }) => accountId === account);
  expect(own).toMatchObject([{ kind: 'ACCOUNT_RESERVED', repaired: true }]);
  // 180 of the resting order and 90 of the new one.
  expect(await balances()).toMatchObject({ reserved: '270' });
});

test('while orders are placed and filled it finds nothing that is not there', async () => {
  const fresh = await createTestDatabase();
  try {
    const busy = fresh.pool({ max: 20 });
    await addMarket(busy);
    const accounts = await Promise.all(Array.from({ length: 6 }, () => addAccount(busy, '100000', '100')));
    let stop = false;
    const traders = accounts.map(async (trader) => {
      // Bounded: the comparison below ends it long before.
      for (let order = 0; order < 2000 && !stop; order += 1) {
        await place(busy, trader, {
          quantity: '0.1',
          side: order % 2 === 0 ? 'BUY' : 'SELL',
          price: order % 3 === 0 ? '100' : '101',
        });
        if (order % 5 === 0) await executeLimitOrders(busy, { quoteMaxAgeMs: 15_000, batch: 50 });
      }
    });
    for (let round = 0; round < 20; round += 1) {
      expect(await reconcileBooks({ pool: busy, cause: 'schedule' })).toMatchObject({ actions: 0, unresolved: 0 });
    }
    stop = true;
    await Promise.all(traders);
  } finally {
    await fresh.drop();
  }
});

test('old replies are forgotten in batches, and young ones kept', async () => {
  await damage(
    `UPDATE execution.idempotency_keys SET created_at = now() - interval '4 days' WHERE account_id = '${account}'`,
  );
  const young = await place(pool, account);
  const forget = () => transaction(pool, (tx) => removeOldReplies(tx, 72 * 3_600_000, 1));
  expect([await forget(), await forget(), await forget()]).toEqual([1, 1, 0]);
  const left = await database.query('SELECT response_body FROM execution.idempotency_keys WHERE account_id = $1', [
    account,
  ]);
  expect(left).toEqual([{ response_body: young.reply.body }]);
});
