/** What stops orders: the kill switch and the limits. */
import type { ConfigInput } from 'preflight';

/** An order a little below the market of the seed. */
const paperBuy = (quantity: string) => ({
  ...{ symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity, price: '64000.00', mode: 'PAPER' },
});

export const killSwitch: ConfigInput['killSwitch'] = {
  engage: {
    method: 'PUT',
    path: '/api/v1/kill-switch',
    body: { state: 'HALTED', reason: 'preflight: does it stop new orders?' },
  },
  clear: {
    method: 'PUT',
    path: '/api/v1/kill-switch',
    body: { state: 'ACTIVE', reason: 'preflight: the check is over' },
  },
  committedAt: 'SELECT pg_xact_commit_timestamp(xmin) FROM risk.kill_switch',
};

export const killSwitchInRedis: ConfigInput['killSwitchInRedis'] = {
  engage: [
    'SET',
    'kill_switch:global',
    '{"active":true,"reason":"preflight: manual","activatedAt":"2026-01-01T00:00:00Z","activatedBy":"ops"}',
  ],
  clear: ['DEL', 'kill_switch:global'],
};

export const risk: ConfigInput['risk'] = {
  setLimits: { method: 'PUT', path: '/api/v1/risk/limits', body: { accountId: '{account}', reason: 'preflight' } },
  cap: {
    limits: { maxOpenOrders: '{limit}', maxOrdersPerMinute: 1_000_000 },
    standing: `SELECT count(*) FROM execution.orders
                WHERE account_id = $1 AND status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'DENIED', 'EXPIRED')`,
  },
  wide: {
    maxOpenOrders: 1_000_000,
    maxOrdersPerMinute: 1_000_000,
    fatFingerMultiple: 1_000_000_000,
    maxOrderNotional: '999999999999',
    maxDailyNotional: '999999999999',
    maxPositionNotional: '999999999999',
  },
  reset: {
    fatFingerMultiple: null,
    maxOpenOrders: null,
    maxOrdersPerMinute: null,
    maxOrderNotional: null,
    maxDailyNotional: null,
    maxPositionNotional: null,
    priceCollarBps: null,
    allowedModes: null,
    restrictedSymbols: null,
  },
  denial: {
    status: 422,
    reason: 'details.reason',
    limit: 'details.limit',
    observed: 'details.observed',
    attempted: 'details.attempted',
    id: 'details.orderId',
    stored: 'SELECT denial_reason FROM execution.orders WHERE id = $1',
  },
  // What is usual for an account is told by its last ten orders.
  writesBefore: 10,
  denied: [
    { reason: 'MAX_ORDER_NOTIONAL', limits: { maxOrderNotional: '0.05' } },
    { reason: 'MAX_DAILY_NOTIONAL', limits: { maxDailyNotional: '0.05' } },
    { reason: 'MAX_POSITION', limits: { maxPositionNotional: '0.05' } },
    { reason: 'MAX_OPEN_ORDERS', limits: { maxOpenOrders: 1 } },
    { reason: 'MAX_ORDERS_PER_MINUTE', limits: { maxOrdersPerMinute: 1 } },
    // The sandbox quotes 65,000: this is typed with a digit too many.
    { reason: 'PRICE_COLLAR', limits: { priceCollarBps: 100 }, write: { price: '650000' } },
    { reason: 'FAT_FINGER', limits: { fatFingerMultiple: 1 }, write: { quantity: '100' } },
    // Five times what the seed gives to this account.
    { reason: 'INSUFFICIENT_CASH', write: { quantity: '500000' } },
    { reason: 'INSUFFICIENT_SHARES', write: { side: 'SELL', quantity: '1', price: '70000' } },
    { reason: 'RESTRICTED_SYMBOL', limits: { restrictedSymbols: ['BTCUSDT'] }, amounts: false },
    { reason: 'MODE_NOT_ALLOWED', limits: { allowedModes: ['LIVE'] }, amounts: false },
  ],
};

export const riskDryRun: ConfigInput['riskDryRun'] = {
  tooLarge: { method: 'POST', path: '/api/v1/risk/check', body: paperBuy('100000000') },
  small: { method: 'POST', path: '/api/v1/risk/check', body: paperBuy('0.001') },
  decision: 'decision',
  denied: 'denied',
  reason: 'denial.reason',
  limitReasons: ['MAX_ORDER_NOTIONAL', 'MAX_DAILY_NOTIONAL', 'MAX_POSITION'],
};
