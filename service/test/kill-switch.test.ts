import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { placementLocksSql } from '../src/db/place-order.ts';
import type { DatabasePool } from '../src/db/pool.ts';
import type { OrderServiceError } from '../src/domain/errors.ts';
import { readKillSwitch, setKillSwitch } from '../src/kill-switch/kill-switch.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { getOrder } from '../src/orders/get-order.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket, place, placed, quote } from './support/fixtures.ts';

let database: TestDatabase;
let pool: DatabasePool;
let account: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool({ max: 20 });
  await addMarket(pool);
});
beforeEach(async () => {
  await setKillSwitch(pool, 'ACTIVE', 'test begins', 'test');
  account = await addAccount(pool, '100000');
});
afterAll(() => database.drop());

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: OrderServiceError) => error.code,
  );

test('a change is numbered, dated and recorded with who and why', async () => {
  const before = await readKillSwitch(pool);
  const changed = await setKillSwitch(pool, 'HALTED', '  the venue is down  ', 'operator:1');
  expect(changed).toMatchObject({ state: 'HALTED', reason: 'the venue is down', changedBy: 'operator:1' });
  expect(changed.version).toBe(before.version + 1);
  expect(changed.changedAt > before.changedAt).toBe(true);
  expect(await readKillSwitch(pool)).toEqual(changed);
  const [event] = await database.query('SELECT * FROM risk.kill_switch_events ORDER BY id DESC LIMIT 1');
  expect(event).toMatchObject({
    version: String(changed.version),
    from_state: 'ACTIVE',
    to_state: 'HALTED',
    reason: 'the venue is down',
    changed_by: 'operator:1',
    at: changed.changedAt,
  });
});

test.each(['', '   ', 'x'.repeat(501)])('a reason like %j is refused', async (reason) => {
  expect(await codeOf(setKillSwitch(pool, 'HALTED', reason, 'test'))).toBe('invalid_reason');
  expect((await readKillSwitch(pool)).state).toBe('ACTIVE');
});

test.each(['REDUCING', 'HALTED'] as const)(
  '%s refuses orders, and the same key may be tried again afterwards',
  async (state) => {
    const command = { idempotencyKey: randomUUID() };
    await setKillSwitch(pool, state, 'drill', 'test');
    const error = await place(pool, account, {}, command).catch((reason: OrderServiceError) => reason);
    expect(error).toMatchObject({ code: 'kill_switch_engaged', details: { state, reason: 'drill' } });
    expect(await database.query('SELECT FROM execution.orders WHERE account_id = $1', [account])).toEqual([]);
    await setKillSwitch(pool, 'ACTIVE', 'over', 'test');
    expect((await place(pool, account, {}, command)).kind).toBe('placed');
  },
);

test('an earlier reply is still replayed while the switch is engaged', async () => {
  const command = { idempotencyKey: randomUUID() };
  const first = await place(pool, account, {}, command);
  await setKillSwitch(pool, 'HALTED', 'drill', 'test');
  expect(await place(pool, account, {}, command)).toEqual({ kind: 'replayed', reply: first.reply });
});

test('an activation waits for a placement in flight, and placements that come later wait for the activation', async () => {
  const inFlight = await database.connect();
  await inFlight.query('BEGIN');
  await inFlight.query(placementLocksSql(account, '1'));
  let activated = false;
  const activation = setKillSwitch(pool, 'HALTED', 'drill', 'test').then(() => {
    activated = true;
  });
  await waiters(1);
  const late = codeOf(place(pool, await addAccount(pool, '1000')));
  await waiters(2);
  expect(activated).toBe(false);
  await inFlight.query('COMMIT');
  await activation;
  expect(await late).toBe('kill_switch_engaged');
});

