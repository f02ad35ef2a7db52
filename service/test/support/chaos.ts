/**
 * A random workload on paper money, and reports of a venue, with kills of the service, PostgreSQL and Redis while it runs, and the audit after it.
 * The same seed asks for the same things; what they meet is up to the machine.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { createPool, type DatabasePool, transaction } from '../../src/db/pool.ts';
import { upsertQuotes } from '../../src/db/quotes.ts';
import { MIGRATIONS_DIR, migrate } from '../../src/migrate.ts';
import { type Seeded, seed as seedDatabase } from '../../src/seed.ts';
import { type ChaosVenue, reportAtRandom } from './chaos-venue.ts';
import { type Answer, ask } from './client.ts';
import { runCommand } from './command.ts';
import { type Cluster, freePort, startCluster } from './postgres.ts';
import { hasRedis, startRedis, type TestRedis } from './redis.ts';
import { testEnvironment } from './running-app.ts';
import { endProcess, type RunningProcess, startProcess } from './running-process.ts';

const TRADERS = 5;
const CLIENTS = 6;
const QUOTE_EVERY_MS = 100;
const FAULT_EVERY_MS = [1500, 4000] as const;
const DOWN_MS = [100, 1500] as const;
/** How long everything may take to be as it was, after a fault and at the end. */
const RECOVERY_MS = 30_000;
const POLL_MS = 50;
/** Asked for again after no answer, with the same key. */
const RETRIES_MAX = 200;
const RETRY_PAUSE_MS = 100;
/** Where the seed's quotes stand. */
const PRICES = { BTCUSDT: 65_000, ETHUSDT: 3500 } as const;
type Symbol = keyof typeof PRICES;
const SYMBOLS = Object.keys(PRICES) as Symbol[];

export type Fault = 'service' | 'postgresql' | 'redis';

export interface ChaosReport {
  readonly seed: number;
  /** How often each was killed, and how many requests were in flight then, in all. */
  readonly faults: Readonly<Record<Fault, { readonly times: number; readonly inFlight: number }>>;
  readonly answers: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  /** Acknowledged, and not in the database: must be empty. */
  readonly lost: readonly string[];
  /** A key whose repetition was answered with another order: must be empty. */
  readonly differing: readonly string[];
  readonly audit: {
    readonly ok: boolean;
    readonly invariants: readonly {
      readonly name: string;
      readonly looksAt: number;
      readonly violations: number;
      readonly verdict: string;
      readonly examples: readonly string[];
    }[];
  };
}

interface Stack {
  readonly cluster: Cluster;
  readonly databaseUrl: string;
  readonly redis: TestRedis | undefined;
  readonly pool: DatabasePool;
  readonly seeded: Seeded;
  readonly env: Readonly<Record<string, string>>;
  service: RunningProcess;
}

interface Tally {
  readonly answers: Map<string, number>;
  /** What each key was answered with when it was acknowledged. */
  readonly acknowledged: Map<string, string>;
  readonly differing: string[];
  readonly faults: Record<Fault, { times: number; inFlight: number }>;
  inFlight: number;
}

/** mulberry32, public domain: small, and the same on every machine. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const between = (random: () => number, [low, high]: readonly [number, number]): number => low + random() * (high - low);
const pick = <T>(random: () => number, some: readonly [T, ...T[]] | readonly T[]): T => {
  const chosen = some[Math.floor(random() * some.length)];
  if (chosen === undefined) throw new RangeError('nothing to pick from');
  return chosen;
};
const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs for `durationMs`, then lets everything settle, and audits. `progress` hears a line now and then. */
export async function runChaos(
  durationMs: number,
  seed: number,
  progress: (line: string) => void = () => undefined,
): Promise<ChaosReport> {
  const stack = await startStack();
  try {
    const tally = createTally();
    const stopAt = Date.now() + durationMs;
    const running = (): boolean => Date.now() < stopAt;
    const clients = Array.from({ length: CLIENTS }, (_, n) => trade(stack, tally, randomFrom(seed + n + 1), running));
    const quotes = moveQuotes(stack, randomFrom(seed + 1000), running);
    const venue = reportAtRandom(venueOf(stack, tally), randomFrom(seed + 2000), running);
    await strike(stack, tally, randomFrom(seed), running, progress);
    await Promise.all([...clients, quotes, venue]);
    await settle(stack);
    return await report(stack, tally, seed);
  } finally {
    await stopStack(stack);
  }
}

function createTally(): Tally {
  const none = () => ({ times: 0, inFlight: 0 });
  return {
    answers: new Map(),
    acknowledged: new Map(),
    differing: [],
    faults: { service: none(), postgresql: none(), redis: none() },
    inFlight: 0,
  };
}

