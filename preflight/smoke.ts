/** What a new deployment has to be able to do. */
import type { ConfigInput } from 'preflight';

// Paper orders of an account that is there for this, without a price collar: one rests and is canceled, one is filled.
export const smoke: ConfigInput['smoke'] = {
  steps: [
    { name: 'it lives', as: 'nobody', request: { method: 'GET', path: '/health' }, expect: { status: 'ok' } },
    { name: 'it is ready', as: 'nobody', request: { method: 'GET', path: '/health/ready' }, expect: { ready: true } },
    {
      name: 'its database is up',
      as: 'nobody',
      request: { method: 'GET', path: '/api/v1/health' },
      expect: { 'database.status': 'up' },
    },
    { name: 'its routes are described', as: 'nobody', request: { method: 'GET', path: '/openapi.json' } },
    { name: 'its documentation is there', as: 'nobody', request: { method: 'GET', path: '/docs' } },
    {
      name: 'nobody is let in without a key',
      as: 'nobody',
      request: { method: 'GET', path: '/api/v1/portfolio' },
      status: [401],
    },
    {
      name: 'nobody is let in with a wrong key',
      as: 'stranger',
      request: { method: 'GET', path: '/api/v1/portfolio' },
      status: [401],
    },
    {
      name: 'a trader may not throw the kill switch',
      request: { method: 'PUT', path: '/api/v1/kill-switch', body: { state: 'ACTIVE', reason: 'smoke test' } },
      status: [403],
    },
    {
      name: 'trading is not halted',
      request: { method: 'GET', path: '/api/v1/kill-switch' },
      expect: { state: 'ACTIVE' },
    },
    { name: 'strategies are listed', request: { method: 'GET', path: '/api/v1/strategies' } },
    {
      name: 'an order is judged',
      request: {
        method: 'POST',
        path: '/api/v1/risk/check',
        body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '100.00', mode: 'PAPER' },
      },
      expect: { decision: 'accepted' },
    },
    {
      name: 'an order is placed',
      idempotencyKey: 'smoke-{unique}',
      request: {
        method: 'POST',
        path: '/api/v1/orders',
        body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '100.00', mode: 'PAPER' },
      },
      status: [201],
      capture: { resting: 'id' },
    },
    {
      name: 'the same request makes no second order',
      idempotencyKey: 'smoke-{unique}',
      request: {
        method: 'POST',
        path: '/api/v1/orders',
        body: { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', quantity: '0.001', price: '100.00', mode: 'PAPER' },
      },
      status: [201],
      expect: { id: '{resting}' },
    },
    {
      name: 'the order rests',
      request: { method: 'GET', path: '/api/v1/orders/{resting}' },
      expect: { id: '{resting}', status: 'OPEN' },
    },
    {
      name: 'the order is listed',
      request: { method: 'GET', path: '/api/v1/orders' },
      expect: { 'orders.*.id': '{resting}' },
    },
    {
      name: 'the order can be canceled',
      request: { method: 'POST', path: '/api/v1/orders/{resting}/cancel' },
      status: [200, 202],
    },
    {
      name: 'the order is canceled',
      request: { method: 'GET', path: '/api/v1/orders/{resting}' },
      expect: { status: 'CANCELED' },
    },
    {
      name: 'an order at the market is placed',
      idempotencyKey: 'smoke-market-{unique}',
      request: {
        method: 'POST',
        path: '/api/v1/orders',
        body: { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: '0.001', mode: 'PAPER' },
      },
      status: [201],
      capture: { market: 'id' },
    },
    {
      name: 'a cycle runs when it is called',
      as: 'processor',
      request: { method: 'POST', path: '/api/trade/process-orders' },
      status: [200, 202],
    },
    {
      name: 'the order at the market is filled',
      request: { method: 'GET', path: '/api/v1/orders/{market}' },
      expect: { status: 'FILLED' },
      withinMs: 10_000,
    },
    {
      name: 'its fill is booked',
      request: { method: 'GET', path: '/api/v1/fills' },
      expect: { 'fills.*.orderId': '{market}' },
    },
    {
      name: 'its history is told',
      request: { method: 'GET', path: '/api/v1/orders/{market}/events' },
      expect: { 'events.*.toStatus': 'FILLED' },
    },
    {
      name: 'the portfolio shows it',
      request: { method: 'GET', path: '/api/v1/portfolio' },
      expect: { 'positions.*.symbol': 'BTCUSDT' },
    },
    {
      name: 'activity is told',
      request: { method: 'GET', path: '/api/v1/activity' },
      expect: { 'activity.*.orderId': '{market}' },
      withinMs: 10_000,
    },
    {
      name: 'orders are being processed',
      as: 'processor',
      request: { method: 'GET', path: '/api/trade/process-orders' },
      expect: { status: 'ok' },
      withinMs: 10_000,
    },
  ],
};
