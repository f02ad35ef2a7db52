/** Its database: migrations, seed, the role it connects as, and what it must refuse. */
import type { ConfigInput } from 'preflight';
import { FILL, HOT_QUERIES } from '../service/src/db/hot-queries.ts';
import { INVARIANTS } from '../service/src/db/invariants.ts';
import { recorded } from './records.ts';

/** What the seed prints, as far as it is used here. */
interface Seeded {
  traders: { key: string }[];
  viewer: string;
  operator: string;
  admin: string;
  limited: { key: string; accountId: string };
}

export const database: ConfigInput['database'] = {
  migrations: 'migrations/*.sql',
  bookkeeping: 'public.pgmigrations',
  migrate: ['node', 'service/src/migrate.ts', 'up'],
  applyNext: ['node', 'service/src/migrate.ts', 'up', '--count', '1'],
  revertLast: ['node', 'service/src/migrate.ts', 'down', '--count', '1'],
  steps: ['node', 'service/src/migrate.ts', 'steps'],
  seed: ['node', 'service/src/seed.ts', '--traders', '10', '--wide-limits', '--json'],
  credentials: (seedOutput) => {
    const { traders, viewer, operator, admin, limited } = JSON.parse(seedOutput) as Seeded;
    return {
      writers: traders.map(({ key }) => key),
      operator,
      limited: { key: limited.key, account: limited.accountId },
      roles: { viewer, trader: traders[0]?.key ?? '', operator, admin },
    };
  },
  requiredIndexes: [
    {
      name: 'orders_status_idx',
      table: 'execution.orders',
      columns: ['status'],
      serves: "SELECT count(*) FROM execution.orders WHERE status = 'UNKNOWN'",
    },
    {
      name: 'orders_expire_at_idx',
      table: 'execution.orders',
      columns: ['expire_at'],
      serves: 'SELECT id FROM execution.orders WHERE expire_at <= now()',
    },
    {
      name: 'orders_created_at_idx',
      table: 'execution.orders',
      columns: ['created_at'],
      serves: 'SELECT id, status FROM execution.orders ORDER BY created_at DESC LIMIT 1',
    },
    {
      name: 'orders_account_created_idx',
      table: 'execution.orders',
      columns: ['account_id', 'created_at DESC', 'id DESC'],
      serves: `SELECT id FROM execution.orders WHERE account_id = '00000000-0000-7000-8000-000000000000'
                ORDER BY created_at DESC, id DESC LIMIT 50`,
    },
    {
      name: 'orders_resting_idx',
      table: 'execution.orders',
      columns: ['symbol', 'side', 'price', 'created_at', 'id'],
      serves: `SELECT id FROM execution.orders WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER'
                  AND symbol = 'BTCUSDT' AND side = 'SELL' AND price <= 100 ORDER BY price, created_at, id LIMIT 100`,
    },
    {
      name: 'orders_resting_buys_idx',
      table: 'execution.orders',
      columns: ['symbol', 'price DESC', 'created_at', 'id'],
      serves: `SELECT id FROM execution.orders WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER'
                  AND symbol = 'BTCUSDT' AND side = 'BUY' AND price >= 100 ORDER BY price DESC, created_at, id LIMIT 100`,
    },
    {
      name: 'orders_immediate_idx',
      table: 'execution.orders',
      columns: ['created_at', 'id'],
      serves: `SELECT id FROM execution.orders WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER'
                  AND (time_in_force = 'IOC' OR type = 'MARKET') ORDER BY created_at, id LIMIT 100`,
    },
    {
      name: 'orders_due_idx',
      table: 'execution.orders',
      columns: ['expire_at'],
      serves: `SELECT id FROM execution.orders WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND mode = 'PAPER'
                  AND expire_at <= now() ORDER BY expire_at LIMIT 100`,
    },
    {
      name: 'outbox_unprocessed_idx',
      table: 'execution.portfolio_events_outbox',
      columns: ['id'],
      serves: 'SELECT id FROM execution.portfolio_events_outbox WHERE processed_at IS NULL ORDER BY id LIMIT 100',
    },
    {
      name: 'api_keys_digest_key',
      table: 'access.api_keys',
      columns: ['digest'],
      serves: "SELECT id FROM access.api_keys WHERE digest = ''",
    },
    {
      name: 'fills_exchange_fill_id_key',
      table: 'execution.fills',
      columns: ['exchange_fill_id'],
      serves: "SELECT id FROM execution.fills WHERE exchange_fill_id = 'none'",
    },
  ],
  // The SQL stands in the service, beside the tables that it is about: `npm run audit` asks the same.
  invariants: [...INVARIANTS],
};

export const databaseRole: ConfigInput['databaseRole'] = {
  name: 'order_service',
  appendOnly: recorded,
};

export const connections: ConfigInput['connections'] = {
  // Requests 10, probes 2, kill switch 2, workers 8, and one that listens for events.
  perProcess: 23,
  processes: 3,
};

