import { defineConfig } from 'preflight';
import { access, keyUse, lists, roles } from './preflight/access.ts';
import { alerts } from './preflight/alerts.ts';
import {
  connections,
  database,
  databaseRole,
  hotQueries,
  migrations,
  refusals,
  statements,
} from './preflight/database.ts';
import { marketData } from './preflight/market.ts';
import { books, orders, portfolio, quotes, stateMachine, write } from './preflight/orders.ts';
import { audit, logCollection, logs } from './preflight/records.ts';
import { killSwitch, killSwitchInRedis, risk, riskDryRun } from './preflight/safety.ts';
import { build, service } from './preflight/service.ts';
import { smoke } from './preflight/smoke.ts';
import { dashboards, metrics, monitoring, slo, tracing } from './preflight/telemetry.ts';
import {
  clock,
  eventLoop,
  frozenWorker,
  outbox,
  poolExhausted,
  processing,
  reconciliation,
  schedule,
  workers,
} from './preflight/work.ts';

/** What every load test is told. */
const toTraders = { BASE_URL: '{url}', TRADER_KEYS_FILE: '{writerKeysFile}' };

/** The order service of this repository: what it is, and what it promises. Large parts stand in `preflight/`. */
export default defineConfig({
  service,
  build,
  database,
  databaseRole,
  connections,
  refusals,
  hotQueries,
  migrations,
  statements,
  write,
  stateMachine,
  orders,
  portfolio,
  books,
  quotes,
  killSwitch,
  killSwitchInRedis,
  risk,
  riskDryRun,
  marketData,
  access,
  roles,
  keyUse,
  lists,
  workers,
  outbox,
  reconciliation,
  schedule,
  processing,
  alerts,
  metrics,
  tracing,
  monitoring,
  slo,
  dashboards,
  logs,
  logCollection,
  audit,
  smoke,
  // Where production's own backups are is told in `backups`, by whoever releases: see deploy/pgbackrest/README.md.
  recovery: { settings: 'deploy/pgbackrest/postgresql.conf', pointMinutes: 15, timeMinutes: 60 },
  code: {
    // Two checkers take two thirds of the processor time that the compiler's own four do, and end no later on two cores.
    // What has not changed since the last run, by its content, is not checked again.
    typeCheck: [
      'tsc',
      '--noEmit',
      '--checkers',
      '2',
      '--incremental',
      '--tsBuildInfoFile',
      '.preflight/types.tsbuildinfo',
    ],
    production: ['service/src/**/*.ts', 'checks/src/**/*.ts'],
    serving: ['service/src/**/*.ts'],
  },
  lint: { command: ['biome', 'check', '--error-on-warnings'], report: 'biome', files: ['**/*.{ts,js}'] },
  load: {
    script: 'loadtests/placement.ts',
    environment: toTraders,
  },
  loadProfiles: {
    users: { script: 'loadtests/users-100.ts', environment: { ...toTraders, USERS: '100', DURATION_S: '4' } },
    // Twice the rate of the placement test, for a minute.
    peak: { script: 'loadtests/placement.ts', environment: { ...toTraders, RATE_PER_S: '200', DURATION_S: '60' } },
    hour: { script: 'loadtests/hour.ts', environment: { ...toTraders, WINDOWS: '6', WINDOW_S: '600' } },
  },
  runbooks: { scripts: ['runbooks/bin/*'] },
  workflows: ['.github/workflows/*.yml', 'deploy/cron/*.yml'],
  // Root can read every file, and not every machine has every shell: what is about the others is skipped there.
  tests: { report: '.preflight/tests.json', stamp: '.preflight/tests.stamp.json', mostSkipped: 5 },
  procedures: {
    pages: ['runbooks/procedures-*.md'],
    required: {
      'manual-processing': 'runbooks/procedures-orders.md#process-orders-by-hand',
      'manual-intervention': 'runbooks/procedures-orders.md#intervene-by-hand',
      reconciliation: 'runbooks/procedures-orders.md#reconcile',
      'worker-recovery': 'runbooks/procedures-orders.md#recover-a-worker',
      'processor-recovery': 'runbooks/procedures-orders.md#recover-the-processor',
      'database-recovery': 'runbooks/procedures-recovery.md#recover-the-database',
      'data-recovery': 'runbooks/procedures-recovery.md#recover-the-data-of-the-application',
      'account-recovery': 'runbooks/procedures-recovery.md#recover-one-account',
      'full-restoration': 'runbooks/procedures-recovery.md#restore-the-whole-service',
      'point-in-time': 'runbooks/procedures-recovery.md#recover-to-a-moment',
    },
    values: {
      ORDER_ID: 'SELECT id FROM execution.orders ORDER BY created_at LIMIT 1',
      ACCOUNT_ID: 'SELECT account_id FROM execution.orders ORDER BY created_at LIMIT 1',
      KEY_PREFIX: 'SELECT prefix FROM access.api_keys ORDER BY created_at LIMIT 1',
    },
    environment: {
      SERVICE_URL: '{url}',
      DATABASE_URL: '{databaseUrl}',
      OPERATOR_API_KEY: '{operatorKey}',
      ORDER_PROCESSING_API_KEY: '{processingKey}',
    },
  },
  onCall: { guide: 'runbooks/on-call.md', postMortem: 'runbooks/post-mortem.md' },
  // Off market hours, and when those who wrote it are awake; nothing over the turn of the year.
  window: {
    calendar: 'XNYS',
    weekly: [
      { days: ['mon', 'tue', 'wed', 'thu'], from: '17:00', until: '21:00', timeZone: 'America/New_York' },
      { days: ['sat'], from: '08:00', until: '14:00', timeZone: 'America/New_York' },
    ],
    freezes: [{ from: '2026-12-18', until: '2027-01-03', reason: 'the turn of the year: half of the desk is away' }],
  },
  review: {
    releases: 'v*',
    critical: [
      ...['service/src/domain/**', 'service/src/orders/**', 'service/src/exchange/**', 'service/src/kill-switch/**'],
      ...['service/src/access/**', 'service/src/db/**', 'migrations/**', 'deploy/**', '.github/workflows/**'],
    ],
  },
  deployment: { runbook: 'deploy/RUNBOOK.md' },
  rollback: { plan: 'deploy/ROLLBACK.md' },
  stability: {
    up: 'up{job="order-service"}',
    memory: 'process_memory_bytes{job="order-service", kind="resident"}',
    critical: [
      { what: 'critical errors in the log', counter: 'log_alarms_total' },
      { what: 'cycles that failed', counter: 'limit_processor_failed_cycles_total' },
    ],
  },
  edge: { configuration: 'deploy/nginx/nginx.conf', upstream: 'order_service', host: 'orders.example' },
  manifests: {
    files: ['deploy/kubernetes/*.yaml'],
    schemas: 'tools/kubernetes-schemas',
    images: ['deploy/Dockerfile'],
  },
  outage: { answerMs: 1_000, inFlightMs: 3_000, notReadyMs: 5_000, writesAgainMs: 10_000 },
  replicas: { environment: { DRAIN_DELAY_MS: '500' } },
  frozenWorker,
  poolExhausted,
  clock,
  eventLoop,
  drillPages: {
    'drills/backend-killed-mid-order': 'runbooks/ServiceDown.md',
    'drills/postgres-stopped': 'runbooks/DatabaseLost.md',
    'drills/slow-and-broken-links': 'runbooks/DatabaseLost.md',
    'drills/pool-exhausted': 'runbooks/PoolUsageHigh.md',
    'drills/overload': 'runbooks/RequestsShed.md',
    'drills/event-loop-stalls': 'runbooks/RequestsShed.md',
    'drills/disk-full': 'runbooks/DatabaseDiskFull.md',
    'drills/redis-lost': 'runbooks/RedisLost.md',
    'drills/kill-switch-linearizable': 'runbooks/KillSwitchActivated.md',
    'drills/worker-killed': 'runbooks/WorkerSilent.md',
    'drills/clock': 'runbooks/ClockChanged.md',
    'drills/worker-frozen': 'runbooks/WorkerSilent.md',
    'drills/quote-provider-lost': 'runbooks/PriceUnavailable.md',
    'drills/replica-killed': 'runbooks/ServiceDown.md',
    'drills/replicas-are-rolled': 'runbooks/ServiceDown.md',
    'drills/graceful-stop': 'runbooks/ServiceDown.md',
    'drills/process-crashes-cleanly': 'runbooks/ServiceDown.md',
    'drills/target-recovers': 'runbooks/ServiceDown.md',
  },
  governance: {
    // Beside the gates that say so themselves: who may see whose orders, and what becomes of them.
    unwaivable: ['access/*', 'orders/state-machine-is-enforced'],
    // Whoever releases names in `roles` who signs for what: until then no sign-off counts.
    twoApprovers: ['approval.security', 'approval.risk'],
  },
});
