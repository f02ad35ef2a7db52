import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recordTransfers } from '../src/db/accounts.ts';
import { INVARIANTS } from '../src/db/invariants.ts';
import { type DatabasePool, transaction } from '../src/db/pool.ts';
import type { NewOrder } from '../src/domain/order.ts';
import type { LimitsChange } from '../src/domain/risk-limits.ts';
import type { Denial } from '../src/domain/risk-rules.ts';
import { cancelOrder } from '../src/orders/cancel-order.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { getPortfolio } from '../src/orders/get-portfolio.ts';
import { changeLimits, getLimits } from '../src/orders/risk-limits.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket, limit, place, placed, quote, SYMBOL, soon } from './support/fixtures.ts';

const PARALLEL = 200;
const BOUNDS = { quoteMaxAgeMs: 60_000, batch: 500 };
let database: TestDatabase;
let pool: DatabasePool;
let many: DatabasePool;
let account: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
  many = database.pool({ max: 25 });
  await addMarket(pool);
});
beforeEach(async () => {
  account = await addAccount(pool, '1000000', '5');
  await quote(pool, '99', '101');
});
afterAll(async () => {
  expect(await brokenInvariants()).toEqual([]);
  await database.drop();
});

async function brokenInvariants(): Promise<string[]> {
  const broken: string[] = [];
  for (const { name, violations } of INVARIANTS) {
    if ((await database.query(violations)).length > 0) broken.push(name);
  }
  return broken;
}

async function denialOf(order: Partial<NewOrder> = {}): Promise<Denial | null> {
  const outcome = await place(pool, account, order);
  return outcome.kind === 'denied' ? outcome.denial : null;
}

/** Places `PARALLEL` orders at once; how many were accepted, and why the others were not. */
async function flood(order: Partial<NewOrder>): Promise<{ accepted: number; reasons: string[] }> {
  const outcomes = await Promise.all(Array.from({ length: PARALLEL }, () => place(many, account, order)));
  const reasons = outcomes.flatMap((outcome) => (outcome.kind === 'denied' ? [outcome.denial.reason] : []));
  return { accepted: outcomes.filter(({ kind }) => kind === 'placed').length, reasons: [...new Set(reasons)] };
}

describe('two hundred orders at once', () => {
  test.each<[string, LimitsChange, Partial<NewOrder>, number]>([
    ['MAX_OPEN_ORDERS', { maxOpenOrders: 17 }, { quantity: '0.01' }, 17],
    ['MAX_ORDERS_PER_MINUTE', { maxOrdersPerMinute: 20 }, { quantity: '0.01' }, 20],
    ['MAX_DAILY_NOTIONAL', { maxDailyNotional: '1049.99' }, { quantity: '0.5' }, 20],
    // 5 are held: 505 at the ask; each order adds 1.01.
    ['MAX_POSITION', { maxPositionNotional: '525.2' }, { quantity: '0.01' }, 20],
    ['INSUFFICIENT_CASH', {}, { quantity: '400' }, 25],
    ['INSUFFICIENT_SHARES', {}, { side: 'SELL', quantity: '0.25' }, 20],
  ])('never exceed %s, and use it up', async (reason, limits, order, most) => {
    await limit(pool, account, limits);
    expect(await flood(order)).toEqual({ accepted: most, reasons: [reason] });
    const [row] = await database.query<{ n: string; worth: string }>(
      `SELECT count(*) AS n, trim_scale(sum(notional)) AS worth FROM execution.orders WHERE account_id = $1 AND status = 'OPEN'`,
      [account],
    );
    expect(Number(row?.n)).toBe(most);
    const [usage] = await database.query<{ ordered: string }>(
      'SELECT trim_scale(ordered_notional) AS ordered FROM risk.daily_usage WHERE account_id = $1 AND ordered_notional > 0',
      [account],
    );
    expect(usage?.ordered).toBe(row?.worth);
  });

  test('are all denied on a restricted symbol, and the first of an account of its own are not held up by another', async () => {
    await limit(pool, account, { restrictedSymbols: [SYMBOL] });
    expect(await flood({ quantity: '0.01' })).toEqual({ accepted: 0, reasons: ['RESTRICTED_SYMBOL'] });
    account = await addAccount(pool, '1000000');
    expect(await denialOf()).toBeNull();
  });
});