export const refusals: ConfigInput['refusals'] = [
  {
    name: 'the same fill of a venue twice',
    given: [
      `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force, status)
       SELECT '00000000-0000-7001-8000-00000000beef', a.id, 'refused', i.symbol, 'BUY', 'LIMIT', 2, 100, 'LIVE', 'GTC', 'OPEN'
       FROM (SELECT id FROM portfolio.accounts LIMIT 1) a, (SELECT symbol FROM market.instruments LIMIT 1) i`,
      `INSERT INTO execution.fills (id, order_id, exchange_fill_id, quantity, price)
       VALUES (gen_random_uuid(), '00000000-0000-7001-8000-00000000beef', 'preflight 1', 1, 100)`,
    ],
    attempt: `INSERT INTO execution.fills (id, order_id, exchange_fill_id, quantity, price)
              VALUES (gen_random_uuid(), '00000000-0000-7001-8000-00000000beef', 'preflight 1', 1, 100)`,
    by: 'fills_exchange_fill_id_key',
  },
  {
    name: 'cash from nowhere',
    attempt: 'UPDATE portfolio.accounts SET cash = cash + 0.01',
    by: 'accounts_are_conserved',
  },
  {
    name: 'holdings from nowhere',
    attempt: 'UPDATE portfolio.positions SET quantity = quantity + 0.001',
    by: 'positions_are_conserved',
  },
  { name: 'cash below nothing', attempt: 'UPDATE portfolio.accounts SET cash = -1', by: 'accounts_cash_check' },
  {
    name: 'a deposit by the service',
    attempt: `INSERT INTO portfolio.deposits (id, account_id, amount, note)
              SELECT gen_random_uuid(), id, 1, 'preflight' FROM portfolio.accounts LIMIT 1`,
    by: '42501',
  },
  {
    name: 'an order of an account that does not exist',
    attempt: `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force, status)
              SELECT gen_random_uuid(), gen_random_uuid(), 'refused', symbol, 'BUY', 'LIMIT', 2, 100, 'LIVE', 'GTC', 'OPEN'
              FROM market.instruments LIMIT 1`,
    // The counters of its exposure are written first, and point at the same account.
    by: '23503',
  },
  {
    name: 'an order that begins as filled',
    attempt: `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force,
                status, filled_quantity, average_fill_price)
              SELECT gen_random_uuid(), a.id, 'refused', i.symbol, 'BUY', 'LIMIT', 2, 100, 'LIVE', 'GTC', 'FILLED', 2, 100
              FROM (SELECT id FROM portfolio.accounts LIMIT 1) a, (SELECT symbol FROM market.instruments LIMIT 1) i`,
    by: 'order_transitions',
  },
  { name: 'an event that is taken back', attempt: 'DELETE FROM execution.order_events', by: '42501' },
  { name: 'a fill that is changed', attempt: 'UPDATE execution.fills SET price = 1', by: '42501' },
  { name: 'a ledger that is emptied', attempt: 'TRUNCATE portfolio.ledger', by: '42501' },
  {
    name: 'a trigger that is switched off',
    attempt: 'ALTER TABLE execution.orders DISABLE TRIGGER ALL',
    by: '42501',
  },
  { name: 'triggers that are passed by', attempt: 'SET LOCAL session_replication_role = replica', by: '42501' },
];

/** `PLAN_ROWS=10000000`: the long form goes on to so many rows, which takes minutes and gigabytes (GROWTH.md). */
const { PLAN_ROWS: planRows } = process.env;

export const hotQueries: ConfigInput['hotQueries'] = {
  table: 'execution.orders',
  longSizes: [10_000, 100_000, 1_000_000, ...(planRows === undefined ? [] : [Number(planRows)])],
  // The texts stand in the service, beside the tables that they are about.
  fill: [...FILL],
  queries: HOT_QUERIES.map((query) => ({ ...query })),
};

export const migrations: ConfigInput['migrations'] = {
  checksums: 'migrations.sha256',
  safeFrom: '0050_service_role.sql',
  exceptions: [
    {
      file: 'migrations/0067_unused_indexes.sql',
      rule: 'require-concurrent-index-deletion',
      reason: 'Nothing is read to drop an index, and both tables are written to once a minute at most.',
    },
    {
      file: 'migrations/0067_unused_indexes.sql',
      rule: 'require-concurrent-index-creation',
      reason: 'The way back alone builds them, on a row per strategy and one per reconciliation.',
    },
  ],
};

export const statements: ConfigInput['statements'] = {
  // One of them finds the key, and the lockouts of its address.
  reads: [
    { path: '/api/v1/orders?limit=50', most: 2 },
    { path: '/api/v1/portfolio', most: 2 },
    { path: '/api/v1/fills', most: 2 },
    { path: '/api/v1/activity', most: 2 },
  ],
  mostPerWrite: 5,
  known: [
    {
      pattern: 'AS repaired, .* AS before|SELECT DISTINCT account_id FROM|count.* FROM portfolio\\.accounts\\) \\+',
      reason:
        'The reconciliation compares every order that changed within an hour with its fills, and accounts with what open ' +
        'orders hold, once a minute.',
    },
    { pattern: 'breaks AS|traded AS', reason: 'The audit of all books adds up every fill, on purpose, and rarely.' },
  ],
  rareIndexes: [
    {
      index: 'access.auth_failures_expires_at_idx',
      reason: 'Failures whose time is over are removed when somebody next comes with a wrong key.',
    },
    {
      index: 'execution.quarantined_reports_unresolved_idx',
      reason: 'Operators look for reports that wait for them, on the day on which a venue contradicts itself.',
    },
    {
      index: 'portfolio.webhook_deliveries_due_idx',
      reason: 'What is to be delivered is looked for where a webhook is configured; most sandboxes have none.',
    },
    {
      index: 'portfolio.webhook_deliveries_dead_idx',
      reason: 'Operators look for deliveries that were given up, to have them tried again.',
    },
  ],
};
