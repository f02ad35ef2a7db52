/** Requests: every route, with what it calls. */
import type { Express } from 'express';
import { identifyKey } from '../access/identify-key.ts';
import { clearLockout, listLockouts } from '../access/lockouts.ts';
import type { PoolStats } from '../db/pool.ts';
import { inSession } from '../domain/processing-schedule.ts';
import { activityRoutes } from '../http/activity.ts';
import { documentRoutes } from '../http/docs.ts';
import { healthRoutes } from '../http/health.ts';
import { killSwitchRoutes } from '../http/kill-switch.ts';
import { lockoutRoutes } from '../http/lockouts.ts';
import { operationsRoutes } from '../http/operations.ts';
import { orderRoutes } from '../http/orders.ts';
import { portfolioRoutes } from '../http/portfolio.ts';
import { createReadiness } from '../http/readiness.ts';
import { riskRoutes } from '../http/risk.ts';
import type { Route } from '../http/route.ts';
import { createServer } from '../http/server.ts';
import { strategyRoutes } from '../http/strategies.ts';
import { type ProcessingOutcome, tradeRoutes } from '../http/trade.ts';
import { readKillSwitch } from '../kill-switch/kill-switch.ts';
import { cancelOrder } from '../orders/cancel-order.ts';
import { checkOrder } from '../orders/check-order.ts';
import type { ExecutionCycle } from '../orders/execute-limit-orders.ts';
import { getOrder, getOrderEvents } from '../orders/get-order.ts';
import { getPortfolio } from '../orders/get-portfolio.ts';
import { getProcessing } from '../orders/get-processing.ts';
import { listActivity } from '../orders/list-activity.ts';
import { listFills } from '../orders/list-fills.ts';
import { listOrders } from '../orders/list-orders.ts';
import { readProcessing, resolveOrder, setProcessing } from '../orders/operate.ts';
import { placeOrder } from '../orders/place-order.ts';
import { processOrders } from '../orders/process-orders.ts';
import { reconcileBooks } from '../orders/reconcile.ts';
import { changeLimits, getLimits } from '../orders/risk-limits.ts';
import { changeStrategy, listStrategies } from '../orders/strategies.ts';
import { createCycleReport, PROCESSOR_MESSAGES } from '../workers/limit-processor.ts';
import { type AppRole, boundsOf, type Context, now, observeCycle } from './context.ts';

const READINESS_TIMEOUT_MS = 1000;

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

/** Whether whoever comes now would wait in vain: the one in front has waited too long already. */
function isBehind({ waiting, max, longestWaitMs }: PoolStats, waitMaxMs: number): boolean {
  // Nobody stands in line while the first connections are being made, however long that takes.
  return waiting >= max && longestWaitMs >= waitMaxMs;
}

export function createExpress(context: Context, role: AppRole): Express {
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
    identifyKey: (presented) => identifyKey(pools.access, config.lockout, presented),
    countAuthFailure: context.metrics.countAuthFailure,
    // As many as are worked on, and as many again that wait.
    inFlightMaxWhenLate: 2 * config.pool.max,
    isPoolBehind: () => [pools.access, pools.api].some((pool) => isBehind(pool.stats(), config.http.poolWaitMaxMs)),
    isLate: context.eventLoop.isLate,
    countShed: context.metrics.countShed,
    sendToRedis: context.redis?.send,
    observe: context.metrics.observeRequest,
    isDraining,
  });
}