describe('what counts against a limit', () => {
  test('is given back by what ends: a cancel, an expiry and a fill make room for the next order', async () => {
    await limit(pool, account, { maxOpenOrders: 1 });
    const first = await placed(pool, account);
    expect(await denialOf()).toMatchObject({ reason: 'MAX_OPEN_ORDERS', limit: '1', observed: '1', attempted: '2' });
    await cancelOrder(pool, { accountId: account, orderId: first.id });
    const filled = await placed(pool, account, { price: '101' });
    expect(filled.status).toBe('OPEN');
    await executeLimitOrders(pool, BOUNDS);
    const expireAt = soon();
    await placed(pool, account, { timeInForce: 'GTD', expireAt });
    expect(await denialOf()).toMatchObject({ reason: 'MAX_OPEN_ORDERS' });
    await eventually('the order expires', async () => (await executeLimitOrders(pool, BOUNDS)).expired === 1);
    await placed(pool, account);
  });

  test('is not given back of the day and the minute, and a denied order counts as nothing', async () => {
    await limit(pool, account, { maxOrdersPerMinute: 2, maxDailyNotional: '250' });
    const first = await placed(pool, account);
    expect(await denialOf({ quantity: '2' })).toMatchObject({
      reason: 'MAX_DAILY_NOTIONAL',
      limit: '250',
      observed: '100',
      attempted: '300',
    });
    await cancelOrder(pool, { accountId: account, orderId: first.id });
    await placed(pool, account);
    expect(await denialOf({ quantity: '0.1' })).toMatchObject({ reason: 'MAX_ORDERS_PER_MINUTE', observed: '2' });
    await limit(pool, account, { maxOrdersPerMinute: null });
    expect(await denialOf()).toMatchObject({ reason: 'MAX_DAILY_NOTIONAL', observed: '200', attempted: '300' });
  });

  test('of a position is what is held and what open orders may still buy, and a fill changes nothing of their sum', async () => {
    account = await addAccount(pool, '1000000');
    await limit(pool, account, { maxPositionNotional: '1010' });
    await placed(pool, account, { quantity: '4', price: '101' });
    await placed(pool, account, { quantity: '6', price: '50' });
    const over = { reason: 'MAX_POSITION', limit: '1010', observed: '1010', attempted: '1010.101' };
    expect(await denialOf({ quantity: '0.001', price: '10000' })).toMatchObject({
      reason: 'MAX_POSITION',
      attempted: '100010',
    });
    expect(await denialOf({ quantity: '0.01', price: '100.00' })).toMatchObject({ ...over, attempted: '1011.01' });
    for (const held of ['1.5', '4']) {
      await database.query('UPDATE market.quotes SET ask_size = $2, as_of = now() WHERE symbol = $1', [
        SYMBOL,
        held === '4' ? null : held,
      ]);
      await executeLimitOrders(pool, BOUNDS);
      expect((await getPortfolio(pool, account)).positions).toMatchObject([{ quantity: held }]);
      expect(await denialOf({ quantity: '0.01', price: '100.00' })).toMatchObject({ ...over, attempted: '1011.01' });
    }
    expect(await denialOf({ side: 'SELL', quantity: '4' })).toBeNull();
  });

  test('of a loss is what was realised today, after which only selling is possible', async () => {
    account = await addAccount(pool, '1000000');
    await limit(pool, account, { maxDailyLoss: '60' });
    await placed(pool, account, { quantity: '10', price: '101' });
    await executeLimitOrders(pool, BOUNDS);
    await quote(pool, '95', '96');
    await placed(pool, account, { side: 'SELL', quantity: '6', price: '95' });
    await executeLimitOrders(pool, BOUNDS);
    // 6 were sold 6 below their cost: 36 lost, so that buying goes on.
    expect(await denialOf({ quantity: '0.1', price: '50' })).toBeNull();
    await placed(pool, account, { side: 'SELL', quantity: '4', price: '95' });
    await executeLimitOrders(pool, BOUNDS);
    expect(await denialOf({ quantity: '0.1', price: '50' })).toMatchObject({
      reason: 'MAX_DAILY_LOSS',
      limit: '60',
      observed: '60',
    });
    await transaction(pool, (tx) =>
      recordTransfers(
        tx,
        [{ id: randomUUID(), accountId: account, symbol: SYMBOL, quantity: '1', cost: '500' }],
        'test',
      ),
    );
    expect(await denialOf({ quantity: '0.1', price: '50' })).toMatchObject({
      reason: 'MAX_DAILY_LOSS',
      observed: '60',
    });
    expect(await denialOf({ side: 'SELL', quantity: '1' })).toBeNull();
  });

  test('of a fat finger are the last accepted orders, however many were denied since', async () => {
    await limit(pool, account, { fatFingerMultiple: 3 });
    for (let n = 0; n < 10; n += 1) await placed(pool, account, { quantity: '0.1' });
    const typo = { reason: 'FAT_FINGER', limit: '30', observed: '10', attempted: '30.1' };
    for (let n = 0; n < 25; n += 1) expect(await denialOf({ quantity: '0.301' })).toEqual(typo);
    expect(await denialOf({ quantity: '0.3' })).toBeNull();
  });
});

