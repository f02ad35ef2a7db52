import { z } from 'zod';
import { accessRules, keyUse, list, rolesMay } from './access.ts';
import { alerts } from './alerts.ts';
import { backups, recovery } from './backups.ts';
import { code, lint } from './code.ts';
import { connections, database, databaseRole, hotQueries, migrations, refusals, statements } from './database.ts';
import { deployment, edge, host, manifests, rollback, stability } from './deployment.ts';
import { clock, drillPages, eventLoop, frozenWorker, outage, poolExhausted, replicas } from './drills.ts';
import { contacts, governance, review, window } from './governance.ts';
import { loadProfiles, loadScript } from './load.ts';
import { marketData, quotes } from './market.ts';
import { books, orders, portfolio, stateMachine, write } from './orders.ts';
import { dependencies, documentation, onCall, procedures, runbooks, tests } from './people.ts';
import { audit, logCollection, logs, tracing } from './records.ts';
import { killSwitch, killSwitchInRedis, risk, riskDryRun } from './safety.ts';
import { build, service, smoke } from './service.ts';
import { target } from './target.ts';
import { dashboards, metrics, monitoring, slo } from './telemetry.ts';
import { outbox, processing, reconciliation, schedule, workers } from './work.ts';

/** A whole `preflight.config.ts`. */
export const schema = z.strictObject({
  /** Gates of one's own: paths from the tree's root that begin with a dot, or packages. Each exports `gates`, an array. */
  plugins: z.array(z.string().min(1)).default([]),
  service,
  database,
  databaseRole: databaseRole.optional(),
  connections: connections.optional(),
  refusals: refusals.optional(),
  hotQueries: hotQueries.optional(),
  statements: statements.optional(),
  migrations: migrations.optional(),
  write: write.optional(),
  stateMachine: stateMachine.optional(),
  killSwitch: killSwitch.optional(),
  killSwitchInRedis: killSwitchInRedis.optional(),
  workers: workers.optional(),
  outbox: outbox.optional(),
  reconciliation: reconciliation.optional(),
  access: accessRules.optional(),
  roles: rolesMay.optional(),
  keyUse: keyUse.optional(),
  lists: z.array(list).min(1).optional(),
  marketData: marketData.optional(),
  risk: risk.optional(),
  riskDryRun: riskDryRun.optional(),
  code,
  lint: lint.optional(),
  /** A k6 script with its thresholds, and its environment: `{url}` and `{writerKeysFile}` (a key per line) are filled in. */
  load: loadScript.optional(),
  loadProfiles: loadProfiles.optional(),
  runbooks: runbooks.optional(),
  backups: backups.optional(),
  recovery: recovery.optional(),
  alerts: alerts.optional(),
  workflows: z.array(z.string()).min(1).optional(),
  schedule: schedule.optional(),
  processing: processing.optional(),
  books: books.optional(),
  quotes: quotes.optional(),
  orders: orders.optional(),
  portfolio: portfolio.optional(),
  outage: outage.optional(),
  replicas: replicas.optional(),
  frozenWorker: frozenWorker.optional(),
  poolExhausted: poolExhausted.optional(),
  clock: clock.optional(),
  eventLoop: eventLoop.optional(),
  drillPages: drillPages.optional(),
  contacts: contacts.optional(),
  build: build.optional(),
  smoke: smoke.optional(),
  deployment: deployment.optional(),
  rollback: rollback.optional(),
  host: host.optional(),
  stability: stability.optional(),
  manifests: manifests.optional(),
  edge: edge.optional(),
  /** By name: `production` is what a release asks unless --target names another, `staging` what was there before it. */
  targets: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), target).default({}),
  tests: tests.optional(),
  onCall: onCall.optional(),
  procedures: procedures.optional(),
  documentation: documentation.prefault({}),
  dependencies: dependencies.prefault({}),
  window: window.optional(),
  review: review.optional(),
  audit: audit.optional(),
  logs: logs.optional(),
  logCollection: logCollection.optional(),
  tracing: tracing.optional(),
  metrics: metrics.optional(),
  dashboards: dashboards.optional(),
  monitoring: monitoring.optional(),
  slo: slo.optional(),
  governance: governance.prefault({}),
  /** Gates about parts that this service does not have, each with the reason that a reviewer is to judge. */
  notApplicable: z
    .array(
      z.strictObject({ gate: z.string(), reason: z.string().min(20, 'a reason of 20 characters or more is wanted') }),
    )
    .default([]),
});

export type TargetConfig = z.output<typeof target>;

/** What {@link pointAt} has chosen of `targets`. */
interface Chosen {
  target?: TargetConfig;
  /** Of the Prometheus that watches it. */
  prometheus?: string;
  staging?: TargetConfig;
  /** Of the target. */
  targetDatabase?: NonNullable<TargetConfig['database']>;
}

export type Config = z.output<typeof schema> & Chosen;
export type ConfigInput = z.input<typeof schema>;

/** Parts that a service may not have. */
export type OptionalPart = { [Part in keyof Config]-?: undefined extends Config[Part] ? Part : never }[keyof Config];
