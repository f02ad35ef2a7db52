/** Builds and closes everything. The only place that sees all rooms; tests and drills start the service here too. */
import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { hostname } from 'node:os';
import type { Express } from 'express';
import { identifyKey } from './access/identify-key.ts';
import { clearLockout, listLockouts } from './access/lockouts.ts';
import { type Config, loadConfig } from './config.ts';
import { findCalendars } from './db/calendars.ts';
import { readOperations, readPortfolioTotals } from './db/operations.ts';
import { createPool, type DatabasePool, type PoolOptions, withConnection } from './db/pool.ts';
import { recordCycleEnd } from './db/processing-cycles.ts';
import { readServerStats } from './db/server-stats.ts';
import { createSilenceWatch, SILENCE_INTERVAL_MS, type SilenceWatch } from './db/silence.ts';
import { findWorkerAges } from './db/workers.ts';
import { inSession } from './domain/processing-schedule.ts';
import { PROVIDER_BREAKER } from './domain/provider-breaker.ts';
import { activityRoutes } from './http/activity.ts';
import { documentRoutes } from './http/docs.ts';
import { healthRoutes } from './http/health.ts';
import { killSwitchRoutes } from './http/kill-switch.ts';
import { createListener } from './http/listener.ts';
import { type LiveRoute, liveRoutes } from './http/live-routes.ts';
import { lockoutRoutes } from './http/lockouts.ts';
import { operationsRoutes } from './http/operations.ts';
import { orderRoutes } from './http/orders.ts';
import { portfolioRoutes } from './http/portfolio.ts';
import { createReadiness } from './http/readiness.ts';
import { riskRoutes } from './http/risk.ts';
import type { Route } from './http/route.ts';
import { createServer } from './http/server.ts';
import { strategyRoutes } from './http/strategies.ts';
import { type ProcessingOutcome, tradeRoutes } from './http/trade.ts';
import { createKillSwitch, type KillSwitchControl, readKillSwitch } from './kill-switch/kill-switch.ts';
import { createRedisSwitch } from './kill-switch/redis-switch.ts';
import { WATCH_INTERVAL_MS } from './kill-switch/watch.ts';
import { createQuoteSource } from './market-data/quote-source.ts';
import { cancelOrder } from './orders/cancel-order.ts';
import { checkOrder } from './orders/check-order.ts';
import type { ExecutionCycle } from './orders/execute-limit-orders.ts';
import { getOrder, getOrderEvents } from './orders/get-order.ts';
import { getPortfolio } from './orders/get-portfolio.ts';
import { getProcessing } from './orders/get-processing.ts';
import { listActivity } from './orders/list-activity.ts';
import { listFills } from './orders/list-fills.ts';
import { listOrders } from './orders/list-orders.ts';
import { readProcessing, resolveOrder, setProcessing } from './orders/operate.ts';
import { placeOrder } from './orders/place-order.ts';
import { processOrders } from './orders/process-orders.ts';
import { reconcileBooks } from './orders/reconcile.ts';
import { changeLimits, getLimits } from './orders/risk-limits.ts';
import { changeStrategy, listStrategies } from './orders/strategies.ts';
import { createRedis, type Redis } from './redis.ts';
import { createLogCounter, type LogCounter, type LogCounts } from './telemetry/log-counts.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { startActivityProjector } from './workers/activity-projector.ts';
import { createCycleRecord } from './workers/cycle-record.ts';
import { startReaper, startReconciler } from './workers/housekeeping.ts';
import { createCycleReport, PROCESSOR_MESSAGES, startLimitProcessor } from './workers/limit-processor.ts';
import { type Loop, type LoopOptions, startLoop } from './workers/loop.ts';
import { createMarketTurns } from './workers/market-turns.ts';
import { startQuoteFeed } from './workers/quote-feed.ts';
import { createSupervisor, type Supervisor } from './workers/supervisor.ts';
import { startWebhookSender } from './workers/webhook-sender.ts';

/** `api` answers requests, `worker` processes orders (and answers health only), `all` does both in one process. */
export const ROLES = ['api', 'worker', 'all'] as const;
export type AppRole = (typeof ROLES)[number];

export interface AppOptions {
  readonly logger: Logger;
  readonly role?: AppRole;
  /** What the logger has counted, for metrics. Default: nothing is. */
  readonly logCounts?: LogCounts;
}

