import { afterAll, beforeAll, expect, test } from 'vitest';
import preflightConfig from '../../preflight.config.ts';
import { parseConfig } from '../src/config.ts';
import { type Database, withDatabase } from '../src/io/database.ts';
import { execOrThrow } from '../src/io/exec.ts';
import { readInvariants } from '../src/io/invariants.ts';
import { root, startThrowawayPostgres, type ThrowawayPostgres, tools } from './support/throwaway-postgres.ts';

const { migrate, invariants } = parseConfig(preflightConfig).database;

/** A small world in which all is right: an account with a resting BUY, a filled BUY, a resting SELL, a denied order and a LIVE one whose outcome is unknown. */
const world = `
  SET session_replication_role = replica;
  INSERT INTO portfolio.accounts (id, name, cash, reserved, deposited, spent) VALUES
    ('00000000-0000-0000-0000-00000000000a', 'a', 850, 50, 1001.25, 101.25);
  INSERT INTO portfolio.accounts (id, name) VALUES ('00000000-0000-0000-0000-00000000000b', 'b');
  INSERT INTO portfolio.deposits (id, account_id, amount, note) VALUES (gen_random_uuid(), '00000000-0000-0000-0000-00000000000a', 1001.25, 'test');
  INSERT INTO market.instruments VALUES ('X', 'crypto', 'paper', 0.01, 0.01, 0);
  INSERT INTO portfolio.transfers (id, account_id, symbol, quantity, note) VALUES ('00000000-0000-0000-0000-0000000000f0', '00000000-0000-0000-0000-00000000000a', 'X', 5, 'test');
  INSERT INTO portfolio.positions VALUES ('00000000-0000-0000-0000-00000000000a', 'X', 7, 4, 101.25, 7, 101.25);
  INSERT INTO risk.open_exposure VALUES ('00000000-0000-0000-0000-00000000000a', 'X', 3, 1);
  INSERT INTO risk.daily_usage VALUES ('00000000-0000-0000-0000-00000000000a', current_date, 0, 0);
  CREATE FUNCTION pg_temp.place(n int, side text, quantity numeric, price numeric, status text, cash numeric, shares numeric, reason text)
  RETURNS void LANGUAGE sql AS $$
    INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data)
    SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, 1, 'PLACED', NULL, status, jsonb_build_object(
      'accountId', '00000000-0000-0000-0000-00000000000a', 'clientOrderId', 'c' || n, 'symbol', 'X', 'side', side, 'type', 'LIMIT',
      'quantity', quantity::text, 'price', price::text, 'mode', 'PAPER', 'timeInForce', 'GTD',
      'expireAt', '2030-01-01T00:00:00.000000Z', 'reservedCash', cash::text, 'reservedQuantity', shares::text, 'denialReason', reason, 'feeBps', '125');
    INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force,
      expire_at, status, reserved_cash, reserved_quantity, denial_reason, fee_bps)
    VALUES (('00000000-0000-0000-0000-00000000000' || n)::uuid, '00000000-0000-0000-0000-00000000000a', 'c' || n, 'X', side, 'LIMIT',
      quantity, price, 'PAPER', 'GTD', '2030-01-01Z', status, cash, shares, reason, 125);
    INSERT INTO execution.idempotency_keys
    VALUES ('00000000-0000-0000-0000-00000000000a', 'k' || n, 'h', ('00000000-0000-0000-0000-00000000000' || n)::uuid, 201,
      jsonb_build_object('id', '00000000-0000-0000-0000-00000000000' || n)::text);
  $$;
  SELECT pg_temp.place(1, 'BUY', 1, 50, 'OPEN', 50, 0, NULL), pg_temp.place(2, 'BUY', 2, 60, 'OPEN', 120, 0, NULL),
         pg_temp.place(3, 'SELL', 3, 70, 'OPEN', 0, 3, NULL), pg_temp.place(4, 'BUY', 1, 9, 'DENIED', 0, 0, 'INSUFFICIENT_CASH'),
         pg_temp.place(5, 'SELL', 1, 70, 'UNKNOWN', 0, 1, NULL);
  UPDATE execution.orders SET mode = 'LIVE' WHERE client_order_id = 'c5';
  UPDATE execution.order_events SET data = data || '{"mode": "LIVE"}' WHERE data->>'clientOrderId' = 'c5';
  INSERT INTO execution.fills (id, order_id, exchange_fill_id, quantity, price, fee) VALUES
    ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-000000000002', 'paper-f1', 1, 40, 0.5),
    ('00000000-0000-0000-0000-0000000000f2', '00000000-0000-0000-0000-000000000002', 'paper-f2', 1, 60, 0.75);
  INSERT INTO portfolio.ledger (account_id, symbol, fill_id, transfer_id, quantity, cost, at) VALUES
    ('00000000-0000-0000-0000-00000000000a', 'X', NULL, '00000000-0000-0000-0000-0000000000f0', 5, 0, now()),
    ('00000000-0000-0000-0000-00000000000a', 'X', '00000000-0000-0000-0000-0000000000f1', NULL, 1, 40.5, now()),
    ('00000000-0000-0000-0000-00000000000a', 'X', '00000000-0000-0000-0000-0000000000f2', NULL, 1, 60.75, now());
  INSERT INTO execution.order_events (order_id, version, type, from_status, to_status, data) VALUES
    ('00000000-0000-0000-0000-000000000002', 2, 'PARTLY_FILLED', 'OPEN', 'PARTIALLY_FILLED',
     '{"fillId": "00000000-0000-0000-0000-0000000000f1", "quantity": "1", "price": "40", "filledQuantity": "1", "averageFillPrice": "40", "reservedCash": "60", "reservedQuantity": "0"}'),
    ('00000000-0000-0000-0000-000000000002', 3, 'FILLED', 'PARTIALLY_FILLED', 'FILLED',
     '{"fillId": "00000000-0000-0000-0000-0000000000f2", "quantity": "1", "price": "60", "filledQuantity": "2", "averageFillPrice": "50", "reservedCash": "0", "reservedQuantity": "0"}');
  UPDATE execution.orders SET status = 'FILLED', version = 3, filled_quantity = 2, average_fill_price = 50, reserved_cash = 0
   WHERE client_order_id = 'c2';
  INSERT INTO execution.portfolio_events_outbox (order_id, type, payload, processed_at)
  SELECT order_id, 'ORDER_' || type, '{}', now() FROM execution.order_events;
  INSERT INTO portfolio.activity (event_id, account_id, order_id, type, data, at)
  SELECT id, '00000000-0000-0000-0000-00000000000a', order_id, type, payload, created_at FROM execution.portfolio_events_outbox;
  INSERT INTO execution.quarantined_reports (order_id, report_key, reason, report) VALUES
    ('00000000-0000-0000-0000-000000000002', 'fill beyond', 'OVERFILL', '{"fill": {"exchangeFillId": "f9", "quantity": "1", "price": "40"}}');
  INSERT INTO risk.kill_switch_events (version, from_state, to_state, reason, changed_by, at) VALUES
    (2, 'ACTIVE', 'HALTED', 'test', 'test', '2020-01-01Z'), (3, 'HALTED', 'ACTIVE', 'test', 'test', '2020-01-02Z');
  UPDATE risk.kill_switch SET version = 3`;