async function startStack(): Promise<Stack> {
  const cluster = await startCluster(true);
  const redis = hasRedis ? await startRedis() : undefined;
  let pool: DatabasePool | undefined;
  try {
    const databaseUrl = await createDatabase(cluster.url);
    pool = createPool({
      connectionString: databaseUrl,
      applicationName: 'chaos',
      max: 4,
      queueMax: 10,
      connectionTimeoutMs: 1000,
      statementTimeoutMs: 5000,
      lockTimeoutMs: 5000,
      idleInTransactionTimeoutMs: 5000,
      queryTimeoutMs: 6000,
      onError: () => undefined,
    });
    const seeded = await seedDatabase(pool, TRADERS, true);
    const env = testEnvironment(databaseUrl, {
      PORT: String(await freePort()),
      // The line that says where it listens is an ordinary one.
      LOG_LEVEL: 'info',
      PROCESSOR_INTERVAL_MS: '50',
      MAX_ORDER_NOTIONAL: '1000000',
      ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    });
    return { cluster, databaseUrl, redis, pool, seeded, env, service: await startProcess({ env }) };
  } catch (error) {
    await pool?.end();
    await redis?.kill();
    await cluster.stop();
    throw error;
  }
}

async function createDatabase(adminUrl: string): Promise<string> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query('CREATE DATABASE chaos');
  await admin.end();
  const url = new URL(adminUrl);
  url.pathname = '/chaos';
  await migrate({ databaseUrl: url.href, migrationsDir: MIGRATIONS_DIR, direction: 'up', warn: () => undefined });
  return url.href;
}

async function stopStack(stack: Stack): Promise<void> {
  await endProcess(stack.service);
  await stack.pool.end();
  await stack.redis?.kill();
  await stack.cluster.stop();
}

/** One client: random orders of all kinds, and cancels of its own. */
async function trade(stack: Stack, tally: Tally, random: () => number, running: () => boolean): Promise<void> {
  const trader = pick(random, stack.seeded.traders);
  const own: string[] = [];
  while (running()) {
    if (own.length > 0 && random() < 0.3) {
      const [id = ''] = own.splice(Math.floor(random() * own.length), 1);
      await request(stack, tally, 'POST', `/api/v1/orders/${id}/cancel`, { key: trader.key });
    } else {
      const id = await place(stack, tally, trader.key, randomOrder(random), running);
      if (id !== undefined) own.push(id);
    }
  }
}

function randomOrder(random: () => number): Readonly<Record<string, unknown>> {
  const symbol = pick(random, SYMBOLS);
  const side = pick(random, ['BUY', 'SELL'] as const);
  const quantity = (Math.ceil(random() * 100) / 1000).toString();
  if (random() < 0.2) {
    return { symbol, side, type: 'MARKET', quantity, mode: 'PAPER' };
  }
  // Mostly within reach of where the quotes wander.
  const price = (PRICES[symbol] * between(random, [0.99, 1.01])).toFixed(2);
  const timeInForce = pick(random, ['GTC', 'GTC', 'IOC', 'DAY'] as const);
  return { symbol, side, type: 'LIMIT', quantity, price, mode: 'PAPER', timeInForce };
}

/** Asks until there is an answer, always with the same key: the outcome of a request without one is unknown. */
async function place(
  stack: Stack,
  tally: Tally,
  key: string,
  body: unknown,
  running: () => boolean,
): Promise<string | undefined> {
  const headers = { 'idempotency-key': randomUUID() };
  for (let retry = 0; retry < RETRIES_MAX; retry += 1) {
    const answer = await request(stack, tally, 'POST', '/api/v1/orders', { key, headers, body });
    if (answer?.status === 201) {
      return acknowledge(tally, headers['idempotency-key'], String(answer.json.id));
    }
    const unknown = answer === undefined || answer.status >= 500 || answer.status === 409;
    if (!unknown || !running()) return undefined;
    await rest(RETRY_PAUSE_MS);
  }
  return undefined;
}

function acknowledge(tally: Tally, key: string, id: string): string {
  const before = tally.acknowledged.get(key);
  if (before !== undefined && before !== id) tally.differing.push(`${key}: ${before}, then ${id}`);
  tally.acknowledged.set(key, id);
  return id;
}

/** Undefined when there was no answer. */
async function request(
  stack: Stack,
  tally: Tally,
  method: string,
  path: string,
  options: { key: string; headers?: Readonly<Record<string, string>>; body?: unknown },
): Promise<Answer | undefined> {
  tally.inFlight += 1;
  const what = `${method} ${path.replace(/\/[0-9a-f-]{36}/, '/:id')}`;
  const count = (outcome: string): void => countAnswer(tally, `${what} ${outcome}`);
  try {
    const answer = await ask(stack.service.url, method, path, options);
    count(`${answer.status}${answer.status >= 400 ? ` ${answer.json.code}` : ''}`);
    return answer;
  } catch {
    // The service is down: what became of the request is for the repetition, and for the audit, to find out.
    count('no answer');
    return undefined;
  } finally {
    tally.inFlight -= 1;
  }
}

function countAnswer(tally: Tally, what: string): void {
  tally.answers.set(what, (tally.answers.get(what) ?? 0) + 1);
}

