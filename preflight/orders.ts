/** Orders, from the write that makes one to the books. */
import type { ConfigInput } from 'preflight';

export const write: ConfigInput['write'] = {
  request: {
    method: 'POST',
    path: '/api/v1/orders',
    body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '100.00', mode: 'PAPER' },
  },
  idempotencyHeader: 'Idempotency-Key',
  acceptedStatus: 201,
  idField: 'id',
  storedIds: 'SELECT id::text FROM execution.orders',
};

export const stateMachine: ConfigInput['stateMachine'] = {
  table: 'execution.orders',
  states: [
    ...['PENDING', 'SUBMITTING', 'UNKNOWN', 'OPEN', 'PARTIALLY_FILLED', 'PENDING_CANCEL'],
    ...['FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED'],
  ],
  initial: ['PENDING', 'OPEN', 'DENIED'],
  transitions: 'SELECT from_status, to_status FROM execution.order_transitions',
  begin: `
    INSERT INTO execution.orders (id, account_id, client_order_id, symbol, side, type, quantity, price, mode, time_in_force,
      status, filled_quantity, average_fill_price, denial_reason)
    SELECT gen_random_uuid(), a.id, gen_random_uuid(), i.symbol, 'BUY', 'LIMIT', 2, 100, 'LIVE', 'GTC', $1::text,
      CASE $1::text WHEN 'FILLED' THEN 2 WHEN 'PARTIALLY_FILLED' THEN 1 ELSE 0 END,
      CASE WHEN $1::text IN ('FILLED', 'PARTIALLY_FILLED') THEN 100 END, CASE $1::text WHEN 'DENIED' THEN 'INSUFFICIENT_CASH' END
    FROM (SELECT id FROM portfolio.accounts LIMIT 1) a, (SELECT symbol FROM market.instruments LIMIT 1) i RETURNING id`,
  move: `
    UPDATE execution.orders SET status = $2::text, version = version + 1, filled_quantity = greatest(filled_quantity,
        CASE $2::text WHEN 'FILLED' THEN quantity WHEN 'PARTIALLY_FILLED' THEN quantity / 2 ELSE 0 END),
      average_fill_price = coalesce(average_fill_price, CASE WHEN $2::text IN ('FILLED', 'PARTIALLY_FILLED') THEN price END)
    WHERE id = $1::uuid`,
  eventRequired: true,
};

export const orders: ConfigInput['orders'] = {
  state: `SELECT status, trim_scale(filled_quantity)::text, trim_scale(average_fill_price)::text,
            trim_scale(reserved_cash + reserved_quantity)::text FROM execution.orders WHERE id = $1::uuid`,
  resting: 'OPEN',
  filled: 'FILLED',
  expired: 'EXPIRED',
  limits: [
    {
      side: 'buy',
      request: {
        method: 'POST',
        path: '/api/v1/orders',
        body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '60000.00', mode: 'PAPER' },
      },
      limit: '60000',
      justMet: { bid: '59999.50', ask: '60000.00' },
      better: { bid: '59990.00', ask: '59991.23' },
    },
    {
      side: 'sell',
      request: {
        method: 'POST',
        path: '/api/v1/orders',
        body: { symbol: 'BTCUSDT', side: 'SELL', type: 'LIMIT', quantity: '0.001', price: '70000.00', mode: 'PAPER' },
      },
      limit: '70000',
      justMet: { bid: '70000.00', ask: '70000.50' },
      better: { bid: '70010.77', ask: '70011.00' },
    },
  ],
  expiring: {
    method: 'POST',
    path: '/api/v1/orders',
    body: {
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'LIMIT',
      quantity: '0.001',
      price: '100.00',
      mode: 'PAPER',
      timeInForce: 'GTD',
      expireAt: '{expiresAt}',
    },
  },
  expiry: { table: 'execution.orders', column: 'expire_at' },
  activity: {
    path: '/api/v1/activity',
    list: 'activity',
    id: 'orderId',
    kind: 'type',
    executed: 'ORDER_FILLED',
  },
};

export const portfolio: ConfigInput['portfolio'] = {
  request: { method: 'GET', path: '/api/v1/portfolio' },
  cash: 'cash',
  storedCash: 'SELECT trim_scale(cash)::text FROM portfolio.accounts WHERE id = $1::uuid',
  more: `WITH deposit AS (
      INSERT INTO portfolio.deposits (id, account_id, amount, note) VALUES (gen_random_uuid(), $1::uuid, 1, 'preflight') RETURNING 1)
    UPDATE portfolio.accounts SET cash = cash + 1 FROM deposit WHERE id = $1::uuid`,
  less: `WITH withdrawal AS (
      INSERT INTO portfolio.deposits (id, account_id, amount, note) VALUES (gen_random_uuid(), $1::uuid, -1, 'preflight') RETURNING 1)
    UPDATE portfolio.accounts SET cash = cash - 1 FROM withdrawal WHERE id = $1::uuid`,
  positions: {
    list: 'positions',
    symbol: 'symbol',
    unrealised: 'unrealised',
    priceAgeMs: 'priceAgeMs',
    reason: 'reason',
  },
  symbol: 'BTCUSDT',
};

export const books: ConfigInput['books'] = {
  misplace:
    'UPDATE portfolio.accounts SET cash = cash + 0.01 WHERE id = (SELECT id FROM portfolio.accounts ORDER BY id LIMIT 1)',
  restore:
    'UPDATE portfolio.accounts SET cash = cash - 0.01 WHERE id = (SELECT id FROM portfolio.accounts ORDER BY id LIMIT 1)',
};

export const quotes: ConfigInput['quotes'] = {
  table: 'market.quotes',
  bid: 'bid',
  ask: 'ask',
  asOf: 'as_of',
  of: "symbol = 'BTCUSDT'",
  usual: { bid: '64999.99', ask: '65000.01' },
  // QUOTE_MAX_AGE_MS of the sandbox's service.
  maxAgeSeconds: 600,
};
