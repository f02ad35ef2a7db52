import { gate, type Item, notApplicable, signOff } from '../item.ts';

/** Quotes: their providers, their age, their agreement. */
export const marketData: readonly Item[] = [
  {
    id: 'market-data.rate-limit-handled',
    severity: 'warning',
    answer: gate('market-data/fails-over'),
    asks: ['S0:85 Test Yahoo Finance API rate limit handling'],
  },
  {
    id: 'market-data.quota-watched',
    severity: 'warning',
    answer: gate('dashboards/show-what-exists', 'market-data/fails-over'),
    partly: ['market-data/quota-is-watched'],
    asks: ['S0:98 Monitor API rate limit usage'],
  },
  {
    id: 'market-data.cache.effective',
    severity: 'blocker',
    answer: gate('market-data/quotes-are-cached'),
    asks: ['S0:99 Verify quote caching is working effectively'],
  },
  {
    id: 'market-data.failover.tested',
    severity: 'blocker',
    answer: gate('market-data/fails-over'),
    asks: [
      'S0:100 Test failover behavior when API is unavailable',
      'S3:107 Test failover scenarios',
      'S3:152 Test failover scenarios',
    ],
  },
  {
    id: 'market-data.second-provider',
    severity: 'warning',
    answer: gate('market-data/fails-over'),
    asks: ['S0:101 Consider backup price data sources if needed'],
  },
  {
    id: 'market-data.cache',
    severity: 'blocker',
    answer: gate('market-data/quotes-are-cached'),
    asks: [
      'S2:144 API response caching configured for market data',
      'S3:38 **CRITICAL:** Implement caching layer (95% API call reduction)',
    ],
  },
  {
    id: 'market-data.fresh',
    severity: 'blocker',
    answer: gate('market-data/quotes-are-fresh'),
    asks: ['S2:446 Market data feeds working'],
  },
  {
    id: 'market-data.cache.calls',
    severity: 'warning',
    // The gate gives the budget itself, and sees that it is kept: which one production has is for its provider to tell.
    answer: signOff(
      'devops',
      30,
      "The providers' own pages of use and cost: the calls of each of the last days, and nothing to pay.",
    ),
    partly: ['market-data/quota-is-watched'],
    asks: [
      'S3:44 API usage: 50 calls/day (vs 1000+ without cache)',
      'S3:45 Stays within FREE tier (500 calls/day limit)',
      'S3:403 | API Cost | $0/month | ‚úÖ $0/month (FREE tier) |',
    ],
  },
  {
    id: 'market-data.budget-kept',
    severity: 'warning',
    answer: gate('market-data/quota-is-watched'),
    asks: [],
  },
  {
    id: 'market-data.cache.latency',
    severity: 'warning',
    answer: gate('market-data/quotes-are-cached'),
    asks: ['S3:46 Latency: <10ms cached vs 1-2 seconds uncached'],
  },
  {
    id: 'market-data.cache.hit-rate',
    severity: 'warning',
    answer: gate('market-data/quotes-are-cached'),
    asks: ['S3:47 Cache hit rate: >95%', 'S3:405 | Cache Hit Rate | >95% | ‚è≥ Pending (P0 #2) |'],
  },
  {
    id: 'market-data.batch',
    severity: 'advisory',
    answer: notApplicable(
      'Quotes are asked for when an order needs them, for the instruments that are traded; there is no universe of 500 stocks that is fetched overnight.',
    ),
    asks: ['S3:39 Configure overnight batch jobs (fetch 500 stock universe)'],
  },
  {
    id: 'market-data.failover',
    severity: 'blocker',
    answer: gate('market-data/fails-over'),
    asks: ['S3:101 Implement failover logic (Alpha Vantage ‚Üí yfinance)', 'S3:149 Implement automatic failover logic'],
  },
  {
    id: 'market-data.cross-checked',
    severity: 'blocker',
    answer: gate('market-data/providers-agree', 'alerts/rules-fire'),
    asks: [
      'S3:102 Add cross-provider validation (alert if >0.1% difference)',
      'S3:150 Add cross-provider price validation (0.1% tolerance)',
    ],
  },
  {
    id: 'market-data.breaker',
    severity: 'blocker',
    answer: gate('market-data/breaker-opens'),
    asks: ['S3:103 Implement circuit breaker pattern', 'S3:151 Implement circuit breaker pattern'],
  },
  {
    id: 'market-data.breaker.opens',
    severity: 'blocker',
    answer: gate('market-data/breaker-opens'),
    asks: ['S3:104 Open circuit if provider fails 5 times in 1 minute'],
  },
  {
    id: 'market-data.breaker.half-opens',
    severity: 'blocker',
    answer: gate('market-data/breaker-opens'),
    asks: ['S3:105 Half-open after 30 seconds'],
  },
  {
    id: 'market-data.breaker.closes',
    severity: 'blocker',
    answer: gate('market-data/breaker-opens'),
    asks: ['S3:106 Close if 3 successful calls'],
  },
  {
    id: 'market-data.accuracy',
    severity: 'warning',
    answer: gate('market-data/providers-agree'),
    asks: ['S3:404 | Data Quality | >99% accuracy | ‚úÖ 99.9%+ (validated) |'],
  },
];
