import type { IncomingMessage, ServerResponse } from 'node:http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { AggregationType, MeterProvider, type ViewOptions } from '@opentelemetry/sdk-metrics';
import { type ServerSeen, watchServer } from './database-metrics.ts';
import type { LogCounts } from './log-counts.ts';
import { watchHost, watchProcess } from './process-metrics.ts';

/** What became of a placement. `refused` stored nothing; `failed` is our own fault. */
export const ORDER_OUTCOMES = ['placed', 'denied', 'replayed', 'refused', 'failed'] as const;
export type OrderOutcome = (typeof ORDER_OUTCOMES)[number];

/** Why a presented credential was not let in. `locked`: with it, its address was locked out. */
export const AUTH_FAILURES = ['unknown', 'locked', 'refused-while-locked'] as const;
export type AuthFailure = (typeof AUTH_FAILURES)[number];

/** Why a request was refused for load. */
export const SHED_CAUSES = ['in-flight', 'pool', 'event-loop'] as const;
export type ShedCause = (typeof SHED_CAUSES)[number];

/** What became of the orders that a processing cycle looked at. */
export const CYCLE_RESULTS = ['examined', 'executed', 'expired', 'failed'] as const;
export type CycleCounts = Readonly<Record<(typeof CYCLE_RESULTS)[number], number>>;

/** What became of one try to deliver. `failed` is tried again, `dead` is not. */
export const WEBHOOK_OUTCOMES = ['delivered', 'failed', 'dead'] as const;
export type WebhookOutcome = (typeof WEBHOOK_OUTCOMES)[number];

/** Gauges of one connection pool, in connections and callers. */
export interface PoolGauges {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
  readonly max: number;
}

/** How the work behind the requests stands; seconds and counts. Null where there is nothing to tell of yet. */
export interface OperationsSeen {
  readonly outboxBacklog: number;
  readonly portfolioStalenessS: number;
  readonly ordersWaiting: number;
  readonly busiestAccountOrders: number;
  readonly webhookBacklog: number;
  readonly reconciliationAgeS: number | null;
  readonly reconciliationDurationS: number | null;
  readonly reconciliationActions: number | null;
  readonly reconciliationUnresolved: number | null;
  readonly workers: readonly { readonly name: string; readonly heartbeatAgeS: number; readonly paused: boolean }[];
}

/** All accounts together, in the currency of the books. */
export interface PortfolioSeen {
  readonly value: number;
  readonly profit: number;
  readonly positions: number;
  /** Seconds; null without a quote. */
  readonly quoteAgeS: number | null;
}

export interface MetricsSources {
  readonly pools: Readonly<Record<string, () => PoolGauges>>;
  /** Asked at each scrape. A rejection counts as engaged: a switch that cannot be read is not known to be open. */
  readonly killSwitchEngaged: () => Promise<boolean>;
  /** Whether Redis could be read when last asked; null without Redis. */
  readonly isRedisReadable: () => boolean | null;
  /** Asked at each scrape, of the database: all replicas show the same. A rejection leaves its gauges out. */
  readonly operations: () => Promise<OperationsSeen>;
  /** Asked at each scrape. A rejection leaves its gauges out. */
  readonly portfolio: () => Promise<PortfolioSeen>;
  /** Asked at each scrape; a rejection says that the database is lost. */
  readonly askDatabase: () => Promise<unknown>;
  /** Asked at each scrape. A rejection leaves its metrics out. */
  readonly server: () => Promise<ServerSeen>;
  /** What was logged since the start, by level and by message. */
  readonly logCounts: LogCounts;
}

/** Seconds. From a fast read to a request at its timeout; 20, 100 and 150 ms are the promised limits. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5];
/** The last is the second after which the checklists call a statement slow. */
const STATEMENT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1];
const CYCLE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

function buckets(instrumentName: string, boundaries: number[]): ViewOptions {
  return { instrumentName, aggregation: { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries } } };
}

// The exporter adds no unit to a name, and Prometheus wants it there.
const REQUEST_DURATION = 'http_server_request_duration_seconds';
const CYCLE_DURATION = 'limit_processor_cycle_duration_seconds';
const STATEMENT_DURATION = 'database_statement_duration_seconds';

