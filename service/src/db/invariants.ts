/** What always holds of the books. `npm run audit` asks it of a database, preflight of every sandbox and restored copy. */
export interface Invariant {
  readonly name: string;
  /** Counts the rows that it is about: with none, nothing was shown. */
  readonly looksAt: string;
  /** Selects the rows that break it. */
  readonly violations: string;
}

/** Each is asked on its own and reads only. */
export const INVARIANTS: readonly Invariant[] = [
  {
    name: 'the cash of an account is what was deposited, less what was bought, plus what was sold, less the fees',
    looksAt: 'SELECT count(*) FROM portfolio.accounts',
    violations: `
      SELECT a.id, a.cash + a.reserved + coalesce(t.spent, 0) - coalesce(d.amount, 0) AS difference
        FROM portfolio.accounts a
        LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM portfolio.deposits GROUP BY account_id) d ON d.account_id = a.id
        LEFT JOIN (
          SELECT o.account_id, sum(CASE o.side WHEN 'BUY' THEN f.quantity * f.price ELSE -f.quantity * f.price END + f.fee) AS spent
            FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id GROUP BY o.account_id
        ) t ON t.account_id = a.id
       WHERE a.cash + a.reserved + coalesce(t.spent, 0) <> coalesce(d.amount, 0)`,
  },
  {
    name: 'the cash of all accounts together is what was deposited, less what was spent on fills',
    looksAt: 'SELECT count(*) FROM portfolio.deposits',
    violations: `
      SELECT * FROM (
        SELECT (SELECT coalesce(sum(cash + reserved), 0) FROM portfolio.accounts)
             + (SELECT coalesce(sum(CASE o.side WHEN 'BUY' THEN f.quantity * f.price ELSE -f.quantity * f.price END + f.fee), 0)
                  FROM execution.fills f LEFT JOIN execution.orders o ON o.id = f.order_id)
             - (SELECT coalesce(sum(amount), 0) FROM portfolio.deposits) AS difference
      ) total WHERE difference <> 0`,
  },
  {
    name: 'a position is what was transferred, plus what was bought, less what was sold',
    looksAt: 'SELECT count(*) FROM portfolio.positions',
    violations: `
      SELECT account_id, symbol, sum(quantity) AS difference FROM (
        SELECT account_id, symbol, quantity FROM portfolio.positions
        UNION ALL SELECT account_id, symbol, -quantity FROM portfolio.transfers
        UNION ALL SELECT o.account_id, o.symbol, CASE o.side WHEN 'BUY' THEN -f.quantity ELSE f.quantity END
                    FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id
      ) booked GROUP BY account_id, symbol HAVING sum(quantity) <> 0`,
  },
  {
    name: 'the cash that an account reserves is what its orders hold',
    looksAt: 'SELECT count(*) FROM portfolio.accounts',
    violations: `
      SELECT account_id, sum(reserved) AS difference FROM (
        SELECT id AS account_id, reserved FROM portfolio.accounts
        UNION ALL SELECT account_id, -reserved_cash FROM execution.orders
      ) held GROUP BY account_id HAVING sum(reserved) <> 0`,
  },
  {
    name: 'the holdings that a position reserves are what its orders hold',
    looksAt: 'SELECT count(*) FROM portfolio.positions',
    violations: `
      SELECT account_id, symbol, sum(reserved) AS difference FROM (
        SELECT account_id, symbol, reserved FROM portfolio.positions
        UNION ALL SELECT account_id, symbol, -reserved_quantity FROM execution.orders
      ) held GROUP BY account_id, symbol HAVING sum(reserved) <> 0`,
  },
  {
    name: 'the running totals of an account are its deposits, and its fills with their fees',
    looksAt: 'SELECT count(*) FROM portfolio.accounts',
    violations: `
      SELECT id, sum(deposited) AS deposited, sum(spent) AS spent FROM (
        SELECT id, deposited, spent FROM portfolio.accounts
        UNION ALL SELECT account_id, -amount, 0 FROM portfolio.deposits
        UNION ALL SELECT o.account_id, 0, CASE o.side WHEN 'BUY' THEN -f.quantity * f.price ELSE f.quantity * f.price END - f.fee
                    FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id
      ) total GROUP BY id HAVING sum(deposited) <> 0 OR sum(spent) <> 0`,
  },
  {
    name: 'the running totals of a position are those of its ledger',
    looksAt: 'SELECT count(*) FROM portfolio.positions',
    violations: `
      SELECT account_id, symbol, sum(booked) AS booked, sum(invested) AS invested FROM (
        SELECT account_id, symbol, booked, invested FROM portfolio.positions
        UNION ALL SELECT account_id, symbol, -quantity, -cost FROM portfolio.ledger
      ) total GROUP BY account_id, symbol HAVING sum(booked) <> 0 OR sum(invested) <> 0`,
  },
  {
    name: 'every fill and every transfer stands in the ledger once, with what it cost',
    looksAt: 'SELECT count(*) FROM portfolio.ledger',
    violations: `
      SELECT l.seq, l.fill_id, l.transfer_id, h.id FROM portfolio.ledger l FULL JOIN (
          SELECT f.id, o.account_id, o.symbol, CASE o.side WHEN 'BUY' THEN f.quantity ELSE -f.quantity END AS quantity,
                 CASE o.side WHEN 'BUY' THEN f.quantity * f.price ELSE -f.quantity * f.price END + f.fee AS cost
            FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id
          UNION ALL SELECT id, account_id, symbol, quantity, cost FROM portfolio.transfers
        ) h ON h.id = coalesce(l.fill_id, l.transfer_id)
       WHERE (l.account_id, l.symbol, l.quantity, l.cost) IS DISTINCT FROM (h.account_id, h.symbol, h.quantity, h.cost)`,
  },
  {
    name: 'the fee of a fill in our own book is that of the rate agreed with its order',
    looksAt: `SELECT count(*) FROM execution.fills WHERE exchange_fill_id LIKE 'paper-%'`,
    violations: `
      SELECT f.id, f.fee, o.fee_bps FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id
       WHERE f.exchange_fill_id LIKE 'paper-%' AND f.fee <> execution.fee(f.quantity * f.price, o.fee_bps)`,
  },
  {
    name: 'no balance, position or reservation is negative',
    looksAt: 'SELECT (SELECT count(*) FROM portfolio.accounts) + (SELECT count(*) FROM portfolio.positions)',
    violations: `
      SELECT 'account' AS kind, id::text, least(cash, reserved) AS lowest FROM portfolio.accounts WHERE least(cash, reserved) < 0
      UNION ALL SELECT 'position', account_id || ' ' || symbol, least(quantity - reserved, reserved, cost)
                  FROM portfolio.positions WHERE least(quantity - reserved, reserved, cost) < 0
      UNION ALL SELECT 'order', id::text, least(reserved_cash, reserved_quantity)
                  FROM execution.orders WHERE least(reserved_cash, reserved_quantity) < 0`,
  },
  {
    name: 'an order is filled by its fills, at their average price, and never beyond its quantity',
    looksAt: 'SELECT count(*) FROM execution.orders',
    // The average is kept with 16 digits: what repeated rounding may take from it is far below this.
    violations: `
      SELECT o.id, o.quantity, o.filled_quantity, f.quantity AS fills FROM execution.orders o
        FULL JOIN (SELECT order_id, sum(quantity) AS quantity, sum(quantity * price) AS value
                     FROM execution.fills GROUP BY order_id) f ON f.order_id = o.id
       WHERE o.id IS NULL OR o.filled_quantity > o.quantity OR o.filled_quantity <> coalesce(f.quantity, 0)
          OR (o.average_fill_price IS NULL) <> (f.quantity IS NULL)
          OR abs(o.average_fill_price - f.value / f.quantity) > 0.000000000001`,
  },
  {
    name: 'an order that has ended holds nothing back',
    looksAt: `SELECT count(*) FROM execution.orders WHERE status IN ('FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED')`,
    violations: `
      SELECT id, status, reserved_cash, reserved_quantity FROM execution.orders
       WHERE status IN ('FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED') AND (reserved_cash <> 0 OR reserved_quantity <> 0)`,
  },
  {
    name: 'the status of an order is the one that its last event left',
    looksAt: 'SELECT count(*) FROM execution.orders',
    violations: `
      SELECT o.id, o.status, o.version, e.to_status, e.version AS last_version FROM execution.orders o
        FULL JOIN (SELECT DISTINCT ON (order_id) order_id, version, to_status
                     FROM execution.order_events ORDER BY order_id, version DESC) e ON e.order_id = o.id
       WHERE (o.status, o.version) IS DISTINCT FROM (e.to_status, e.version)`,
  },
  {
    name: 'the events of an order follow one another without a gap, each by an allowed transition',
    looksAt: 'SELECT count(*) FROM execution.order_events',
    violations: `
      SELECT e.order_id, e.version, e.from_status, e.to_status FROM (
          SELECT *, row_number() OVER events AS place, lag(to_status) OVER events AS previous
            FROM execution.order_events WINDOW events AS (PARTITION BY order_id ORDER BY version)
        ) e
       WHERE e.version <> e.place OR e.from_status IS DISTINCT FROM e.previous
          OR (e.place > 1 AND NOT EXISTS (SELECT FROM execution.order_transitions t
                                           WHERE t.from_status = e.from_status AND t.to_status = e.to_status))`,
  },
  {
    name: 'folding the events of an order gives its row',
    looksAt: 'SELECT count(*) FROM execution.orders',
    violations: `
      SELECT o.id FROM execution.orders o
        LEFT JOIN (
          SELECT e.order_id, jsonb_object_agg(field.key, field.value ORDER BY e.version) FILTER (WHERE e.version = 1) AS ordered,
                 jsonb_object_agg(field.key, field.value ORDER BY e.version) AS latest
            FROM execution.order_events e, jsonb_each(e.data) AS field GROUP BY e.order_id
        ) e ON e.order_id = o.id
       WHERE (o.account_id::text, o.client_order_id, o.symbol, o.side, o.type, o.quantity, o.price, o.mode, o.time_in_force,
              o.expire_at, o.denial_reason, o.fee_bps) IS DISTINCT FROM
             (ordered->>'accountId', ordered->>'clientOrderId', ordered->>'symbol', ordered->>'side', ordered->>'type',
              (ordered->>'quantity')::numeric, (ordered->>'price')::numeric, ordered->>'mode', ordered->>'timeInForce',
              (ordered->>'expireAt')::timestamptz, ordered->>'denialReason', coalesce((ordered->>'feeBps')::numeric, 0))
          OR (o.filled_quantity, o.average_fill_price, o.reserved_cash, o.reserved_quantity) IS DISTINCT FROM
             (coalesce((latest->>'filledQuantity')::numeric, 0), (latest->>'averageFillPrice')::numeric,
              (latest->>'reservedCash')::numeric, (latest->>'reservedQuantity')::numeric)`,
  },
  {
    name: 'a report that is kept back is not booked as well',
    looksAt: 'SELECT count(*) FROM execution.quarantined_reports',
    violations: `
      SELECT q.id, q.order_id, f.id AS fill FROM execution.quarantined_reports q
        JOIN execution.fills f ON f.exchange_fill_id = q.report->'fill'->>'exchangeFillId' AND f.order_id = q.order_id
       WHERE q.resolved_at IS NULL AND CASE WHEN q.reason <> 'NOT_BOOKABLE' THEN
               f.quantity = (q.report->'fill'->>'quantity')::numeric AND f.price = (q.report->'fill'->>'price')::numeric END`,
  },
  {
    name: 'every stored reply names the order that was made under its key, for the same account',
    looksAt: 'SELECT count(*) FROM execution.idempotency_keys',
    violations: `
      SELECT k.account_id, k.key, k.order_id FROM execution.idempotency_keys k
        LEFT JOIN execution.orders o ON o.id = k.order_id
       WHERE o.account_id IS DISTINCT FROM k.account_id
          OR (k.response_status = 201 AND k.response_body::jsonb->>'id' IS DISTINCT FROM k.order_id::text)`,
  },
  {
    name: 'the counters that limits are held against are what the open orders say',
    looksAt: 'SELECT count(*) FROM risk.open_exposure',
    violations: `
      SELECT account_id, symbol, sum(orders) AS orders, sum(buys) AS buy_quantity FROM (
        SELECT account_id, symbol, open_orders AS orders, open_buy_quantity AS buys FROM risk.open_exposure
        UNION ALL
        SELECT account_id, symbol, -1, CASE side WHEN 'BUY' THEN filled_quantity - quantity ELSE 0 END
          FROM execution.orders WHERE status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED')
      ) counted GROUP BY account_id, symbol HAVING sum(orders) <> 0 OR sum(buys) <> 0`,
  },
  {
    name: 'what counts against the daily limit is what the accepted orders of the day are worth',
    looksAt: 'SELECT count(*) FROM risk.daily_usage',
    violations: `
      SELECT account_id, day, sum(notional) AS difference FROM (
        SELECT account_id, day, ordered_notional AS notional FROM risk.daily_usage
        UNION ALL SELECT account_id, (created_at AT TIME ZONE 'UTC')::date, -notional
                    FROM execution.orders WHERE status <> 'DENIED' AND notional IS NOT NULL
      ) counted GROUP BY account_id, day HAVING sum(notional) <> 0`,
  },
  {
    name: 'the profits of all days are what cash and cost are above what came from outside',
    looksAt: 'SELECT count(*) FROM portfolio.accounts',
    violations: `
      SELECT account_id, sum(value) AS difference FROM (
        SELECT id AS account_id, cash + reserved AS value FROM portfolio.accounts
        UNION ALL SELECT account_id, cost FROM portfolio.positions
        UNION ALL SELECT account_id, -amount FROM portfolio.deposits
        UNION ALL SELECT account_id, -cost FROM portfolio.transfers
        UNION ALL SELECT account_id, -realised FROM risk.daily_usage
      ) booked GROUP BY account_id HAVING sum(value) <> 0`,
  },
  {
    name: 'the kill switch stands where its last event left it',
    looksAt: 'SELECT count(*) FROM risk.kill_switch_events',
    violations: `
      SELECT s.state, s.version, e.to_state, e.version AS last_version FROM risk.kill_switch s
        FULL JOIN (SELECT version, to_state FROM risk.kill_switch_events ORDER BY version DESC LIMIT 1) e ON true
       WHERE (s.state, s.version) IS DISTINCT FROM (e.to_state, e.version)`,
  },
  {
    name: 'no order was taken while trading was halted',
    looksAt: `SELECT count(*) FROM risk.kill_switch_events WHERE to_state = 'HALTED'`,
    // An order that waited for the switch to be cleared began a little before that: by its lock timeout at most.
    violations: `
      SELECT o.id, o.created_at, s.halted_at, s.until FROM execution.orders o
        JOIN (SELECT to_state, at AS halted_at, coalesce(lead(at) OVER (ORDER BY version), 'infinity') AS until
                FROM risk.kill_switch_events) s ON s.to_state = 'HALTED'
       WHERE o.created_at > s.halted_at AND o.created_at < s.until - interval '1 minute'`,
  },
  {
    name: 'a fill is booked once, and one event tells of it',
    looksAt: 'SELECT count(*) FROM execution.fills',
    violations: `
      SELECT f.id, e.fill_id, e.told FROM execution.fills f
        FULL JOIN (SELECT order_id, data->>'fillId' AS fill_id, count(*) AS told FROM execution.order_events
                    WHERE data ? 'fillId' GROUP BY order_id, data->>'fillId') e ON e.fill_id = f.id::text AND e.order_id = f.order_id
       WHERE f.id IS NULL OR e.told IS DISTINCT FROM 1`,
  },
  {
    name: 'no two keys made the same order',
    looksAt: 'SELECT count(DISTINCT order_id) FROM execution.idempotency_keys',
    violations: 'SELECT order_id, count(*) FROM execution.idempotency_keys GROUP BY order_id HAVING count(*) > 1',
  },
  {
    name: 'a paper order never left for a venue',
    looksAt: `SELECT count(*) FROM execution.orders WHERE mode = 'PAPER'`,
    violations: `
      SELECT e.order_id, e.version, e.to_status FROM execution.order_events e JOIN execution.orders o ON o.id = e.order_id
       WHERE o.mode = 'PAPER' AND e.to_status IN ('SUBMITTING', 'UNKNOWN')`,
  },
  {
    name: 'an order whose outcome nobody knows holds what it may still need',
    looksAt: `SELECT count(*) FROM execution.orders WHERE status = 'UNKNOWN'`,
    violations: `SELECT id FROM execution.orders WHERE status = 'UNKNOWN' AND reserved_cash = 0 AND reserved_quantity = 0`,
  },
  {
    name: 'what happened to an order was put into the outbox',
    looksAt: `SELECT count(*) FROM execution.order_events WHERE type <> 'EXECUTION_FAILED'`,
    violations: `
      SELECT order_id, type, sum(told) AS missing FROM (
        SELECT order_id, type, 1 AS told FROM execution.order_events WHERE type <> 'EXECUTION_FAILED'
        UNION ALL SELECT order_id, substr(type, length('ORDER_') + 1), -1 FROM execution.portfolio_events_outbox
      ) told GROUP BY order_id, type HAVING sum(told) > 0`,
  },
  {
    name: 'what left the outbox became activity of the account once, and nothing else did',
    looksAt: 'SELECT count(*) FROM execution.portfolio_events_outbox',
    violations: `
      SELECT e.id, e.processed_at, a.event_id FROM execution.portfolio_events_outbox e
        LEFT JOIN execution.orders o ON o.id = e.order_id
        FULL JOIN portfolio.activity a ON a.event_id = e.id
       WHERE (e.processed_at IS NULL) <> (a.event_id IS NULL) OR e.id IS NULL
          OR (a.event_id IS NOT NULL AND (a.order_id, a.account_id, a.type) IS DISTINCT FROM (e.order_id, o.account_id, e.type))`,
  },
];
