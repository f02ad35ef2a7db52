/** What works without being asked. */
import { randomUUIDv7 } from 'node:crypto';
import { hostname } from 'node:os';
import { findCalendars } from '../db/calendars.ts';
import { withConnection } from '../db/pool.ts';
import { recordCycleEnd } from '../db/processing-cycles.ts';
import { SILENCE_INTERVAL_MS } from '../db/silence.ts';
import { PROVIDER_BREAKER } from '../domain/provider-breaker.ts';
import { WATCH_INTERVAL_MS } from '../kill-switch/watch.ts';
import { createQuoteSource } from '../market-data/quote-source.ts';
import { startActivityProjector } from '../workers/activity-projector.ts';
import { createCycleRecord } from '../workers/cycle-record.ts';
import { startReaper, startReconciler } from '../workers/housekeeping.ts';
import { startLimitProcessor } from '../workers/limit-processor.ts';
import { type Loop, type LoopOptions, startLoop } from '../workers/loop.ts';
import { createMarketTurns } from '../workers/market-turns.ts';
import { startQuoteFeed } from '../workers/quote-feed.ts';
import { createSupervisor, type Supervisor } from '../workers/supervisor.ts';
import { startWebhookSender } from '../workers/webhook-sender.ts';
import { boundsOf, type Context, now, observeCycle } from './context.ts';

/** The net under the notifications of the outbox, and how soon a delivery that is due is tried. */
const OUTBOX_POLL_MS = 500;

/** Every role watches: whichever process looks first takes over what an operator did in Redis. */
export async function startWatch({ killSwitch, logger }: Context): Promise<Loop | undefined> {
  if (killSwitch.isRedisReadable() === null) return undefined;
  await killSwitch.firstLook();
  return startLoop({
    intervalMs: WATCH_INTERVAL_MS,
    step: killSwitch.look,
    onError: (error) => logger.error({ err: error }, 'Kill switch and Redis cannot be compared'),
  });
}

/** Requests learn of a silent PostgreSQL from it, not from their own timeouts. */
export function startSilenceWatch({ silence, logger }: Context): Loop {
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
export interface Workers {
  /** Lets the steps in progress finish. */
  readonly stop: () => Promise<void>;
}

export function startWorkers(context: Context): Workers {
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