/** Counts what a logger says, and apart from the rest the messages that alerts look for. */
export function createAlarmCounter(): LogCounter {
  const { cycleFailed, orderFailed, noPrice } = PROCESSOR_MESSAGES;
  return createLogCounter([cycleFailed, orderFailed, noPrice]);
}

export interface App {
  readonly express: Express;
  /** Resolves once both ports accept connections. Rejects with a ListenError, leaving nothing open. */
  readonly start: () => Promise<{ readonly port: number; readonly metricsPort: number }>;
  /**
   * Readiness off, DRAIN_DELAY_MS, port closed, requests and the worker's step finished, pools closed.
   * Rejects when that took longer than `deadlineMs`; connections are then cut. Repeated calls share one result.
   */
  readonly close: (deadlineMs: number) => Promise<void>;
}

/** Requests must not starve probes, nor cycles requests: each has connections of its own. */
const HEALTH_POOL = { max: 2, queueMax: 50, connectionTimeoutMs: 900, statementTimeoutMs: 800, queryTimeoutMs: 900 };
/** A step of each worker, heartbeats, a requested cycle with the connection that holds its lock, and a second request that finds it held. */
const WORKER_POOL_MAX = 8;
/** A replica that freezes while it holds the mirror's lock must not hold up the others for longer than this. */
const KILL_SWITCH_POOL = { max: 2, idleInTransactionTimeoutMs: 1000 };
/** A cycle may touch a whole batch of orders, and nobody waits for it on a socket. */
const WORKER_STATEMENT_TIMEOUT_MS = 10_000;
/** The net under the notifications of the outbox, and how soon a delivery that is due is tried. */
const OUTBOX_POLL_MS = 500;
const READINESS_TIMEOUT_MS = 1000;
/** A request waits for Redis at most so long before it goes on without. */
const REDIS_COMMAND_TIMEOUT_MS = 200;

interface Pools {
  readonly api: DatabasePool;
  readonly health: DatabasePool;
  readonly worker: DatabasePool;
  readonly killSwitch: DatabasePool;
  /** For the one question whether the server answers at all. */
  readonly silence: DatabasePool;
}

function createPools(
  config: Config,
  logger: Logger,
  hooks: { isSilent: () => boolean; observeStatement: Metrics['observeStatement'] },
): Pools {
  const { isSilent, observeStatement } = hooks;
  const pool = (name: keyof Pools, bounds: Partial<PoolOptions>): DatabasePool =>
    createPool({
      ...config.pool,
      ...bounds,
      connectionString: config.databaseUrl,
      applicationName: `order-service ${name}`,
      onError: (error) => logger.warn({ err: error, pool: name }, 'Database connection lost'),
      onStatement: (seconds) => observeStatement(name, seconds),
    });
  return {
    api: pool('api', { isSilent }),
    health: pool('health', HEALTH_POOL),
    killSwitch: pool('killSwitch', { ...KILL_SWITCH_POOL, isSilent }),
    silence: pool('silence', { max: 1 }),
    worker: pool('worker', {
      max: WORKER_POOL_MAX,
      statementTimeoutMs: WORKER_STATEMENT_TIMEOUT_MS,
      queryTimeoutMs: WORKER_STATEMENT_TIMEOUT_MS + 500,
    }),
  };
}

/** What the parts share while the process lives. */
interface Context {
  readonly config: Config;
  readonly logger: Logger;
  readonly pools: Pools;
  /** Absent without REDIS_URL. */
  readonly redis: Redis | undefined;
  /** The kill switch's own connection to Redis, so that it waits behind nothing. Absent without REDIS_URL. */
  readonly switchRedis: Redis | undefined;
  readonly killSwitch: KillSwitchControl;
  readonly metrics: Metrics;
  readonly silence: SilenceWatch;
  draining: boolean;
  readonly startedAt: Temporal.Instant;
}

const now = (): Temporal.Instant => Temporal.Now.instant();

function observeCycle({ metrics }: Context, cycle: ExecutionCycle): void {
  const { examined, executed, expired, failed, durationMs } = cycle;
  metrics.observeCycle(durationMs / 1000, { examined, executed, expired, failed });
}

function boundsOf(config: Config) {
  return { batch: config.processor.batch, quoteMaxAgeMs: config.orders.quoteMaxAgeMs };
}

