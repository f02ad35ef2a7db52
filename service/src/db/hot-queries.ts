import { PROJECT_SQL } from './activity.ts';
import { EXPIRE_DUE_SQL } from './expire-orders.ts';
import { EXECUTE_SQL, UNPRICED_SQL } from './limit-orders.ts';
import { ORDER_COLUMNS } from './orders.ts';
import { READ_PLACEMENT_SQL } from './place-order.ts';

/** A query that runs for every request or every cycle, with the values that it is planned with. */
export interface HotQuery {
  readonly name: string;
  readonly sql: string;
  readonly values: (string | number | null)[];
}

/**
 * Writes the orders with the numbers $1 to $2, and what belongs to them. Each number says what its order is, so that two
 * databases of one size are alike: of a hundred orders two rest, one was denied, sixty were filled, and the others were
 * canceled. 100 accounts, ten symbols; a tenth of the orders has fills, activity and a stored reply.
 */
export const FILL: readonly string[] = [
  `INSERT INTO market.instruments (symbol, asset_class, venue, tick_size, lot_size, min_notional)
   SELECT 'S' || s, 'crypto', 'paper', 0.01, 0.001, 1 FROM generate_series(0, 9) s WHERE $1::integer <= $2::integer
   ON CONFLICT DO NOTHING`,
  `INSERT INTO market.quotes (symbol, bid, ask, as_of) SELECT symbol, 99, 101, now() FROM market.instruments
   WHERE symbol LIKE 'S_' AND $1::integer <= $2::integer ON CONFLICT (symbol) DO UPDATE SET as_of = now()`,
  `INSERT INTO portfolio.accounts (id, name, cash, reserved)
   SELECT ('00000000-0000-7000-8000-' || lpad(a::text, 12, '0'))::uuid, 'filled ' || a, 0, 1e15 FROM generate_series(0, 99) a
   WHERE $1::integer <= $2::integer ON CONFLICT DO NOTHING`,
  `INSERT INTO portfolio.positions (account_id, symbol, quantity)
   SELECT id, 'S' || s, 1000 FROM portfolio.accounts, generate_series(0, 9) s WHERE $1::integer <= $2::integer
   ON CONFLICT DO NOTHING`,
  `INSERT INTO access.api_keys (id, prefix, digest, role, account_id)
   SELECT gen_random_uuid(), 'k' || lpad(right(a.id::text, 7), 7, '0'), sha256(a.id::text::bytea), 'trader', a.id
   FROM portfolio.accounts a WHERE $1::integer <= $2::integer ON CONFLICT DO NOTHING`,
  `INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force,
     status, version, filled_quantity, average_fill_price, denial_reason, created_at, expire_at)
   SELECT ('00000000-0000-7001-8000-' || lpad(n::text, 12, '0'))::uuid,
     ('00000000-0000-7000-8000-' || lpad((n % 100)::text, 12, '0'))::uuid, n::text, 'S' || n / 7 % 10, side, 'LIMIT', 1,
     CASE WHEN n % 5000 = 1 THEN 100 WHEN side = 'BUY' THEN 50 + n % 4900 * 0.01 ELSE 102 + n % 4900 * 0.01 END,
     'PAPER', CASE WHEN n % 50 = 0 THEN 'GTD' ELSE 'GTC' END, status, 2, CASE status WHEN 'FILLED' THEN 1 ELSE 0 END,
     CASE status WHEN 'FILLED' THEN 100 END, CASE status WHEN 'DENIED' THEN 'INSUFFICIENT_CASH' END,
     timestamptz '2026-01-01' + n * interval '1 second',
     CASE WHEN n % 50 = 0 THEN now() + (n - 500) * interval '1 minute' END
   FROM generate_series($1::integer, $2::integer) n,
     LATERAL (SELECT CASE n / 3 % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END AS side) s,
     LATERAL (SELECT CASE WHEN n % 100 < 2 THEN 'OPEN' WHEN n % 100 = 2 THEN 'DENIED' WHEN n % 100 < 63 THEN 'FILLED'
       ELSE 'CANCELED' END AS status) t`,
  `INSERT INTO execution.order_events (order_id, version, type, to_status, data)
   SELECT id, 1, 'OPENED', 'OPEN', '{}' FROM execution.orders o
   WHERE client_order_id ~ '^[0-9]+$' AND client_order_id::integer BETWEEN $1::integer AND $2::integer
     AND client_order_id::integer % 2 = 1`,
  `WITH filled AS (
     INSERT INTO execution.fills (id, order_id, exchange_fill_id, quantity, price)
     SELECT gen_random_uuid(), ('00000000-0000-7001-8000-' || lpad(n::text, 12, '0'))::uuid, 'filled ' || n, 1, 100
     FROM generate_series($1::integer, $2::integer) n WHERE n % 10 = 3 RETURNING id, order_id)
   INSERT INTO portfolio.ledger (account_id, symbol, fill_id, quantity, cost, at)
   SELECT o.account_id, o.symbol, f.id, CASE o.side WHEN 'BUY' THEN 1 ELSE -1 END, 100, o.created_at
   FROM filled f JOIN execution.orders o ON o.id = f.order_id`,
  `WITH told AS (
     INSERT INTO execution.portfolio_events_outbox (order_id, type, payload, created_at, processed_at)
     SELECT ('00000000-0000-7001-8000-' || lpad(n::text, 12, '0'))::uuid, 'ORDER_OPENED', '{}', now(),
       CASE WHEN n > 1000 THEN now() END
     FROM generate_series($1::integer, $2::integer) n WHERE n % 10 = 3 RETURNING id, order_id, type, created_at, processed_at)
   INSERT INTO portfolio.activity (event_id, account_id, order_id, type, data, at)
   SELECT t.id, o.account_id, t.order_id, t.type, '{}', t.created_at
   FROM told t JOIN execution.orders o ON o.id = t.order_id WHERE t.processed_at IS NOT NULL`,
  `INSERT INTO execution.idempotency_keys (account_id, key, request_hash, order_id, response_status, response_body, created_at)
   SELECT o.account_id, o.client_order_id, 'hash', o.id, 201, '{}', now() - o.client_order_id::integer * interval '1 minute'
   FROM execution.orders o WHERE o.client_order_id ~ '^[0-9]+5$' AND o.client_order_id::integer BETWEEN $1::integer AND $2::integer`,
];

