/** Where prices come from. */
import type { ConfigInput } from 'preflight';

export const marketData: ConfigInput['marketData'] = {
  environment: {
    QUOTE_PROVIDERS: 'first={primary} second={secondary}',
    QUOTE_POLL_MS: '50',
    QUOTE_TIMEOUT_MS: '400',
    QUOTE_BREAKER_PAUSE_MS: '1000',
  },
  slow: { QUOTE_TIMEOUT_MS: '2000' },
  lost: {
    environment: { QUOTE_MAX_AGE_MS: '1500', QUOTE_BREAKER_PAUSE_MS: '500' },
    alarm: { metric: 'log_alarms_total', labels: { message: 'Unable to get price for asset' } },
    immediate: {
      method: 'POST',
      path: '/api/v1/orders',
      body: { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: '0.001', mode: 'PAPER' },
    },
    refusal: { status: 422, says: 'NO_FRESH_QUOTE' },
  },
  symbol: 'BTCUSDT',
  bid: '64999.99',
  ask: '65000.01',
  answer: (quote) => quote,
  stored: 'SELECT source FROM market.quotes WHERE symbol = $1',
  prices: {
    ...{ path: '/api/v1/portfolio', items: 'positions', symbol: 'symbol', price: 'price', ageMs: 'priceAgeMs' },
    mostAgeMs: 15_000,
  },
  // Its positions are valued by the quotes.
  read: { method: 'GET', path: '/api/v1/portfolio' },
  disagreement: 'Quote providers disagree',
  breaker: { failures: 5, successes: 3, pause: 'QUOTE_BREAKER_PAUSE_MS', pauseMs: 30_000 },
  requests: { counter: 'quotes_requests_total', provider: 'provider', outcome: 'outcome' },
  callsPerDay: 'QUOTE_CALLS_PER_DAY',
  without: {
    secondProvider: { QUOTE_PROVIDERS: 'first={primary}' },
    breaker: { QUOTE_BREAKER_PAUSE_MS: '100' },
  },
  reset: [
    'DELETE FROM market.reference_quotes',
    "UPDATE market.quotes SET bid = 64999.99, ask = 65000.01, source = 'primary', as_of = now() WHERE symbol = 'BTCUSDT'",
    "UPDATE workers.leases SET expires_at = now() WHERE name = 'quote-feed'",
  ],
};