export interface Metrics {
  readonly observeRequest: (seen: { method: string; route: string; status: number; seconds: number }) => void;
  readonly countOrder: (outcome: OrderOutcome) => void;
  readonly countAuthFailure: (failure: AuthFailure) => void;
  readonly countShed: (cause: ShedCause) => void;
  /** One processing cycle that came to its end, with what it did. */
  readonly observeCycle: (seconds: number, counts: CycleCounts) => void;
  readonly countFailedCycle: () => void;
  /** One statement of a connection pool. */
  readonly observeStatement: (pool: string, seconds: number) => void;
  /** Order events that became activity. */
  readonly countProjected: (events: number) => void;
  readonly countWebhook: (outcome: WebhookOutcome) => void;
  /** One look at a provider of quotes, with what became of it. */
  readonly countQuote: (provider: string, outcome: string) => void;
  /** Answers a scrape in Prometheus's text format. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly close: () => Promise<void>;
}

type Meter = ReturnType<MeterProvider['getMeter']>;

function watchPools(meter: Meter, pools: MetricsSources['pools']): void {
  const connections = meter.createObservableGauge('database.pool.connections', {
    description: 'Connections by pool and state.',
  });
  const waiting = meter.createObservableGauge('database.pool.waiting', {
    description: 'Callers that wait for a connection.',
  });
  const max = meter.createObservableGauge('database.pool.max_connections', {
    description: 'Most connections at once.',
  });
  meter.addBatchObservableCallback(
    (result) => {
      for (const [pool, read] of Object.entries(pools)) {
        const stats = read();
        result.observe(connections, stats.idle, { pool, state: 'idle' });
        result.observe(connections, stats.total - stats.idle, { pool, state: 'used' });
        result.observe(waiting, stats.waiting, { pool });
        result.observe(max, stats.max, { pool });
      }
    },
    [connections, waiting, max],
  );
}

function watchKillSwitch(meter: Meter, engaged: MetricsSources['killSwitchEngaged']): void {
  const gauge = meter.createObservableGauge('kill_switch.engaged', {
    description: '1 while the kill switch is engaged or cannot be read.',
  });
  gauge.addCallback(async (result) => {
    const isEngaged = await engaged().catch(() => true);
    result.observe(isEngaged ? 1 : 0);
  });
}

function watchRedis(meter: Meter, isReadable: MetricsSources['isRedisReadable']): void {
  const gauge = meter.createObservableGauge('redis.up', { description: '1 while Redis answers the kill switch.' });
  gauge.addCallback((result) => {
    const up = isReadable();
    if (up !== null) result.observe(up ? 1 : 0);
  });
}

/** Names and meanings of the gauges that show one number of the work behind the requests. */
const OPERATIONS_GAUGES = {
  outboxBacklog: ['outbox.backlog_events', 'Events that the portfolio has not taken in; counted up to 10,000.'],
  portfolioStalenessS: ['portfolio.staleness_seconds', 'Age of the oldest event that the portfolio has not taken in.'],
  ordersWaiting: ['orders.waiting', 'Orders that wait for the service or a venue; counted up to 10,000.'],
  busiestAccountOrders: [
    'orders.busiest_account_per_minute',
    'Most orders that one account stored in the last minute.',
  ],
  webhookBacklog: ['webhook.backlog_deliveries', 'Webhook deliveries that are not over; counted up to 10,000.'],
  reconciliationAgeS: ['reconciliation.age_seconds', 'Time since the books were last compared.'],
  reconciliationDurationS: ['reconciliation.duration_seconds', 'How long the last comparison of the books took.'],
  reconciliationActions: ['reconciliation.actions', 'What the last comparison of the books put right.'],
  reconciliationUnresolved: ['reconciliation.unresolved', 'Differences in the books that a person must look at.'],
} as const satisfies Record<Exclude<keyof OperationsSeen, 'workers'>, readonly [string, string]>;

function watchOperations(meter: Meter, operations: MetricsSources['operations']): void {
  const gauges = (Object.keys(OPERATIONS_GAUGES) as (keyof typeof OPERATIONS_GAUGES)[]).map((key) => {
    const [name, description] = OPERATIONS_GAUGES[key];
    return { key, gauge: meter.createObservableGauge(name, { description }) };
  });
  const age = meter.createObservableGauge('worker.heartbeat_age_seconds', {
    description: 'Time since any process of this worker last said that it lives.',
  });
  const paused = meter.createObservableGauge('worker.paused', {
    description: '1 while every process of this worker rests after errors in a row.',
  });
  meter.addBatchObservableCallback(
    async (result) => {
      // Without the database these numbers are unknown, and a scrape without them says so; its own gauges tell the rest.
      const seen = await operations().catch(() => undefined);
      if (seen === undefined) return;
      for (const { key, gauge } of gauges) {
        const value = seen[key];
        if (value !== null) result.observe(gauge, value);
      }
      for (const worker of seen.workers) {
        result.observe(age, worker.heartbeatAgeS, { worker: worker.name });
        result.observe(paused, worker.paused ? 1 : 0, { worker: worker.name });
      }
    },
    [...gauges.map(({ gauge }) => gauge), age, paused],
  );
}

function watchDatabase(meter: Meter, ask: MetricsSources['askDatabase']): void {
  const gauge = meter.createObservableGauge('database.up', { description: '1 while the database answers.' });
  gauge.addCallback(async (result) => {
    const isUp = await ask().then(
      () => true,
      () => false,
    );
    result.observe(isUp ? 1 : 0);
  });
}

function watchPortfolio(meter: Meter, portfolio: MetricsSources['portfolio']): void {
  const value = meter.createObservableGauge('portfolio.value', {
    description: 'Cash and holdings of all accounts at the last quotes.',
  });
  const profit = meter.createObservableGauge('portfolio.profit', {
    description: 'Realised and unrealised profit of all accounts since their beginning.',
  });
  const positions = meter.createObservableGauge('portfolio.positions', {
    description: 'Holdings that are not nothing.',
  });
  const quoteAge = meter.createObservableGauge('market_data.quote_age_seconds', {
    description: 'Age of the oldest quote.',
  });
  meter.addBatchObservableCallback(
    async (result) => {
      const seen = await portfolio().catch(() => undefined);
      if (seen === undefined) return;
      result.observe(value, seen.value);
      result.observe(profit, seen.profit);
      result.observe(positions, seen.positions);
      if (seen.quoteAgeS !== null) result.observe(quoteAge, seen.quoteAgeS);
    },
    [value, profit, positions, quoteAge],
  );
}

/** Constant messages make a bounded label: those that alerts look for are counted each, all others by their level. */
function watchLog(meter: Meter, counts: LogCounts): void {
  const lines = meter.createObservableCounter('log.lines', { description: 'Lines logged, by level.' });
  const alarms = meter.createObservableCounter('log.alarms', {
    description: 'Lines logged whose message an alert looks for.',
  });
  lines.addCallback((result) => {
    for (const [level, count] of counts.levels) result.observe(count, { level });
  });
  alarms.addCallback((result) => {
    for (const [message, count] of counts.alarms) result.observe(count, { message });
  });
}

/** A meter provider of its own, scraped on a port of its own; independent of tracing. */
export function createMetrics(sources: MetricsSources): Metrics {
  const exporter = new PrometheusExporter({
    preventServerStart: true,
    withoutScopeInfo: true,
    withoutTargetInfo: true,
  });
  const provider = new MeterProvider({
    readers: [exporter],
    views: [
      buckets(REQUEST_DURATION, REQUEST_BUCKETS),
      buckets(CYCLE_DURATION, CYCLE_BUCKETS),
      buckets(STATEMENT_DURATION, STATEMENT_BUCKETS),
    ],
  });
  const meter = provider.getMeter('order-service');
  const requests = meter.createHistogram(REQUEST_DURATION, { description: 'Time to answer a request.' });
  const orders = meter.createCounter('orders', { description: 'Placements by what became of them.' });
  const authFailures = meter.createCounter('auth.failures', { description: 'Credentials that were not let in.' });
  const shed = meter.createCounter('requests.shed', { description: 'Requests refused for load, by cause.' });
  const cycles = meter.createHistogram(CYCLE_DURATION, { description: 'Time of a processing cycle.' });
  const statements = meter.createHistogram(STATEMENT_DURATION, { description: 'Time of a statement, by pool.' });
  const cycleOrders = meter.createCounter('limit_processor.orders', { description: 'Orders that cycles looked at.' });
  const failedCycles = meter.createCounter('limit_processor.failed_cycles', { description: 'Cycles that failed.' });
  const projected = meter.createCounter('activity.projected', { description: 'Order events that became activity.' });
  const quotes = meter.createCounter('quotes.requests', { description: 'Looks at providers of quotes.' });
  const webhooks = meter.createCounter('webhook.attempts', { description: 'Webhook deliveries tried.' });
  // A counter that first appears at 1 hides its first increase from rate().
  for (const outcome of ORDER_OUTCOMES) orders.add(0, { outcome });
  for (const failure of AUTH_FAILURES) authFailures.add(0, { failure });
  for (const cause of SHED_CAUSES) shed.add(0, { cause });
  for (const result of CYCLE_RESULTS) cycleOrders.add(0, { result });
  failedCycles.add(0);
  projected.add(0);
  for (const outcome of WEBHOOK_OUTCOMES) webhooks.add(0, { outcome });
  watchPools(meter, sources.pools);
  watchServer(meter, sources.server);
  watchHost(meter);
  const unwatch = watchProcess(meter);
  watchKillSwitch(meter, sources.killSwitchEngaged);
  watchRedis(meter, sources.isRedisReadable);
  watchOperations(meter, sources.operations);
  watchDatabase(meter, sources.askDatabase);
  watchPortfolio(meter, sources.portfolio);
  watchLog(meter, sources.logCounts);
  return {
    observeRequest: (seen) =>
      requests.record(seen.seconds, {
        'http.request.method': seen.method,
        'http.route': seen.route,
        'http.response.status_code': String(seen.status),
      }),
    countOrder: (outcome) => orders.add(1, { outcome }),
    countAuthFailure: (failure) => authFailures.add(1, { failure }),
    countShed: (cause) => shed.add(1, { cause }),
    observeCycle: (seconds, counts) => {
      cycles.record(seconds);
      for (const result of CYCLE_RESULTS) cycleOrders.add(counts[result], { result });
    },
    countFailedCycle: () => failedCycles.add(1),
    observeStatement: (pool, seconds) => statements.record(seconds, { pool }),
    countProjected: (events) => projected.add(events),
    countWebhook: (outcome) => webhooks.add(1, { outcome }),
    countQuote: (provider, outcome) => quotes.add(1, { provider, outcome }),
    handle: (request, response) => exporter.getMetricsRequestHandler(request, response),
    close: () => {
      unwatch();
      return provider.shutdown();
    },
  };
}
