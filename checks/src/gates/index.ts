import type { Gate } from '../engine/gate.ts';
import anotherAccountsOrderIsNotFound from './access/another-accounts-order-is-not-found.ts';
import keyUseIsRecorded from './access/key-use-is-recorded.ts';
import lockoutHolds from './access/lockout-holds.ts';
import rateLimitsHold from './access/rate-limits-hold.ts';
import rolesAreEnforced from './access/roles-are-enforced.ts';
import areGrouped from './alerts/are-grouped.ts';
import areLoadedOnTarget from './alerts/are-loaded-on-target.ts';
import noneIsFiring from './alerts/none-is-firing.ts';
import reachTheirChannel from './alerts/reach-their-channel.ts';
import rulesFire from './alerts/rules-fire.ts';
import everyTransitionIsRecorded from './audit/every-transition-is-recorded.ts';
import recordsCannotBeChanged from './audit/records-cannot-be-changed.ts';
import backupsAreEncrypted from './backups/are-encrypted.ts';
import fullBackupIsFresh from './backups/full-backup-is-fresh.ts';
import incrementalIsFresh from './backups/incremental-is-fresh.ts';
import pointInTimeIsExact from './backups/point-in-time-is-exact.ts';
import recoveryPointIsMet from './backups/recovery-point-is-met.ts';
import recoveryTimeIsMet from './backups/recovery-time-is-met.ts';
import backupRetentionIsKept from './backups/retention-is-kept.ts';
import secondLocationHolds from './backups/second-location-holds.ts';
import serviceRunsOnTheCopy from './backups/service-runs-on-the-copy.ts';
import verificationPasses from './backups/verification-passes.ts';
import walIsArchived from './backups/wal-is-archived.ts';
import workflowsAreValid from './ci/workflows-are-valid.ts';
import lintIsClean from './code/lint-is-clean.ts';
import noBlockingCalls from './code/no-blocking-calls.ts';
import noConsole from './code/no-console.ts';
import testsPass from './code/tests-pass.ts';
import typesCheck from './code/types-check.ts';
import missingVariablesAreRefused from './config/missing-variables-are-refused.ts';
import noDefaultSecrets from './config/no-default-secrets.ts';
import showWhatExists from './dashboards/show-what-exists.ts';
import aHalfDeadMigrationCanBeResumed from './database/a-half-dead-migration-can-be-resumed.ts';
import appliedMigrationsAreUnchanged from './database/applied-migrations-are-unchanged.ts';
import backupRestores from './database/backup-restores.ts';
import connectionsAreEncrypted from './database/connections-are-encrypted.ts';
import constraintsRefuse from './database/constraints-refuse.ts';
import foreignKeysAreIndexed from './database/foreign-keys-are-indexed.ts';
import hotQueriesUseIndexes from './database/hot-queries-use-indexes.ts';
import indexesAreNotDuplicated from './database/indexes-are-not-duplicated.ts';
import indexesAreUsed from './database/indexes-are-used.ts';
import migrationsAreSafe from './database/migrations-are-safe.ts';
import migrationsDoNotBlockWriters from './database/migrations-do-not-block-writers.ts';
import migrationsRevert from './database/migrations-revert.ts';
import poolFits from './database/pool-fits.ts';
import requiredIndexesExist from './database/required-indexes-exist.ts';
import serviceRoleIsLimited from './database/service-role-is-limited.ts';
import settingsSuitTheHost from './database/settings-suit-the-host.ts';
import slowQueriesAreKnown from './database/slow-queries-are-known.ts';
import standbyFollows from './database/standby-follows.ts';
import statementsPerRequestAreBounded from './database/statements-per-request-are-bounded.ts';
import targetHasNoDrift from './database/target-has-no-drift.ts';
import timeoutsAreSet from './database/timeouts-are-set.ts';
import twoRunnersApplyOnce from './database/two-runners-apply-once.ts';
import versionIsSupported from './database/version-is-supported.ts';
import manifestsAreValid from './deploy/manifests-are-valid.ts';
import probesAreDeclared from './deploy/probes-are-declared.ts';
import replicasScale from './deploy/replicas-scale.ts';
import replicasShareTheLoad from './deploy/replicas-share-the-load.ts';
import rollOutsKeepServing from './deploy/roll-outs-keep-serving.ts';
import rollbackWorks from './deploy/rollback-works.ts';
import smokeSuitePasses from './deploy/smoke-suite-passes.ts';
import smokeTestsPass from './deploy/smoke-tests-pass.ts';
import stagingIsStableForADay from './deploy/staging-is-stable-for-a-day.ts';
import stagingPassesSmokeTests from './deploy/staging-passes-smoke-tests.ts';
import stagingRunsThisCommit from './deploy/staging-runs-this-commit.ts';
import targetAnswers from './deploy/target-answers.ts';
import targetIsConfigured from './deploy/target-is-configured.ts';
import targetRunsThisCommit from './deploy/target-runs-this-commit.ts';
import readmeIsWhole from './documentation/readme-is-whole.ts';
import aDeadReplicaIsLeftOut from './edge/a-dead-replica-is-left-out.ts';
import certificateIsValid from './edge/certificate-is-valid.ts';
import namesResolve from './edge/names-resolve.ts';
import plainHttpIsRedirected from './edge/plain-http-is-redirected.ts';
import targetIsEncrypted from './edge/target-is-encrypted.ts';
import tlsIsModern from './edge/tls-is-modern.ts';
import changesAreReviewed from './governance/changes-are-reviewed.ts';
import criticalChangesHaveTwoApprovers from './governance/critical-changes-have-two-approvers.ts';
import deploymentWindowIsOpen from './governance/deployment-window-is-open.ts';
import evidenceIsOfThisCommit from './governance/evidence-is-of-this-commit.ts';
import disksAreSeparate from './host/disks-are-separate.ts';
import firewallIsTight from './host/firewall-is-tight.ts';
import memoryIsSharedOut from './host/memory-is-shared-out.ts';
import resourcesSuffice from './host/resources-suffice.ts';
import serviceIsPrioritised from './host/service-is-prioritised.ts';
import sshListensElsewhere from './host/ssh-listens-elsewhere.ts';
import sshTakesKeysOnly from './host/ssh-takes-keys-only.ts';
import storageIsSolidState from './host/storage-is-solid-state.ts';
import swapIsOff from './host/swap-is-off.ts';
import answersAreNotStored from './http/answers-are-not-stored.ts';
import connectionsOutlastTheProxy from './http/connections-outlast-the-proxy.ts';
import contractIsKept from './http/contract-is-kept.ts';
import corsReflectsNoStranger from './http/cors-reflects-no-stranger.ts';
import errorsSayNothingInside from './http/errors-say-nothing-inside.ts';
import everyEndpointNeedsAKey from './http/every-endpoint-needs-a-key.ts';
import healthAnswers from './http/health-answers.ts';
import hostileInputIsRefused from './http/hostile-input-is-refused.ts';
import listsArePaged from './http/lists-are-paged.ts';
import securityHeadersAreSet from './http/security-headers-are-set.ts';
import redisEngagesIt from './kill-switch/redis-engages-it.ts';
import stopsNewOrders from './kill-switch/stops-new-orders.ts';
import hundredUsersAreServed from './load/a-hundred-users-are-served.ts';
import anHourAt100PerSecond from './load/an-hour-at-100-per-second.ts';
import eventLoopKeepsTurning from './load/event-loop-keeps-turning.ts';
import memoryStaysLevel from './load/memory-stays-level.ts';
import peakIsCarried from './load/peak-is-carried.ts';
import placementMeetsItsLatency from './load/placement-meets-its-latency.ts';
import processorKeepsUp from './load/processor-keeps-up.ts';
import resourcesStayWithinBounds from './load/resources-stay-within-bounds.ts';
import areCollected from './logs/are-collected.ts';
import areKeptLongEnough from './logs/are-kept-long-enough.ts';
import areStructured from './logs/are-structured.ts';
import arriveFromTheTarget from './logs/arrive-from-the-target.ts';
import noSecretIsLogged from './logs/no-secret-is-logged.ts';
import securityEventsAreLogged from './logs/security-events-are-logged.ts';
import dailyAlertsAreRead from './maintenance/daily-alerts-are-read.ts';
import dailyBackupIsVerified from './maintenance/daily-backup-is-verified.ts';
import dailyErrorLogIsRead from './maintenance/daily-error-log-is-read.ts';
import dailyHealthIsRead from './maintenance/daily-health-is-read.ts';
import dailySloIsRead from './maintenance/daily-slo-is-read.ts';
import dailySmokeTestsPass from './maintenance/daily-smoke-tests-pass.ts';
import quarterlyBenchmarkIsFresh from './maintenance/quarterly-benchmark-is-fresh.ts';
import weeklyCapacityIsRead from './maintenance/weekly-capacity-is-read.ts';
import weeklyConfigurationIsUnchanged from './maintenance/weekly-configuration-is-unchanged.ts';
import weeklySecurityScanPasses from './maintenance/weekly-security-scan-passes.ts';
import weeklyTrendsAreRead from './maintenance/weekly-trends-are-read.ts';
import providerBreakerOpens from './market-data/breaker-opens.ts';
import failsOver from './market-data/fails-over.ts';
import providersAgree from './market-data/providers-agree.ts';
import quotaIsWatched from './market-data/quota-is-watched.ts';
import quotesAreCached from './market-data/quotes-are-cached.ts';
import quotesAreFresh from './market-data/quotes-are-fresh.ts';
import areExported from './metrics/are-exported.ts';
import areScraped from './metrics/are-scraped.ts';
import healthIsProbed from './metrics/health-is-probed.ts';
import booksAreConserved from './money/books-are-conserved.ts';
import portfolioComesFromTheBooks from './money/portfolio-comes-from-the-books.ts';
import unrealisedHasAnAge from './money/unrealised-has-an-age.ts';
import contactsAreComplete from './on-call/contacts-are-complete.ts';
import contactsAreCurrent from './on-call/contacts-are-current.ts';
import escalationIsComplete from './on-call/escalation-is-complete.ts';
import activityIsNotified from './orders/activity-is-notified.ts';
import expiredOrdersAreCleanedUp from './orders/expired-orders-are-cleaned-up.ts';
import fillsMatchTheirQuotes from './orders/fills-match-their-quotes.ts';
import limitOrdersFillWhenMet from './orders/limit-orders-fill-when-met.ts';
import stateMachineIsEnforced from './orders/state-machine-is-enforced.ts';
import denialsSayWhy from './risk/denials-say-why.ts';
import limitsHoldUnderParallelOrders from './risk/limits-hold-under-parallel-orders.ts';
import targetDenies from './risk/target-denies.ts';
import commandsWork from './runbooks/commands-work.ts';
import deploymentIsDescribed from './runbooks/deployment-is-described.ts';
import everyAlertHasAPage from './runbooks/every-alert-has-a-page.ts';
import everyDrillHasAPage from './runbooks/every-drill-has-a-page.ts';
import postMortemTemplateIsThere from './runbooks/post-mortem-template-is-there.ts';
import scriptsAreSound from './runbooks/scripts-are-sound.ts';
import cronCoversMarketHours from './schedule/cron-covers-market-hours.ts';
import lastCycleIsRecent from './schedule/last-cycle-is-recent.ts';
import processOrdersIsNotDoubled from './schedule/process-orders-is-not-doubled.ts';
import targetIsCalled from './schedule/target-is-called.ts';
import noSecretInHistory from './secrets/no-secret-in-history.ts';
import noSecretInTree from './secrets/no-secret-in-tree.ts';
import databaseIsQuick from './slo/database-is-quick.ts';
import errorRateIsMet from './slo/error-rate-is-met.ts';
import executionRateIsMet from './slo/execution-rate-is-met.ts';
import latencyIsMet from './slo/latency-is-met.ts';
import resourcesAreNormal from './slo/resources-are-normal.ts';
import uptimeIsMet from './slo/uptime-is-met.ts';
import dependenciesArePinned from './supply-chain/dependencies-are-pinned.ts';
import dependenciesAreRecent from './supply-chain/dependencies-are-recent.ts';
import noKnownVulnerability from './supply-chain/no-known-vulnerability.ts';
import ordersCanBeFollowed from './tracing/orders-can-be-followed.ts';
import breakerOpens from './workers/breaker-opens.ts';
import claimsAreNotDoubled from './workers/claims-are-not-doubled.ts';
import heartbeatsAreFresh from './workers/heartbeats-are-fresh.ts';
import outboxDrains from './workers/outbox-drains.ts';
import reconciliationConverges from './workers/reconciliation-converges.ts';

