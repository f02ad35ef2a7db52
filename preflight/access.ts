/** Who may do what, and how often. */
import type { ConfigInput } from 'preflight';

/** What any key may read. Whoever answers for all accounts names the one that is meant. */
const reads = (account = '') => [
  `GET /api/v1/orders${account}`,
  'GET /api/v1/orders/{id}',
  'GET /api/v1/orders/{id}/events',
  `GET /api/v1/portfolio${account}`,
  `GET /api/v1/fills${account}`,
  `GET /api/v1/activity${account}`,
  'GET /api/v1/kill-switch',
  'GET /api/v1/processing',
  'GET /api/v1/risk/limits',
  'GET /api/v1/strategies',
];

const ofAccount = '?accountId={account}';

const trades = ['POST /api/v1/orders', 'POST /api/v1/orders/{id}/cancel', 'POST /api/v1/risk/check'];

const strategies = ['POST /api/v1/strategies/{id}/start', 'POST /api/v1/strategies/{id}/stop'];

const operates = [
  'PUT /api/v1/kill-switch',
  'PUT /api/v1/risk/limits',
  'GET /api/v1/access/lockouts',
  'POST /api/v1/access/lockouts/clear',
  'PUT /api/v1/processing',
  'POST /api/v1/reconciliation',
  'POST /api/v1/operations/orders/{id}/resolve',
];

export const access: ConfigInput['access'] = {
  read: '/api/v1/portfolio',
  behindOneProxy: { TRUST_PROXY_HOPS: '1' },
  // Empty is unset: what is promised has to hold where nobody has set anything.
  lockout: {
    environment: { LOCKOUT_FAILURES_PER_KEY: '', LOCKOUT_FAILURES_PER_ADDRESS: '' },
    failuresPerKey: 5,
    failuresPerAddress: 10,
    seconds: 3_600,
  },
  rateLimit: {
    environment: { RATE_LIMIT_PER_MINUTE_ADDRESS: '', RATE_LIMIT_PER_HOUR_KEY: '' },
    perMinute: 100,
    perHourKey: 1_000,
    counts: 'rate-limit:*',
  },
  allowedOrigin: 'https://desk.example',
};

export const roles: ConfigInput['roles'] = {
  viewer: reads(),
  trader: [...reads(), ...trades, ...strategies],
  operator: [...reads(ofAccount), ...strategies, ...operates],
  admin: [...reads(ofAccount), ...trades, ...strategies, ...operates],
};

export const keyUse: ConfigInput['keyUse'] = {
  table: 'access.api_keys',
  row: "digest = sha256(convert_to($1, 'UTF8'))",
  lastUsed: 'last_used_at',
  withinSeconds: 60,
};

export const lists: ConfigInput['lists'] = [
  { path: '/api/v1/orders', items: 'orders', most: 100, holdsWrites: true },
  { path: '/api/v1/fills', items: 'fills', most: 100 },
  { path: '/api/v1/activity', items: 'activity', most: 100 },
  { path: '/api/v1/strategies', items: 'strategies', most: 100, as: 'operator' },
  { path: '/api/v1/access/lockouts', items: 'lockouts', most: 100, as: 'operator' },
];