/** A cycle that the scheduler asked for is logged and counted like the worker's own. */
async function processRequested(context: Context, report: (cycle: ExecutionCycle) => void): Promise<ProcessingOutcome> {
  const { config, logger, metrics, pools } = context;
  try {
    const outcome = await processOrders({ pool: pools.worker, bounds: boundsOf(config), now });
    if (outcome.kind === 'running') return outcome;
    report(outcome.cycle);
    observeCycle(context, outcome.cycle);
    const { examined, executed, expired, failed, durationMs } = outcome.cycle;
    const markets = outcome.markets.map(({ calendar, open, closedBecause }) => ({ calendar, open, closedBecause }));
    const sessionOpen = inSession(outcome.markets);
    return { kind: 'ran', examined, executed, expired, failed, durationMs, sessionOpen, markets };
  } catch (error) {
    logger.error({ err: error }, PROCESSOR_MESSAGES.cycleFailed);
    metrics.countFailedCycle();
    throw error;
  }
}

function tradingRoutes(context: Context): readonly Route[] {
  const { config, pools, metrics, killSwitch } = context;
  const report = createCycleReport(context.logger);
  const judging = { pool: pools.api, limits: config.orders, switchInRedis: killSwitch.positionInRedis };
  return [
    ...orderRoutes({
      placeOrder: (command, render) => placeOrder({ ...judging, render }, command),
      cancelOrder: (command) => cancelOrder(pools.api, command),
      getOrder: (scope, orderId) => getOrder(pools.api, scope, orderId),
      getOrderEvents: (scope, orderId) => getOrderEvents(pools.api, scope, orderId),
      listOrders: (query) => listOrders(pools.api, query),
      countOrder: metrics.countOrder,
    }),
    ...portfolioRoutes({
      getPortfolio: (accountId) => getPortfolio(pools.api, accountId, config.orders),
      listFills: (query) => listFills(pools.api, query),
    }),
    ...activityRoutes({ listActivity: (query) => listActivity(pools.api, query) }),
    ...killSwitchRoutes({
      readKillSwitch: killSwitch.read,
      setKillSwitch: killSwitch.set,
    }),
    ...lockoutRoutes({
      listLockouts: (query) => listLockouts(pools.api, query),
      clearLockout: (address, by) => clearLockout(pools.api, address, by),
    }),
    ...riskRoutes({
      checkOrder: (accountId, order) => checkOrder(judging, accountId, order),
      getLimits: (accountId) => getLimits(pools.api, config.orders.maxOrderNotional, accountId),
      changeLimits: (request) => changeLimits(pools.api, config.orders.maxOrderNotional, request),
    }),
    ...strategyRoutes({
      listStrategies: (query) => listStrategies(pools.api, query),
      changeStrategy: (strategy, status, by) => changeStrategy(judging, strategy, status, by),
    }),
    ...operationsRoutes({
      // By the workers' pool: it may look at every account, and no request has to wait for it.
      reconcile: () => reconcileBooks({ pool: pools.worker, cause: 'request' }),
      resolveOrder: (command) => resolveOrder(pools.api, command),
      readProcessing: () => readProcessing(pools.api),
      setProcessing: (change) => setProcessing(pools.api, change),
    }),
    ...tradeRoutes({
      processOrders: () => processRequested(context, report),
      getProcessing: () => getProcessing(pools.health, now(), context.startedAt),
    }),
  ];
}

function createExpress(context: Context, role: AppRole): Express {
  const { config, pools } = context;
  const isDraining = (): boolean => context.draining;
  const readiness = createReadiness({
    // Reading the kill switch proves more than SELECT 1: the schema is there, and orders could be checked against it.
    askDatabase: () => readKillSwitch(pools.health),
    isDraining,
    timeoutMs: READINESS_TIMEOUT_MS,
  });
  const health = healthRoutes({
    readiness,
    uptimeSeconds: () => Math.round(process.uptime()),
    build: config.build,
  });
  const routes = role === 'worker' ? health : [...health, ...tradingRoutes(context)];
  return createServer([...routes, ...documentRoutes(routes)], {
    ...config.http,
    logger: context.logger,
    orderProcessingApiKey: config.orderProcessingApiKey,
    nextOrderProcessingApiKey: config.nextOrderProcessingApiKey,
    identifyKey: (presented) => identifyKey(pools.api, config.lockout, presented),
    countAuthFailure: context.metrics.countAuthFailure,
    sendToRedis: context.redis?.send,
    observe: context.metrics.observeRequest,
    isDraining,
  });
}