/** For each invariant, what breaks it: planted behind the back of triggers and foreign keys. */
const breaks: Record<string, readonly string[]> = {
  'the cash of an account is what was deposited, less what was bought, plus what was sold, less the fees': [
    "UPDATE portfolio.accounts SET cash = cash + 0.0000000000000001 WHERE name = 'a'",
    'DELETE FROM portfolio.deposits',
    "UPDATE execution.fills SET fee = 0 WHERE exchange_fill_id = 'paper-f1'",
    "UPDATE execution.orders SET side = 'SELL', reserved_cash = 0 WHERE client_order_id = 'c2'",
  ],
  'the cash of all accounts together is what was deposited, less what was spent on fills': [
    "DELETE FROM portfolio.accounts WHERE name = 'a'",
    "DELETE FROM execution.fills WHERE exchange_fill_id = 'paper-f1'",
  ],
  'a position is what was transferred, plus what was bought, less what was sold': [
    'UPDATE portfolio.positions SET quantity = quantity + 0.00000001',
    'DELETE FROM portfolio.positions',
    'DELETE FROM portfolio.transfers',
    "DELETE FROM execution.fills WHERE exchange_fill_id = 'paper-f2'",
  ],
  'the cash that an account reserves is what its orders hold': [
    "UPDATE portfolio.accounts SET reserved = 49 WHERE name = 'a'",
    "DELETE FROM execution.orders WHERE client_order_id = 'c1'",
    "DELETE FROM portfolio.accounts WHERE name = 'a'",
  ],
  'the holdings that a position reserves are what its orders hold': [
    'UPDATE portfolio.positions SET reserved = 2',
    'DELETE FROM portfolio.positions',
  ],
  'the running totals of an account are its deposits, and its fills with their fees': [
    "UPDATE portfolio.accounts SET deposited = deposited + 0.01 WHERE name = 'a'",
    "UPDATE portfolio.accounts SET spent = 0 WHERE name = 'a'",
    "UPDATE execution.fills SET fee = 0 WHERE exchange_fill_id = 'paper-f1'",
  ],
  'the running totals of a position are those of its ledger': [
    'UPDATE portfolio.positions SET booked = booked - 1',
    'UPDATE portfolio.positions SET invested = 0',
    'DELETE FROM portfolio.ledger WHERE transfer_id IS NOT NULL',
  ],
  'every fill and every transfer stands in the ledger once, with what it cost': [
    'DELETE FROM portfolio.ledger WHERE transfer_id IS NOT NULL',
    "DELETE FROM execution.fills WHERE exchange_fill_id = 'paper-f2'",
    'UPDATE portfolio.ledger SET cost = cost + 1 WHERE fill_id IS NOT NULL',
  ],
  'the fee of a fill in our own book is that of the rate agreed with its order': [
    "UPDATE execution.fills SET fee = 0.51 WHERE exchange_fill_id = 'paper-f1'",
    'UPDATE execution.orders SET fee_bps = 0',
  ],
  'no balance, position or reservation is negative': [
    "ALTER TABLE portfolio.accounts DROP CONSTRAINT accounts_cash_check; UPDATE portfolio.accounts SET cash = -1 WHERE name = 'b'",
    'ALTER TABLE portfolio.positions DROP CONSTRAINT positions_reserved_check; UPDATE portfolio.positions SET reserved = quantity + 1',
    "ALTER TABLE execution.orders DROP CONSTRAINT orders_reserved_check; UPDATE execution.orders SET reserved_cash = -1 WHERE client_order_id = 'c1'",
  ],
  'an order is filled by its fills, at their average price, and never beyond its quantity': [
    "DELETE FROM execution.fills WHERE exchange_fill_id = 'paper-f2'",
    "UPDATE execution.fills SET price = 61 WHERE exchange_fill_id = 'paper-f2'",
    "DELETE FROM execution.orders WHERE client_order_id = 'c2'",
    `ALTER TABLE execution.orders DROP CONSTRAINT orders_filled_quantity_check, DROP CONSTRAINT orders_filled_status_check;
     UPDATE execution.orders SET quantity = 1 WHERE client_order_id = 'c2'`,
    "INSERT INTO execution.fills VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'f3', 1, 40)",
  ],
  'an order that has ended holds nothing back': [
    `ALTER TABLE execution.orders DROP CONSTRAINT orders_terminal_reserves_nothing_check;
     UPDATE execution.orders SET reserved_cash = 1 WHERE client_order_id = 'c2'`,
  ],
  'the status of an order is the one that its last event left': [
    "UPDATE execution.orders SET status = 'CANCELED', reserved_cash = 0 WHERE client_order_id = 'c1'",
    "UPDATE execution.orders SET version = 2 WHERE client_order_id = 'c1'",
    "DELETE FROM execution.order_events WHERE order_id = '00000000-0000-0000-0000-000000000001'",
    "DELETE FROM execution.orders WHERE client_order_id = 'c1'",
  ],
  'the events of an order follow one another without a gap, each by an allowed transition': [
    "UPDATE execution.order_events SET version = 5 WHERE type = 'FILLED'",
    "UPDATE execution.order_events SET from_status = 'PENDING' WHERE type = 'FILLED'",
    "DELETE FROM execution.order_transitions WHERE from_status = 'PARTIALLY_FILLED' AND to_status = 'FILLED'",
    "DELETE FROM execution.order_events WHERE order_id = '00000000-0000-0000-0000-000000000002' AND version = 1",
  ],
  'folding the events of an order gives its row': [
    "UPDATE execution.orders SET price = 51 WHERE client_order_id = 'c1'",
    "UPDATE execution.orders SET expire_at = '2031-01-01Z' WHERE client_order_id = 'c1'",
    "UPDATE execution.orders SET reserved_cash = 49 WHERE client_order_id = 'c1'",
    "UPDATE execution.orders SET average_fill_price = 51 WHERE client_order_id = 'c2'",
    "DELETE FROM execution.order_events WHERE order_id = '00000000-0000-0000-0000-000000000001'",
  ],
  'a report that is kept back is not booked as well': [
    `UPDATE execution.quarantined_reports SET report = '{"fill": {"exchangeFillId": "paper-f1", "quantity": "1.0", "price": "40"}}'`,
  ],
  'every stored reply names the order that was made under its key, for the same account': [
    "DELETE FROM execution.orders WHERE client_order_id = 'c1'",
    "UPDATE execution.orders SET account_id = '00000000-0000-0000-0000-00000000000b' WHERE client_order_id = 'c1'",
    "UPDATE execution.idempotency_keys SET response_body = '{}' WHERE key = 'k1'",
  ],
  'the counters that limits are held against are what the open orders say': [
    'UPDATE risk.open_exposure SET open_orders = 1',
    'UPDATE risk.open_exposure SET open_buy_quantity = 0',
    'DELETE FROM risk.open_exposure',
  ],
  'what counts against the daily limit is what the accepted orders of the day are worth': [
    'UPDATE risk.daily_usage SET ordered_notional = 1',
    "UPDATE execution.orders SET notional = 50 WHERE client_order_id = 'c1'",
  ],
  'the profits of all days are what cash and cost are above what came from outside': [
    'UPDATE risk.daily_usage SET realised = 1',
    'UPDATE portfolio.positions SET cost = cost + 1',
  ],
  'the kill switch stands where its last event left it': [
    "UPDATE risk.kill_switch SET state = 'HALTED'",
    'DELETE FROM risk.kill_switch_events',
    'DELETE FROM risk.kill_switch',
  ],
  'no order was taken while trading was halted': [
    "UPDATE execution.orders SET created_at = '2020-01-01T12:00:00Z' WHERE client_order_id = 'c4'",
  ],
  'a fill is booked once, and one event tells of it': [
    "DELETE FROM execution.fills WHERE exchange_fill_id = 'paper-f1'",
    "DELETE FROM execution.order_events WHERE type = 'PARTLY_FILLED'",
    `UPDATE execution.order_events SET data = data || '{"fillId": "00000000-0000-0000-0000-0000000000f1"}' WHERE type = 'FILLED'`,
  ],
  'no two keys made the same order': [
    "UPDATE execution.idempotency_keys SET order_id = '00000000-0000-0000-0000-000000000001' WHERE key = 'k2'",
  ],
  'a paper order never left for a venue': ["UPDATE execution.orders SET mode = 'PAPER' WHERE client_order_id = 'c5'"],
  'an order whose outcome nobody knows holds what it may still need': [
    "UPDATE execution.orders SET reserved_quantity = 0 WHERE client_order_id = 'c5'",
  ],
  'what happened to an order was put into the outbox': [
    "DELETE FROM execution.portfolio_events_outbox WHERE type = 'ORDER_FILLED'",
  ],
  'what left the outbox became activity of the account once, and nothing else did': [
    'DELETE FROM portfolio.activity',
    'UPDATE execution.portfolio_events_outbox SET processed_at = NULL',
    "DELETE FROM execution.portfolio_events_outbox WHERE type = 'ORDER_FILLED'",
    "UPDATE portfolio.activity SET account_id = '00000000-0000-0000-0000-00000000000b'",
  ],
};

