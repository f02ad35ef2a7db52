import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPool } from '../src/db/pool.ts';
import { MIGRATIONS_DIR, migrate } from '../src/migrate.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { type Cluster, startCluster } from './support/postgres.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

/** A server of this file's own, because it is frozen and stopped here. */
let cluster: Cluster;
let service: RunningApp;
let trader: string;

beforeAll(async () => {
  cluster = await startCluster();
  await migrate({
    databaseUrl: cluster.url,
    migrationsDir: MIGRATIONS_DIR,
    direction: 'up',
    warn: (message) => process.stderr.write(`${message}\n`),
  });
  // Longer than a client may have to wait: what answers a frozen server's callers is not the timeout of their statement.
  service = await startApp(cluster.url, {
    STATEMENT_TIMEOUT_MS: '5000',
    QUERY_TIMEOUT_MS: '6000',
    REQUEST_TIMEOUT_MS: '7000',
    POOL_CONNECTION_TIMEOUT_MS: '5000',
  });
  const pool = createPool({
    connectionString: cluster.url,
    applicationName: 'fixtures',
    max: 2,
    queueMax: 10,
    connectionTimeoutMs: 5000,
    statementTimeoutMs: 5000,
    lockTimeoutMs: 5000,
    idleInTransactionTimeoutMs: 5000,
    queryTimeoutMs: 6000,
    onError: () => undefined,
  });
  await addMarket(pool);
  trader = await addKey(pool, 'trader', await addAccount(pool, '1000000'));
  await pool.end();
});
afterAll(async () => {
  await service.close();
  await cluster.stop();
});

/** The postmaster and every process of it, as it says itself. */
async function serverProcesses(): Promise<number[]> {
  const { Client } = (await import('pg')).default;
  const client = new Client({ connectionString: cluster.url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() UNION ALL SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int",
  );
  await client.end();
  return rows.map((row) => row.pid);
}

async function timed<T>(work: Promise<T>): Promise<{ answer: T; ms: number }> {
  const startedAt = performance.now();
  const answer = await work;
  return { answer, ms: performance.now() - startedAt };
}

async function expectUnavailable(withinMs: number): Promise<void> {
  const { answer, ms } = await timed(service.place(trader, orderBody()));
  expect([answer.status, answer.headers['retry-after'], answer.headers['content-type']]).toEqual([
    503,
    '1',
    'application/problem+json',
  ]);
  expect(['database_unavailable', 'database_timeout', 'overloaded']).toContain(answer.json.code);
  expect(ms).toBeLessThan(withinMs);
  const ready = await timed(service.ask('GET', '/health/ready'));
  expect([ready.answer.status, ready.answer.json]).toMatchObject([503, { ready: false, database: { status: 'down' } }]);
  expect(ready.ms).toBeLessThan(2000);
  expect((await service.ask('GET', '/api/v1/health')).status).toBe(503);
  const live = await service.ask('GET', '/health');
  expect([live.status, live.json.status]).toEqual([200, 'ok']);
  expect((await service.ask('GET', '/api/trade/process-orders', { key: service.processorKey })).status).toBe(503);
}

async function expectServing(): Promise<void> {
  await eventually('orders are taken again', async () => (await service.place(trader, orderBody())).status === 201);
  expect((await service.ask('GET', '/health/ready')).status).toBe(200);
}

describe('without its database the service', () => {
  it('answers 503 while PostgreSQL is frozen, and recovers by itself', async () => {
    await expectServing();
    const frozen = await serverProcesses();
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    try {
      // Below every timeout of a statement or a query. How quick it is on a quiet machine is judged by the drill.
      await expectUnavailable(2000);
      // Many at once, and none of them waits for a timeout of its own.
      const crowd = await timed(Promise.all(Array.from({ length: 150 }, () => service.place(trader, orderBody()))));
      expect(new Set(crowd.answer.map((answer) => answer.status))).toEqual(new Set([503]));
      expect(crowd.ms).toBeLessThan(2000);
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT');
    }
    await expectServing();
  });

  it('shows the kill switch as engaged when it cannot be read', async () => {
    const scrape = async (): Promise<string> => (await fetch(`${service.metricsUrl}/metrics`)).text();
    expect(await scrape()).toMatch(/^kill_switch_engaged 0$/m);
    await cluster.stop();
    expect(await scrape()).toMatch(/^kill_switch_engaged 1$/m);
  });

  it('answers 503 at once while PostgreSQL is stopped, and its process lives on', async () => {
    await expectUnavailable(2000);
    const fatal = service.log.filter((line) => line.includes('"level":"fatal"'));
    expect(fatal).toEqual([]);
  });
});