test.each<[string, Partial<NewOrder>, string | null]>([
  ['a BUY at the collar', { price: '111.10', quantity: '0.1' }, null],
  ['a BUY beyond it', { price: '111.11', quantity: '0.1' }, '111.1'],
  ['a SELL at the collar', { side: 'SELL', price: '89.10', quantity: '0.1' }, null],
  ['a SELL beyond it', { side: 'SELL', price: '89.09', quantity: '0.1' }, '89.1'],
])('the price collar and %s, measured at the last quote, fresh or not', async (_what, order, bound) => {
  await limit(pool, account, { priceCollarBps: 1000 });
  await database.query("UPDATE market.quotes SET as_of = now() - interval '1 hour' WHERE symbol = $1", [SYMBOL]);
  const denial = await denialOf(order);
  expect(denial?.limit ?? null).toBe(bound);
  expect(denial?.reason ?? 'PRICE_COLLAR').toBe('PRICE_COLLAR');
  await database.query('UPDATE market.quotes SET as_of = now() WHERE symbol = $1', [SYMBOL]);
});

test('a closed session and a mode that is not allowed are reasons of their own', async () => {
  const closed = await place(pool, account, {}, {}, { isOpen: () => false });
  expect(closed).toMatchObject({ kind: 'denied', denial: { reason: 'SESSION_CLOSED', limit: '24x7' } });
  await limit(pool, account, { allowedModes: ['LIVE'] });
  expect(await denialOf()).toEqual({ reason: 'MODE_NOT_ALLOWED', limit: 'LIVE', observed: null, attempted: 'PAPER' });
});