function redisOf(config: Config, logger: Logger, onChange?: () => void): Redis | undefined {
  if (config.redisUrl === null) return undefined;
  return createRedis({
    url: config.redisUrl,
    commandTimeoutMs: REDIS_COMMAND_TIMEOUT_MS,
    onError: (error) => logger.warn({ err: error }, 'Redis connection lost'),
    ...(onChange === undefined ? {} : { onChange }),
  });
}

function killSwitchOf(config: Config, logger: Logger, pool: DatabasePool) {
  const redis = redisOf(config, logger, () => void control.look());
  const control = createKillSwitch({
    pool,
    redis: redis && createRedisSwitch(redis),
    onChange: ({ state, version, reason, changedBy: by }) =>
      logger.warn({ state, version, reason, by }, 'Kill switch changed'),
    onError: (error) => logger.error({ err: error }, 'Kill switch and Redis cannot be compared'),
  });
  return { switchRedis: redis, killSwitch: control };
}

function createContext(config: Config, { logger, logCounts = createAlarmCounter() }: AppOptions): Context {
  // The metrics watch the pools, which tell them of each statement.
  const pools = createPools(config, logger, {
    isSilent: () => silence.isSilent(),
    observeStatement: (pool, seconds) => metrics.observeStatement(pool, seconds),
  });
  const silence = createSilenceWatch({
    pool: pools.silence,
    cut: [pools.api, pools.killSwitch],
    onChange: (silent) => logger.warn({ silent }, 'PostgreSQL went silent, or answers again'),
  });
  const { killSwitch, switchRedis } = killSwitchOf(config, logger, pools.killSwitch);
  const metrics = createMetrics({
    // The scrape itself uses the health pool, whose gauges would therefore only show the scrape.
    pools: { api: pools.api.stats, worker: pools.worker.stats },
    killSwitchEngaged: async () => (await killSwitch.read()).state !== 'ACTIVE',
    isRedisReadable: killSwitch.isRedisReadable,
    operations: () =>
      withConnection(pools.health, async (tx) => ({
        ...(await readOperations(tx)),
        workers: await findWorkerAges(tx),
      })),
    portfolio: () => withConnection(pools.health, readPortfolioTotals),
    server: () => withConnection(pools.health, readServerStats),
    askDatabase: () => readKillSwitch(pools.health),
    logCounts,
  });
  const redis = redisOf(config, logger);
  return { config, logger, pools, silence, redis, switchRedis, killSwitch, metrics, draining: false, startedAt: now() };
}

/** Every role watches: whichever process looks first takes over what an operator did in Redis. */
async function startWatch({ killSwitch, logger }: Context): Promise<Loop | undefined> {
  if (killSwitch.isRedisReadable() === null) return undefined;
  await killSwitch.firstLook();
  return startLoop({
    intervalMs: WATCH_INTERVAL_MS,
    step: killSwitch.look,
    onError: (error) => logger.error({ err: error }, 'Kill switch and Redis cannot be compared'),
  });
}

/** Requests learn of a silent PostgreSQL from it, not from their own timeouts. */
function startSilenceWatch({ silence, logger }: Context): Loop {
  return startLoop({
    intervalMs: SILENCE_INTERVAL_MS,
    step: silence.look,
    onError: (error) => logger.error({ err: error }, 'PostgreSQL cannot be asked whether it answers'),
  });
}

function startProcessor(context: Context, supervisor: Supervisor): void {
  const pool = context.pools.worker;
  startLimitProcessor({
    pool,
    run: (loop) => supervisor.work('limit-processor', loop),
    bounds: boundsOf(context.config),
    intervalMs: context.config.processor.intervalMs,
    log: context.logger,
    turns: createMarketTurns({ readCalendars: () => withConnection(pool, findCalendars), now }),
    record: createCycleRecord(
      (result) => withConnection(pool, (tx) => recordCycleEnd(tx, 'worker', result)),
      () => performance.now(),
    ),
    onCycle: (cycle) => observeCycle(context, cycle),
    onFailedCycle: context.metrics.countFailedCycle,
  });
}