let postgres: ThrowawayPostgres;
let url: string;

beforeAll(async () => {
  postgres = await startThrowawayPostgres();
  url = await postgres.createDatabase('invariants');
  const [program = '', ...args] = migrate;
  await execOrThrow(program, args, { cwd: root, env: { PATH: tools.environment.PATH, DATABASE_URL: url } });
  await withDatabase(url, (database) => database.query(world));
});
afterAll(() => postgres.close());

/** What the invariants say after a change, which is taken back. */
async function seenAfter(change: string, database: Database) {
  await database.query(`BEGIN; SET LOCAL session_replication_role = replica; ${change}`);
  try {
    return await readInvariants(database, invariants);
  } finally {
    await database.query('ROLLBACK');
  }
}

test('all hold in a world in which all is right, and each looks at something', async () => {
  const seen = await withDatabase(url, (database) => readInvariants(database, invariants));
  expect(seen.filter(({ violations }) => violations > 0)).toEqual([]);
  expect(seen.filter(({ looksAt }) => looksAt === 0)).toEqual([]);
});

test('for each there is something that breaks it', () => {
  expect(Object.keys(breaks)).toEqual(invariants.map(({ name }) => name));
});

const planted = Object.entries(breaks).flatMap(([name, changes]) => changes.map((change) => ({ name, change })));

test.each(planted)('$name: $change', async ({ name, change }) => {
  const seen = await withDatabase(url, (database) => seenAfter(change, database));
  const broken = seen.filter(({ violations }) => violations > 0);
  expect(broken.map((invariant) => invariant.name)).toContain(name);
  expect(broken.every(({ examples }) => examples.length > 0)).toBe(true);
});