/** Every gate, by area and then by the order in which a reader would ask. Disturbing gates come last within a run by themselves. */
export const gates: readonly Gate[] = [
  typesCheck,
  noConsole,
  lintIsClean,
  noBlockingCalls,
  testsPass,
  missingVariablesAreRefused,
  noDefaultSecrets,
  dependenciesArePinned,
  noKnownVulnerability,
  dependenciesAreRecent,
  requiredIndexesExist,
  foreignKeysAreIndexed,
  indexesAreNotDuplicated,
  hotQueriesUseIndexes,
  statementsPerRequestAreBounded,
  slowQueriesAreKnown,
  indexesAreUsed,
  migrationsAreSafe,
  appliedMigrationsAreUnchanged,
  migrationsDoNotBlockWriters,
  migrationsRevert,
  twoRunnersApplyOnce,
  aHalfDeadMigrationCanBeResumed,
  serviceRoleIsLimited,
  connectionsAreEncrypted,
  constraintsRefuse,
  poolFits,
  timeoutsAreSet,
  versionIsSupported,
  settingsSuitTheHost,
  targetHasNoDrift,
  standbyFollows,
  backupRestores,
  fullBackupIsFresh,
  incrementalIsFresh,
  walIsArchived,
  backupRetentionIsKept,
  backupsAreEncrypted,
  secondLocationHolds,
  verificationPasses,
  pointInTimeIsExact,
  serviceRunsOnTheCopy,
  recoveryTimeIsMet,
  recoveryPointIsMet,
  everyEndpointNeedsAKey,
  anotherAccountsOrderIsNotFound,
  rolesAreEnforced,
  keyUseIsRecorded,
  lockoutHolds,
  rateLimitsHold,
  corsReflectsNoStranger,
  securityHeadersAreSet,
  hostileInputIsRefused,
  contractIsKept,
  errorsSayNothingInside,
  answersAreNotStored,
  listsArePaged,
  areExported,
  ordersCanBeFollowed,
  areScraped,
  healthIsProbed,
  latencyIsMet,
  errorRateIsMet,
  uptimeIsMet,
  executionRateIsMet,
  databaseIsQuick,
  resourcesAreNormal,
  showWhatExists,
  areStructured,
  areCollected,
  areKeptLongEnough,
  arriveFromTheTarget,
  noSecretIsLogged,
  securityEventsAreLogged,
  everyTransitionIsRecorded,
  recordsCannotBeChanged,
  booksAreConserved,
  portfolioComesFromTheBooks,
  unrealisedHasAnAge,
  stateMachineIsEnforced,
  expiredOrdersAreCleanedUp,
  activityIsNotified,
  limitOrdersFillWhenMet,
  fillsMatchTheirQuotes,
  placementMeetsItsLatency,
  hundredUsersAreServed,
  peakIsCarried,
  anHourAt100PerSecond,
  memoryStaysLevel,
  eventLoopKeepsTurning,
  resourcesStayWithinBounds,
  processorKeepsUp,
  failsOver,
  quotesAreCached,
  providersAgree,
  providerBreakerOpens,
  quotaIsWatched,
  quotesAreFresh,
  targetDenies,
  stopsNewOrders,
  redisEngagesIt,
  limitsHoldUnderParallelOrders,
  denialsSayWhy,
  heartbeatsAreFresh,
  outboxDrains,
  claimsAreNotDoubled,
  reconciliationConverges,
  breakerOpens,
  healthAnswers,
  noSecretInTree,
  noSecretInHistory,
  workflowsAreValid,
  cronCoversMarketHours,
  processOrdersIsNotDoubled,
  targetIsCalled,
  lastCycleIsRecent,
  scriptsAreSound,
  everyAlertHasAPage,
  everyDrillHasAPage,
  rulesFire,
  areGrouped,
  reachTheirChannel,
  commandsWork,
  postMortemTemplateIsThere,
  areLoadedOnTarget,
  noneIsFiring,
  contactsAreCurrent,
  contactsAreComplete,
  escalationIsComplete,
  readmeIsWhole,
  deploymentWindowIsOpen,
  changesAreReviewed,
  criticalChangesHaveTwoApprovers,
  evidenceIsOfThisCommit,
  dailyHealthIsRead,
  dailyErrorLogIsRead,
  dailySloIsRead,
  dailyBackupIsVerified,
  dailyAlertsAreRead,
  dailySmokeTestsPass,
  weeklyTrendsAreRead,
  weeklySecurityScanPasses,
  weeklyCapacityIsRead,
  weeklyConfigurationIsUnchanged,
  quarterlyBenchmarkIsFresh,
  manifestsAreValid,
  probesAreDeclared,
  rollOutsKeepServing,
  replicasScale,
  replicasShareTheLoad,
  tlsIsModern,
  plainHttpIsRedirected,
  aDeadReplicaIsLeftOut,
  targetIsEncrypted,
  certificateIsValid,
  namesResolve,
  connectionsOutlastTheProxy,
  deploymentIsDescribed,
  firewallIsTight,
  sshTakesKeysOnly,
  sshListensElsewhere,
  resourcesSuffice,
  swapIsOff,
  memoryIsSharedOut,
  storageIsSolidState,
  disksAreSeparate,
  serviceIsPrioritised,
  rollbackWorks,
  smokeSuitePasses,
  stagingRunsThisCommit,
  stagingPassesSmokeTests,
  stagingIsStableForADay,
  targetRunsThisCommit,
  targetIsConfigured,
  targetAnswers,
  smokeTestsPass,
];