describe('limits', () => {
  test('are the account’s, then everybody’s, then built in, and a change says who, when and from what to what', async () => {
    await limit(pool, null, { priceCollarBps: 500, restrictedSymbols: ['GME'] });
    const change = { maxOpenOrders: 3, restrictedSymbols: ['AMC'] };
    const view = await changeLimits(pool, '100000', {
      accountId: account,
      change,
      by: 'operator:x',
      reason: 'new desk',
    });
    expect(view).toMatchObject({
      accountId: account,
      inForce: { maxOpenOrders: 3, priceCollarBps: 500, restrictedSymbols: ['AMC', 'GME'], allowedModes: ['PAPER'] },
      own: { maxOpenOrders: 3, priceCollarBps: null, restrictedSymbols: ['AMC'] },
      lastChange: { changedBy: 'operator:x', reason: 'new desk' },
    });
    expect(await getLimits(pool, '100000', account)).toEqual(view);
    await changeLimits(pool, '100000', {
      accountId: account,
      change: { maxOpenOrders: null },
      by: 'operator:y',
      reason: null,
    });
    const changes = await database.query<Record<string, unknown>>(
      `SELECT changed_by, reason, before->>'max_open_orders' AS before, after->>'max_open_orders' AS after, at IS NOT NULL AS dated
       FROM risk.limit_changes WHERE account_id = $1 ORDER BY id`,
      [account],
    );
    expect(changes).toEqual([
      { changed_by: 'operator:x', reason: 'new desk', before: null, after: '3', dated: true },
      { changed_by: 'operator:y', reason: null, before: '3', after: null, dated: true },
    ]);
    await limit(pool, null, { priceCollarBps: 1_000_000, restrictedSymbols: null });
  });

  test('changed by hand are recorded too, and the record cannot be changed', async () => {
    await database.query('INSERT INTO risk.limits (account_id, max_open_orders) VALUES ($1, 9)', [account]);
    await database.query('DELETE FROM risk.limits WHERE account_id = $1', [account]);
    const rows = await database.query<Record<string, unknown>>(
      `SELECT changed_by, database_user, before IS NULL AS made, after IS NULL AS removed
       FROM risk.limit_changes WHERE account_id = $1 ORDER BY id`,
      [account],
    );
    const by = { changed_by: 'sql:postgres', database_user: 'postgres' };
    expect(rows).toEqual([
      { ...by, made: true, removed: false },
      { ...by, made: false, removed: true },
    ]);
    await expect(database.query('UPDATE risk.limit_changes SET reason = $1', ['x'])).rejects.toThrow('append-only');
    await expect(database.query('TRUNCATE risk.limits')).rejects.toThrow('row by row');
  });

  test('of an account that does not exist cannot be set', async () => {
    const request = { accountId: randomUUID(), change: { maxOpenOrders: 1 }, by: 'x', reason: null };
    await expect(changeLimits(pool, '1', request)).rejects.toMatchObject({ code: 'account_not_found' });
  });

  test.each([null, 'own'])('once changed (%s), no order by the earlier ones is still on its way', async (whose) => {
    const holder = await database.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT pg_advisory_xact_lock_shared(1802071148, 1)');
    await holder.query('SELECT FROM portfolio.accounts WHERE id = $1 FOR NO KEY UPDATE', [account]);
    let changed = false;
    const accountId = whose === null ? null : account;
    const change = changeLimits(pool, '100000', { accountId, change: { maxOpenOrders: 5 }, by: 'x', reason: null });
    const done = change.then(() => {
      changed = true;
    });
    await eventually('the change waits for the placement in flight', async () => {
      const waiting = await database.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
      );
      return waiting.length > 0;
    });
    expect(changed).toBe(false);
    await holder.query('COMMIT');
    await done;
    await limit(pool, null, { maxOpenOrders: 1_000_000 });
  });
});

test('what an order was worth stays as it was decided', async () => {
  const { id } = await placed(pool, account);
  const update = database.query('UPDATE execution.orders SET notional = 1 WHERE id = $1', [id]);
  await expect(update).rejects.toMatchObject({ code: '23000' });
});

test('the placement reads bounded ranges, however many orders an account has', async () => {
  const crowded = await createTestDatabase();
  await addMarket(crowded.pool());
  const holders = await Promise.all(Array.from({ length: 20 }, () => addAccount(crowded.pool(), '1')));
  await crowded.query(
    `WITH made AS (
       INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force,
         status, denial_reason, created_at)
       SELECT gen_random_uuid(), ($1::uuid[])[1 + n / 2 % 20], 'order-' || n, $2, 'BUY', 'LIMIT', 1, 1, 'PAPER', 'GTC',
         CASE n % 2 WHEN 0 THEN 'DENIED' ELSE 'OPEN' END, CASE n % 2 WHEN 0 THEN 'X' END, now() - n * interval '1 second'
       FROM generate_series(1, 6000) n RETURNING id, status)
     INSERT INTO execution.order_events (order_id, version, type, to_status, data) SELECT id, 1, 'PLACED', status, '{}' FROM made`,
    [holders, SYMBOL],
  );
  await crowded.query('ANALYZE execution.orders');
  const plan = await crowded.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN SELECT count(*) FROM execution.orders o WHERE o.account_id = '${holders[0]}' AND o.status <> 'DENIED'
       AND o.created_at > now() - interval '1 minute'`,
  );
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('orders_accepted_idx');
  await crowded.drop();
});
