import { gate, type Item, notApplicable, signOff } from '../item.ts';
import { NO_PASSWORDS, NO_SESSIONS } from '../reasons.ts';

/** Who may do what, by which key, and how often. */
export const access: readonly Item[] = [
  {
    id: 'access.ownership',
    severity: 'blocker',
    answer: gate('access/another-accounts-order-is-not-found'),
    asks: ['S1:11 Order ownership verification'],
  },
  {
    id: 'access.every-endpoint',
    severity: 'blocker',
    answer: gate('http/every-endpoint-needs-a-key'),
    asks: [
      'S1:18 Auth middleware protects all endpoints',
      'S4:138 **Dashboard API protected**',
      'S4:139 Authentication middleware on all `/api/*` routes',
    ],
  },
  {
    id: 'access.rate-limits',
    severity: 'blocker',
    answer: gate('access/rate-limits-hold'),
    asks: [
      'S1:19 Rate limiting configured',
      'S2:110 Rate limiting implemented (API endpoints)',
      'S3:182 Implement API rate limiting',
      'S3:193 Test rate limiting enforcement',
    ],
  },
  {
    id: 'access.team',
    severity: 'blocker',
    answer: signOff('security', 90, 'The list of who may do what in production, reviewed.'),
    asks: ['S2:24 Team access controls established'],
  },
  {
    id: 'access.keys.per-environment',
    severity: 'blocker',
    answer: signOff(
      'security',
      30,
      'Prefixes of the live keys of staging and of production (npm run keys -- list): none is in both lists.',
    ),
    asks: ['S2:59 Different API keys for staging and production'],
  },
  {
    id: 'access.keys.rotated',
    severity: 'blocker',
    answer: signOff('security', 30, 'npm run keys -- list of production: no live key is older than 30 days.'),
    asks: ['S2:60 API keys rotated within last 30 days', 'S4:146 Rotate token monthly'],
  },
  {
    id: 'access.roles',
    severity: 'blocker',
    answer: gate('access/roles-are-enforced'),
    asks: [
      'S2:61 Least privilege principle applied to API permissions',
      'S2:68 Role-based access control (RBAC) implemented',
      'S3:337 Implement role-based access control',
    ],
  },
  {
    id: 'access.keys.use-recorded',
    severity: 'warning',
    answer: gate('access/key-use-is-recorded'),
    asks: ['S2:62 API key usage monitoring enabled'],
  },
  {
    id: 'access.password-policy',
    severity: 'advisory',
    answer: notApplicable(NO_PASSWORDS),
    asks: ['S2:66 Strong password policy enforced (12+ characters, complexity requirements)'],
  },
  {
    id: 'access.mfa',
    severity: 'blocker',
    answer: signOff(
      'security',
      90,
      'The report of hosting, repository and registry: a second factor is enforced for every administrator.',
    ),
    asks: ['S2:67 Multi-factor authentication (MFA) enabled for all admin accounts'],
  },
  {
    id: 'access.session-timeout',
    severity: 'advisory',
    answer: notApplicable(NO_SESSIONS),
    asks: ['S2:69 Session timeout configured (15-30 minutes for trading systems)'],
  },
  {
    id: 'access.lockout',
    severity: 'blocker',
    answer: gate('access/lockout-holds'),
    asks: ['S2:70 Account lockout policies implemented (5 failed attempts)', 'S3:190 Configure fail2ban'],
  },
  {
    id: 'access.administrators',
    severity: 'blocker',
    answer: signOff('security', 30, 'npm run keys -- list: each operator and admin key with the person who holds it.'),
    asks: ['S2:71 Admin access limited to essential personnel only'],
  },
  {
    id: 'access.rate-limits.address',
    severity: 'blocker',
    answer: gate('access/rate-limits-hold'),
    asks: ['S3:183 100 requests/minute per IP', 'S4:141 Rate limiting: 100 req/min per IP'],
  },
  {
    id: 'access.rate-limits.key',
    severity: 'blocker',
    answer: gate('access/rate-limits-hold'),
    asks: ['S3:184 1000 requests/hour per user'],
  },
  {
    id: 'access.rate-limits.back-off',
    severity: 'blocker',
    answer: gate('access/rate-limits-hold'),
    asks: ['S3:185 Exponential backoff on violations'],
  },
  {
    id: 'access.lockout.address',
    severity: 'blocker',
    answer: gate('access/lockout-holds'),
    asks: ['S3:191 Ban IPs with >10 failed auth attempts'],
  },
  {
    id: 'access.lockout.duration',
    severity: 'blocker',
    answer: gate('access/lockout-holds'),
    asks: ['S3:192 1-hour ban duration'],
  },
  {
    id: 'access.processor-endpoint',
    severity: 'blocker',
    answer: gate(
      'http/every-endpoint-needs-a-key',
      'schedule/process-orders-is-not-doubled',
      'config/no-default-secrets',
    ),
    asks: ['S4:143 **Heartbeat endpoint secured**', 'S4:144 Bearer token required'],
  },
];