function startFeed({ config, logger: log, metrics, pools }: Context, supervisor: Supervisor): void {
  const { providers, timeoutMs, callsPerDay, breakerPauseMs: pauseMs, pollMs, toleranceBps } = config.quotes;
  const source = createQuoteSource({
    ...{ providers, timeoutMs, callsPerDay, maxAgeMs: config.orders.quoteMaxAgeMs },
    breaker: { ...PROVIDER_BREAKER, pauseMs },
    onOutcome: metrics.countQuote,
  });
  startQuoteFeed(supervisor, { pool: pools.worker, source, intervalMs: pollMs, toleranceBps, log });
}

/** What works without being asked. */
interface Workers {
  /** Lets the steps in progress finish. */
  readonly stop: () => Promise<void>;
}

function startWorkers(context: Context): Workers {
  const { config, logger: log, metrics, pools } = context;
  const pool = pools.worker;
  const instance = { id: randomUUIDv7(), host: hostname(), processId: process.pid };
  const supervisor = createSupervisor({ pool, instance, log });
  startProcessor(context, supervisor);
  const projector = startActivityProjector({
    pool,
    connectionString: config.databaseUrl,
    intervalMs: OUTBOX_POLL_MS,
    forWebhook: config.webhook !== null,
    log,
    run: (loop) => supervisor.work('activity-projector', loop),
    onProjected: metrics.countProjected,
  });
  const run = (loop: LoopOptions): Loop => supervisor.work('webhook-sender', loop);
  const shared = { pool, intervalMs: OUTBOX_POLL_MS, log, run, onOutcome: metrics.countWebhook };
  if (config.webhook !== null) startWebhookSender({ ...shared, ...config.webhook });
  if (config.quotes.providers.length > 0) startFeed(context, supervisor);
  startReconciler(supervisor, { pool, log });
  startReaper(supervisor, { pool, log });
  // The projector has a listener beside its loop.
  return { stop: async () => void (await Promise.all([projector.stop(), supervisor.stop()])) };
}

/** Rejects when `work` is not done in time; `work` itself goes on. */
async function within(deadlineMs: number, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not drained within ${deadlineMs} ms`)), deadlineMs);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Wires everything. Nothing listens and nothing is connected before `start`. */
export function createApp(config: Config, options: AppOptions): App {
  const role = options.role ?? 'all';
  const context = createContext(config, options);
  const express = createExpress(context, role);
  const api = createListener(express);
  const scrape = createListener((request, response) => {
    if (request.url === '/metrics' && request.method === 'GET') context.metrics.handle(request, response);
    else response.writeHead(404).end();
  });
  let workers: Workers | undefined;
  let watch: Loop | undefined;
  let silenceWatch: Loop | undefined;
  let closing: Promise<void> | undefined;

  const release = async (): Promise<void> => {
    await Promise.all([api.drain(), workers?.stop()]);
    await Promise.all([watch?.stop(), silenceWatch?.stop()]);
    // The last scrape may still be under way; nothing else is worth waiting for on that port.
    scrape.cut();
    await scrape.drain();
    await Promise.all([context.metrics.close(), context.redis?.close(), context.switchRedis?.close()]);
    await Promise.all(Object.values(context.pools).map((pool: DatabasePool) => pool.end()));
  };
  const drain = async (): Promise<void> => {
    context.draining = true;
    await new Promise((resolve) => setTimeout(resolve, config.drain.delayMs));
    await release();
  };
  return {
    express,
    start: async () => {
      try {
        await Promise.all([context.redis?.start(), context.switchRedis?.start()]);
        silenceWatch = startSilenceWatch(context);
        watch = await startWatch(context);
        const metricsPort = await scrape.listen(config.metrics.host, config.metrics.port);
        const port = await api.listen(config.http.host, config.http.port);
        if (role !== 'api') workers = startWorkers(context);
        return { port, metricsPort };
      } catch (error) {
        await release();
        throw error;
      }
    },
    close: (deadlineMs) => {
      closing ??= within(deadlineMs, drain()).catch((error: unknown) => {
        api.cut();
        throw error;
      });
      return closing;
    },
  };
}

/** Every route of the live router, without a database, a configuration or a port. */
export function describeRoutes(): readonly LiveRoute[] {
  const config = loadConfig({
    DATABASE_URL: 'postgres://127.0.0.1/none',
    ORDER_PROCESSING_API_KEY: randomBytes(32).toString('hex'),
  });
  const logger = createLogger({ level: 'silent', nodeEnv: 'production', secrets: [] });
  return liveRoutes(createApp(config, { logger }).express);
}