/** Until so many connections wait for the switch's lock. */
async function waiters(count: number): Promise<void> {
  await eventually(`${count} wait for the kill switch's lock`, async () => {
    const [row] = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND classid = 1802071148 AND NOT granted`,
    );
    return row?.n === count;
  });
}

test('under load, nothing is committed after an activation has returned', async () => {
  for (let round = 0; round < 5; round += 1) {
    await setKillSwitch(pool, 'ACTIVE', 'round', 'test');
    const accounts = await Promise.all(Array.from({ length: 8 }, () => addAccount(pool, '100000')));
    let stop = false;
    const outcomes: string[] = [];
    const traders = accounts.map(async (trader) => {
      // Bounded: the switch stops every trader long before.
      for (let orders = 0; orders < 10_000 && !stop; orders += 1) {
        const outcome = await codeOf(place(pool, trader, { quantity: '0.01' }));
        outcomes.push(outcome);
        stop ||= outcome !== 'accepted';
      }
    });
    await eventually('orders are being placed', async () => outcomes.length > 20);
    await setKillSwitch(pool, 'HALTED', 'round', 'test');
    const atReturn = await ordersOf(accounts);
    await Promise.all(traders);
    expect(await ordersOf(accounts)).toBe(atReturn);
    expect(outcomes).toContain('kill_switch_engaged');
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(atReturn);
  }
});

async function ordersOf(accounts: string[]): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM execution.orders WHERE account_id = ANY ($1)',
    [accounts],
  );
  return row?.n ?? -1;
}

test('an UPDATE typed by hand counts like any other, and is recorded', async () => {
  const hand = await database.connect();
  const inFlight = await database.connect();
  await inFlight.query('BEGIN');
  await inFlight.query(placementLocksSql(account, '2'));
  const typed = hand.query(`UPDATE risk.kill_switch SET state = 'HALTED', reason = 'by hand', changed_by = 'dba'`);
  await waiters(1);
  await inFlight.query('ROLLBACK');
  await typed;
  expect(await codeOf(place(pool, account))).toBe('kill_switch_engaged');
  const [event] = await database.query(
    'SELECT reason, changed_by FROM risk.kill_switch_events ORDER BY id DESC LIMIT 1',
  );
  expect(event).toEqual({ reason: 'by hand', changed_by: 'dba' });
});

test('the row cannot be removed; if it is gone all the same, trading is stopped', async () => {
  const raw = await database.connect();
  for (const sql of ['DELETE FROM risk.kill_switch', 'TRUNCATE risk.kill_switch']) {
    await expect(raw.query(sql)).rejects.toThrow('cannot be removed');
  }
  await raw.query('BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM risk.kill_switch; COMMIT');
  expect(await readKillSwitch(pool)).toMatchObject({ state: 'HALTED' });
  expect(await codeOf(place(pool, account))).toBe('kill_switch_engaged');
  expect(await codeOf(setKillSwitch(pool, 'ACTIVE', 'x', 'test'))).toBe('internal');
  await raw.query(`BEGIN; SET LOCAL session_replication_role = replica;
    INSERT INTO risk.kill_switch (state, reason, changed_by, version)
    SELECT 'ACTIVE', 'restored', 'test', max(version) FROM risk.kill_switch_events; COMMIT`);
});

test('fills of resting orders go on while the switch is engaged', async () => {
  // Above what the other tests left resting, so that this is the only order that the quote fills.
  const order = await placed(pool, account, { price: '100.5' });
  await setKillSwitch(pool, 'HALTED', 'drill', 'test');
  await quote(pool, '99', '100.5');
  await executeLimitOrders(pool, { quoteMaxAgeMs: 15_000, batch: 100 });
  expect((await getOrder(pool, account, order.id)).status).toBe('FILLED');
});

test('an activation stops every strategy, and none starts until it is over', async () => {
  const id = randomUUIDv7();
  await database.query(
    `INSERT INTO strategy.strategies (id, account_id, name, status) VALUES ($1, $2, 'grid', 'RUNNING')`,
    [id, account],
  );
  await setKillSwitch(pool, 'HALTED', 'drill', 'test');
  expect(await database.query('SELECT status, status_reason FROM strategy.strategies WHERE id = $1', [id])).toEqual([
    { status: 'STOPPED', status_reason: 'kill switch: drill' },
  ]);
  const start = `UPDATE strategy.strategies SET status = 'RUNNING' WHERE id = '${id}'`;
  await expect(database.query(start)).rejects.toThrow('no strategy runs');
  await setKillSwitch(pool, 'ACTIVE', 'over', 'test');
  await database.query(start);
});
