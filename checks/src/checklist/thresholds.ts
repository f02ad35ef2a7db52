import type { Ask } from './read.ts';

/** A figure that documents state, and where. Where they differ the strictest holds, and the others stay on record. */
export interface Threshold {
  /** The item that it belongs to. */
  readonly item: string;
  /** What is bounded, in the words of whoever reads a table. */
  readonly what: string;
  readonly unit: string;
  /** Which way is stricter: a latency is bounded from above, a retention from below. */
  readonly stricter: 'lower' | 'higher';
  /** Each value, with the words in which a line states it. */
  readonly said: readonly Said[];
}

export interface Said {
  readonly value: number;
  /** The line, and of its text the part that states the value. */
  readonly at: readonly Ask[];
}

/** The value that holds. @throws for a threshold that nobody states. */
export function strictest({ stricter, said, what }: Pick<Threshold, 'stricter' | 'said' | 'what'>): number {
  if (said.length === 0) throw new Error(`no document states a figure for: ${what}`);
  const values = said.map(({ value }) => value);
  return stricter === 'lower' ? Math.min(...values) : Math.max(...values);
}

/** What is stated and does not hold, because another line is stricter. */
export function overruled(threshold: Threshold): Said[] {
  const holds = strictest(threshold);
  return threshold.said.filter(({ value }) => value !== holds);
}

