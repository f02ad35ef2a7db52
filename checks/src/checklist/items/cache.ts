import { type Item, notApplicable, planned, signOff } from '../item.ts';
import { NO_PUBLIC_ANSWERS, NO_SESSIONS, NO_STATIC_ASSETS } from '../reasons.ts';

/** Caches beside that of the quotes. */
export const cache: readonly Item[] = [
  {
    id: 'cache.sessions',
    severity: 'advisory',
    answer: notApplicable(NO_SESSIONS),
    asks: ['S2:143 Redis/Memcached implemented for session management'],
  },
  {
    id: 'cache.queries',
    severity: 'advisory',
    // Each decision about money reads the books in its own transaction: a cached result would be an older truth.
    answer: signOff(
      'engineering',
      180,
      'The decision that results of queries are not cached but for quotes, with the times that were measured.',
    ),
    partly: ['slo/database-is-quick'],
    asks: ['S2:145 Database query result caching enabled'],
  },
  {
    id: 'cache.venues',
    severity: 'advisory',
    answer: planned('venues/market-rules-are-cached'),
    asks: ['S2:146 Caching strategy for broker API calls implemented'],
  },
  {
    id: 'cache.cdn.assets',
    severity: 'advisory',
    answer: notApplicable(NO_STATIC_ASSETS),
    asks: ['S2:157 Static assets served via CDN'],
  },
  {
    id: 'cache.cdn.edge',
    severity: 'advisory',
    answer: notApplicable(NO_PUBLIC_ANSWERS),
    asks: ['S2:158 Edge caching configured for API responses'],
  },
  {
    id: 'cache.cdn.geography',
    severity: 'advisory',
    answer: notApplicable(NO_STATIC_ASSETS),
    asks: ['S2:159 Geographic distribution optimized'],
  },
  {
    id: 'cache.cdn.monitoring',
    severity: 'advisory',
    answer: notApplicable(NO_STATIC_ASSETS),
    asks: ['S2:161 CDN performance monitoring enabled'],
  },
];