/** LIVE orders of the same accounts, so that both kinds meet in the same books. */
function venueOf({ pool, seeded }: Stack, tally: Tally): ChaosVenue {
  return {
    pool,
    accountIds: seeded.traders.map(({ accountId }) => accountId),
    symbol: 'ETHUSDT',
    price: PRICES.ETHUSDT,
    count: (outcome) => countAnswer(tally, `report ${outcome}`),
  };
}

async function moveQuotes(stack: Stack, random: () => number, running: () => boolean): Promise<void> {
  const place = { ...PRICES } as Record<Symbol, number>;
  while (running()) {
    for (const symbol of SYMBOLS) {
      const start = PRICES[symbol];
      place[symbol] = Math.min(start * 1.01, Math.max(start * 0.99, place[symbol] * between(random, [0.998, 1.002])));
    }
    const quotes = SYMBOLS.map((symbol) => ({
      symbol,
      bid: (place[symbol] * 0.9999).toFixed(2),
      ask: (place[symbol] * 1.0001).toFixed(2),
      asOf: null,
    }));
    // No quotes while the database is away: that is part of the fault.
    await transaction(stack.pool, (tx) => upsertQuotes(tx, quotes)).catch(() => undefined);
    await rest(QUOTE_EVERY_MS);
  }
}

async function strike(
  stack: Stack,
  tally: Tally,
  random: () => number,
  running: () => boolean,
  progress: (line: string) => void,
): Promise<void> {
  const kinds: Fault[] = ['service', 'postgresql', ...(stack.redis === undefined ? [] : (['redis'] as const))];
  // Each once in any case, then at random.
  for (let n = 0; ; n += 1) {
    await rest(between(random, FAULT_EVERY_MS));
    if (!running()) return;
    const kind = kinds[n] ?? pick(random, kinds);
    const downMs = between(random, DOWN_MS);
    tally.faults[kind].times += 1;
    tally.faults[kind].inFlight += tally.inFlight;
    progress(`${kind} killed with ${tally.inFlight} requests in flight, for ${Math.round(downMs)} ms`);
    await FAULTS[kind](stack, downMs);
  }
}

const FAULTS: Readonly<Record<Fault, (stack: Stack, downMs: number) => Promise<void>>> = {
  service: async (stack, downMs) => {
    stack.service.child.kill('SIGKILL');
    await stack.service.exited;
    await rest(downMs);
    stack.service = await startProcess({ env: stack.env });
  },
  postgresql: async (stack, downMs) => {
    await stack.cluster.crash(downMs);
    await untilReady(stack);
  },
  redis: async (stack, downMs) => {
    await stack.redis?.kill();
    await rest(downMs);
    await stack.redis?.start();
    await clearKillSwitch(stack);
  },
};

/** A Redis that has lost its memory counts as a switch that is engaged, until an operator says otherwise. */
async function clearKillSwitch(stack: Stack): Promise<void> {
  const body = { state: 'ACTIVE', reason: 'Redis is back, empty' };
  await untilTrue('the kill switch is cleared', async () => {
    const cleared = await ask(stack.service.url, 'PUT', '/api/v1/kill-switch', { key: stack.seeded.operator, body });
    return cleared.status === 200;
  });
}

async function untilReady(stack: Stack): Promise<void> {
  await untilTrue('the service is ready', async () => {
    return (await ask(stack.service.url, 'GET', '/health/ready')).status === 200;
  });
}

async function untilTrue(what: string, probe: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + RECOVERY_MS;
  for (;;) {
    if (await probe().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error(`did not happen within ${RECOVERY_MS} ms: ${what}`);
    await rest(POLL_MS);
  }
}

/** Every event is projected, and the service drains as it should. */
async function settle(stack: Stack): Promise<void> {
  await untilReady(stack);
  await untilTrue('the outbox is empty', async () => {
    const { rows } = await transaction(stack.pool, (tx) =>
      tx.query<{ n: number }>({
        text: 'SELECT count(*)::int AS n FROM execution.portfolio_events_outbox WHERE processed_at IS NULL',
      }),
    );
    return rows[0]?.n === 0;
  });
  stack.service.child.kill('SIGTERM');
  const code = await stack.service.exited;
  if (code !== 0) throw new Error(`the service left with ${code} instead of draining`);
}

async function report(stack: Stack, tally: Tally, seed: number): Promise<ChaosReport> {
  const { rows } = await transaction(stack.pool, (tx) =>
    tx.query<{ id: string }>({ text: 'SELECT id FROM execution.orders' }),
  );
  const stored = new Set(rows.map(({ id }) => id));
  const acknowledged = [...tally.acknowledged.values()];
  const { stdout, stderr } = await runCommand('audit.ts', ['--json'], { DATABASE_URL: stack.databaseUrl });
  if (stdout === '') throw new Error(`the audit failed: ${stderr}`);
  return {
    seed,
    faults: tally.faults,
    answers: Object.fromEntries([...tally.answers].sort()),
    acknowledged: acknowledged.length,
    lost: acknowledged.filter((id) => !stored.has(id)),
    differing: tally.differing,
    audit: JSON.parse(stdout),
  };
}