/** The figures that more than one line states. */
export const thresholds: readonly Threshold[] = [
  {
    item: 'load.placement-p95',
    what: 'latency of 95 % of the requests',
    unit: 'ms',
    stricter: 'lower',
    said: [
      { value: 20, at: ['S3:79 <20ms P95', 'S3:88 <20ms P95', 'S3:401 <20ms'] },
      { value: 100, at: ['S2:191 <100ms for API calls'] },
      { value: 150, at: ['S1:112 p95 latency < 150ms'] },
    ],
  },
  {
    item: 'slo.error-rate',
    what: 'share of requests and orders that end in an error',
    unit: '%',
    stricter: 'lower',
    said: [
      { value: 0.1, at: ['S2:192 <0.1%', 'S3:78 <0.1%', 'S3:406 <0.1%'] },
      { value: 2, at: ['S0:186 <2%'] },
    ],
  },
  {
    item: 'alerts.error-rate',
    what: 'error rate that raises an alert',
    unit: '%',
    stricter: 'lower',
    said: [
      { value: 1, at: ['S2:238 Error rate >1%', 'S4:99 >1% of requests'] },
      { value: 50, at: ['S3:209 >50% error rate'] },
    ],
  },
  {
    item: 'alerts.application',
    what: 'response time that raises an alert',
    unit: 'ms',
    stricter: 'lower',
    said: [
      { value: 100, at: ['S3:210 slow responses (>100ms)'] },
      { value: 500, at: ['S2:238 Response time >500ms'] },
    ],
  },
  {
    item: 'slo.uptime',
    what: 'share of the time in which the service answers',
    unit: '%',
    stricter: 'higher',
    said: [
      { value: 99.9, at: ['S3:400 99.9%'] },
      { value: 99.5, at: ['S0:187 >99.5%'] },
    ],
  },
  {
    item: 'alerts.cpu',
    what: 'use of the processors that raises an alert',
    unit: '%',
    stricter: 'lower',
    said: [{ value: 80, at: ['S2:184 80% warning', 'S2:237 CPU >80%'] }],
  },
  {
    item: 'alerts.memory',
    what: 'use of the memory that raises an alert',
    unit: '%',
    stricter: 'lower',
    said: [
      { value: 85, at: ['S2:185 85% warning', 'S2:237 Memory >85%'] },
      { value: 90, at: ['S3:210 Memory >90%'] },
    ],
  },
  {
    item: 'alerts.disk',
    what: 'use of the disk that raises an alert',
    unit: '%',
    stricter: 'lower',
    said: [
      { value: 85, at: ['S3:210 disk >85%'] },
      { value: 90, at: ['S2:186 90% warning', 'S2:237 Disk >90%'] },
    ],
  },
  {
    item: 'host.memory.size',
    what: 'memory of the machine',
    unit: 'GB',
    stricter: 'higher',
    said: [
      { value: 16, at: ['S2:127 16GB+ for production', 'S3:37 16GB RAM'] },
      { value: 8, at: ['S2:127 minimum 8GB for small deployments'] },
    ],
  },
  {
    item: 'host.cpu.cores',
    what: 'processor cores of the machine',
    unit: 'cores',
    stricter: 'higher',
    said: [{ value: 4, at: ['S2:120 minimum 4 cores', 'S3:37 4 CPU cores'] }],
  },
  {
    item: 'logs.retention',
    what: 'time for which logs are kept',
    unit: 'days',
    stricter: 'higher',
    said: [
      { value: 90, at: ['S2:253 minimum 90 days'] },
      { value: 30, at: ['S0:65 minimum 30 days', 'S4:92 30 days minimum', 'S4:318 30 days'] },
    ],
  },
  {
    item: 'backups.full.daily',
    what: 'time between two full backups',
    unit: 'hours',
    stricter: 'lower',
    said: [{ value: 24, at: ['S2:266 daily', 'S3:164 daily', 'S4:316 Daily snapshots'] }],
  },
  {
    item: 'backups.incremental',
    what: 'time between two incremental backups',
    unit: 'hours',
    stricter: 'lower',
    said: [
      { value: 1, at: ['S3:165 hourly'] },
      { value: 4, at: ['S2:267 every 4 hours'] },
    ],
  },
  {
    item: 'backups.objectives',
    what: 'what a disaster may cost (RPO)',
    unit: 'minutes',
    stricter: 'lower',
    said: [{ value: 15, at: ['S2:268 every 15 minutes', 'S3:171 RPO <15 minutes'] }],
  },
  {
    item: 'backups.recovery-time',
    what: 'time until the service is back (RTO)',
    unit: 'minutes',
    stricter: 'lower',
    said: [{ value: 60, at: ['S3:171 RTO <1 hour', 'S4:321 RTO: <1 hour'] }],
  },
  {
    item: 'backups.retention',
    what: 'time for which daily backups are kept at hand',
    unit: 'days',
    stricter: 'higher',
    said: [{ value: 30, at: ['S2:269 Daily (30 days)', 'S3:168 30 days online'] }],
  },
  {
    item: 'backups.archive',
    what: 'time for which the oldest backup is kept',
    unit: 'months',
    stricter: 'higher',
    said: [{ value: 12, at: ['S2:269 Monthly (12 months)', 'S3:168 1 year cold storage'] }],
  },
  {
    item: 'backups.restore.monthly',
    what: 'time between two restores of a production backup',
    unit: 'days',
    stricter: 'lower',
    said: [
      { value: 30, at: ['S2:274 monthly', 'S2:317 Monthly'] },
      { value: 90, at: ['S3:170 quarterly'] },
    ],
  },
  {
    item: 'failover.recovery.monthly',
    what: 'time between two tests of disaster recovery',
    unit: 'days',
    stricter: 'lower',
    said: [
      { value: 30, at: ['S2:472 Disaster recovery testing'] },
      { value: 90, at: ['S2:328 quarterly', 'S2:482 Disaster recovery drill'] },
    ],
  },
  {
    item: 'access.keys.rotated',
    what: 'age of a live key',
    unit: 'days',
    stricter: 'lower',
    said: [{ value: 30, at: ['S2:60 last 30 days', 'S4:146 monthly'] }],
  },
  {
    item: 'access.rate-limits.address',
    what: 'requests of one address',
    unit: 'per minute',
    stricter: 'lower',
    said: [{ value: 100, at: ['S3:183 100 requests/minute per IP', 'S4:141 100 req/min per IP'] }],
  },
  {
    item: 'venues.timeouts',
    what: 'time that a venue has to answer',
    unit: 's',
    stricter: 'lower',
    said: [{ value: 10, at: ['S2:165 5-10 seconds', 'S4:112 10 seconds per request'] }],
  },
  {
    item: 'venues.external-calls',
    what: 'retries of a call that failed',
    unit: 'retries',
    stricter: 'higher',
    said: [{ value: 3, at: ['S4:109 3 retries', 'S4:110 3 retries', 'S4:111 3 retries'] }],
  },
  {
    item: 'load.no-leaks',
    what: 'time over which memory stays level',
    unit: 'hours',
    stricter: 'higher',
    said: [{ value: 24, at: ['S1:113 over 24h', 'S3:76 24-hour', 'S4:368 24+ hours'] }],
  },
  {
    item: 'market-data.cross-checked',
    what: 'difference between two providers that raises an alert',
    unit: '%',
    stricter: 'lower',
    said: [{ value: 0.1, at: ['S3:102 >0.1% difference', 'S3:150 0.1% tolerance'] }],
  },
  {
    item: 'market-data.cache.hit-rate',
    what: 'share of the quotes that the cache answers',
    unit: '%',
    stricter: 'higher',
    said: [
      { value: 95, at: ['S3:38 95% API call reduction', 'S3:47 >95%', 'S3:405 >95%'] },
      { value: 80, at: ['S3:212 Cache miss rate >20%'] },
    ],
  },
  {
    item: 'market-data.cache.calls',
    what: 'calls of a quote provider',
    unit: 'per day',
    stricter: 'lower',
    said: [
      { value: 50, at: ['S3:44 50 calls/day'] },
      { value: 500, at: ['S3:45 500 calls/day limit'] },
    ],
  },
];