const ACCOUNT = '00000000-0000-7000-8000-000000000003';
const ORDER = '00000000-0000-7001-8000-000000000103';
const QUOTE_MAX_AGE_MS = 600_000;

/** What the service asks all day, as it asks it: the texts are its own, or stand beside the ones that they follow. */
export const HOT_QUERIES: readonly HotQuery[] = [
  {
    name: 'what a placement is decided on',
    sql: READ_PLACEMENT_SQL,
    values: [ACCOUNT, 'no such key', 'S1', QUOTE_MAX_AGE_MS, 'no such order'],
  },
  {
    name: 'a cycle of the limit processor',
    sql: EXECUTE_SQL,
    values: [QUOTE_MAX_AGE_MS, 500, null, '{24x7}', '{24x7}'],
  },
  { name: 'symbols without a price', sql: UNPRICED_SQL, values: [QUOTE_MAX_AGE_MS, '{24x7}'] },
  { name: 'orders whose time is over', sql: EXPIRE_DUE_SQL, values: [500, null] },
  { name: 'the projection of the outbox', sql: PROJECT_SQL, values: [500, 'false'] },
  {
    name: 'the key of a request',
    sql: `SELECT k.id, k.role, k.account_id FROM (
            SELECT max(locked_until) AS locked_until FROM access.auth_failures
            WHERE address = '192.0.2.1'::cidr AND prefix IN ('', $1::text) AND expires_at > now()
          ) f LEFT JOIN access.api_keys k ON k.digest = $2::bytea`,
    values: ['none', '\\x00'],
  },
  {
    name: 'an order of an account',
    sql: `SELECT ${ORDER_COLUMNS} FROM execution.orders o WHERE o.id = $1::uuid AND ($2::uuid IS NULL OR o.account_id = $2::uuid)`,
    values: [ORDER, ACCOUNT],
  },
  {
    name: 'the newest orders of an account',
    sql: `SELECT ${ORDER_COLUMNS} FROM execution.orders o WHERE o.account_id = $1::uuid
          ORDER BY o.account_id, o.created_at DESC, o.id DESC LIMIT $2::integer`,
    values: [ACCOUNT, 50],
  },
  {
    name: 'the events of an order',
    sql: `SELECT e.* FROM execution.order_events e JOIN execution.orders o ON o.id = e.order_id
          WHERE e.order_id = $1::uuid AND ($2::uuid IS NULL OR o.account_id = $2::uuid) ORDER BY e.version LIMIT 1000`,
    values: [ORDER, ACCOUNT],
  },
  {
    name: 'the newest fills of an account',
    sql: `SELECT l.seq, f.id FROM portfolio.ledger l JOIN execution.fills f ON f.id = l.fill_id JOIN execution.orders o ON o.id = f.order_id
          WHERE l.account_id = $1::uuid ORDER BY l.seq DESC LIMIT $2::integer`,
    values: [ACCOUNT, 50],
  },
  {
    name: 'the newest activity of an account',
    sql: `SELECT a.event_id, d.status FROM portfolio.activity a LEFT JOIN portfolio.webhook_deliveries d ON d.event_id = a.event_id
          WHERE a.account_id = $1::uuid ORDER BY a.event_id DESC LIMIT $2::integer`,
    values: [ACCOUNT, 50],
  },
  {
    name: 'replies that nobody may ask for any more',
    sql: `SELECT account_id, key FROM execution.idempotency_keys WHERE created_at < now() - $1::float8 * interval '1 millisecond'
          ORDER BY created_at LIMIT $2::integer FOR UPDATE SKIP LOCKED`,
    values: [259_200_000, 100],
  },
  {
    name: 'orders that wait for a venue',
    sql: `SELECT count(*) FROM execution.orders WHERE status IN ('PENDING', 'SUBMITTING', 'UNKNOWN', 'PENDING_CANCEL')`,
    values: [],
  },
];
