import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './support/client.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { freePort } from './support/postgres.ts';
import { addKey, orderBody, testEnvironment } from './support/running-app.ts';
import { endProcess, type RunningProcess, runMain, startProcess } from './support/running-process.ts';

let db: TestDatabase;
let trader: string;
let service: RunningProcess | undefined;

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
  trader = await addKey(db.pool(), 'trader', await addAccount(db.pool(), '1000000'));
});
afterEach(() => endProcess(service));
afterAll(() => db.drop());

const NOWHERE = 'postgres://app:hunter2-canary@127.0.0.1:1/none';

describe('main.ts, without starting', () => {
  it('--check-config says ok, what is set and no secret, and opens no connection', async () => {
    const { stdout, ...rest } = await runMain(['--check-config'], testEnvironment(NOWHERE));
    expect(rest).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('canary');
    const said = JSON.parse(stdout) as { ok: boolean; set: string[]; values: Record<string, string> };
    expect(said.ok).toBe(true);
    expect(said.set).toEqual(expect.arrayContaining(['DATABASE_URL', 'ORDER_PROCESSING_API_KEY']));
    expect(said.values).not.toHaveProperty('DATABASE_URL');
    expect(said.values).toHaveProperty('POOL_MAX');
  });

  it.each([[['--check-config']], [[]], [['--role', 'worker']]])(
    'with faults, %j prints them all, one a line, and exits 78',
    async (args) => {
      const env = {
        ...testEnvironment(NOWHERE),
        PORT: 'x',
        POOL_MAX: '0',
        ORDER_PROCESSING_API_KEY: 'changeme-canary',
      };
      const { code, stdout, stderr } = await runMain(args, env);
      expect([code, stdout]).toEqual([78, '']);
      expect(stderr.trimEnd().split('\n')).toEqual([
        expect.stringMatching(/^ORDER_PROCESSING_API_KEY: is too short \(15 characters\); set /),
        'PORT: "x" is not a whole number; set a whole number from 0 to 65535',
        'POOL_MAX: 0 is out of range; set a whole number from 2 to 100',
      ]);
      expect(stderr).not.toContain('canary');
    },
  );

  it('--print-routes needs neither configuration nor database', async () => {
    const { code, stdout, stderr } = await runMain(['--print-routes'], {});
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual(expect.arrayContaining([{ method: 'POST', path: '/api/v1/orders' }]));
  });

  it('--help explains itself, and a wrong flag is a usage error', async () => {
    const help = await runMain(['--help'], {});
    expect([help.code, help.stderr]).toEqual([0, '']);
    for (const flag of ['--role', '--check-config', '--print-routes', 'Exit codes'])
      expect(help.stdout).toContain(flag);
    const wrong = await runMain(['--rolle', 'api'], {});
    expect([wrong.code, wrong.stdout]).toEqual([64, '']);
    expect(wrong.stderr).toContain("'--rolle'");
    expect((await runMain(['--role', 'boss'], {})).stderr).toBe(
      '--role is api, worker or all, not "boss"\nSee --help.\n',
    );
  });

  it('says which port is taken, and exits 1', async () => {
    const port = await freePort();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    const { code, stdout } = await runMain([], { ...testEnvironment(NOWHERE), PORT: String(port) });
    await new Promise((resolve) => other.close(resolve));
    expect(code).toBe(1);
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      level: 'fatal',
      msg: 'Start failed',
      err: { code: 'EADDRINUSE', message: `cannot listen on 127.0.0.1:${port}: something else listens there already` },
    });
  });
});

describe('a start without its database', () => {
  it('is a start: alive, not ready, and every order refused with 503', async () => {
    const running = await startProcess({ env: testEnvironment(NOWHERE, { PROCESSOR_INTERVAL_MS: '20' }) });
    service = running;
    expect((await ask(running.url, 'GET', '/health')).status).toBe(200);
    expect((await ask(running.url, 'GET', '/health/ready')).status).toBe(503);
    const refused = await ask(running.url, 'GET', '/api/v1/portfolio', { key: trader });
    expect([refused.status, refused.json.code, refused.headers['retry-after']]).toEqual([
      503,
      'database_unavailable',
      '1',
    ]);
    await eventually('failed cycles are logged and counted', async () => {
      const { text } = await ask(running.metricsUrl, 'GET', '/metrics');
      return /^limit_processor_failed_cycles_total [1-9]/m.test(text);
    });
    expect(running.log()).toContainEqual(expect.objectContaining({ msg: 'Critical error in order processing' }));
    expect(running.stdout()).not.toContain('hunter2-canary');
    running.child.kill('SIGTERM');
    expect(await running.exited).toBe(0);
  });
});

describe('drain', () => {
  it('on SIGTERM: not ready first, the request in flight answered, nothing new taken, exit 0', async () => {
    const slow = {
      LOCK_TIMEOUT_MS: '8000',
      STATEMENT_TIMEOUT_MS: '8000',
      QUERY_TIMEOUT_MS: '9000',
      REQUEST_TIMEOUT_MS: '10000',
    };
    const running = await startProcess({ env: testEnvironment(db.url, { ...slow, DRAIN_DELAY_MS: '1500' }) });
    service = running;
    const holder = await db.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM portfolio.accounts FOR UPDATE');
    const headers = { 'idempotency-key': randomUUID() };
    const inFlight = ask(running.url, 'POST', '/api/v1/orders', { key: trader, headers, body: orderBody() });
    await eventually('the placement waits for the lock', async () => {
      const waiting = await db.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'order-service api'",
      );
      return waiting.length === 1;
    });

    running.child.kill('SIGTERM');
    const ready = await eventually('readiness turns off while the port is open', async () => {
      const answer = await ask(running.url, 'GET', '/health/ready');
      return answer.status === 503 ? answer : undefined;
    });
    expect(ready.json).toMatchObject({ ready: false, database: { status: 'up' }, draining: true });
    expect(ready.headers.connection).toBe('close');
    expect((await ask(running.url, 'GET', '/health')).status).toBe(200);
    await eventually('the port is closed', async () =>
      ask(running.url, 'GET', '/health').then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
      ),
    );
    expect(running.child.exitCode).toBeNull();

    await holder.query('COMMIT');
    const answer = await inFlight;
    expect([answer.status, answer.headers.connection]).toEqual([201, 'close']);
    expect(await running.exited).toBe(0);
    expect(running.log().slice(-1)).toMatchObject([{ msg: 'drained' }]);
    expect(await db.query('SELECT FROM execution.orders WHERE id = $1', [answer.json.id])).toHaveLength(1);
    await eventually('no connection is left', async () => {
      const left = await db.query("SELECT FROM pg_stat_activity WHERE application_name LIKE 'order-service%'");
      return left.length === 0;
    });
  });

  it('past its deadline: exit 1, and says so', async () => {
    const slow = {
      LOCK_TIMEOUT_MS: '20000',
      STATEMENT_TIMEOUT_MS: '20000',
      QUERY_TIMEOUT_MS: '21000',
      REQUEST_TIMEOUT_MS: '22000',
    };
    const running = await startProcess({ env: testEnvironment(db.url, { ...slow, DRAIN_DEADLINE_MS: '400' }) });
    service = running;
    const holder = await db.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM portfolio.accounts FOR UPDATE');
    const headers = { 'idempotency-key': randomUUID() };
    const cut = ask(running.url, 'POST', '/api/v1/orders', { key: trader, headers, body: orderBody() }).then(
      () => 'answered',
      (error: NodeJS.ErrnoException) => error.code,
    );
    await eventually('the placement waits for the lock', async () => {
      const waiting = await db.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'order-service api'",
      );
      return waiting.length === 1;
    });
    running.child.kill('SIGTERM');
    expect(await running.exited).toBe(1);
    expect(await cut).toBe('ECONNRESET');
    await holder.query('ROLLBACK');
    expect(running.log().slice(-1)).toMatchObject([
      { level: 'fatal', msg: 'Drain failed', err: { message: 'not drained within 400 ms' } },
    ]);
  });

  it.each(['api', 'worker', 'all'])('role %s ends on SIGINT with 0', async (role) => {
    const running = await startProcess({
      env: testEnvironment(db.url, { PROCESSOR_INTERVAL_MS: '20' }),
      args: ['--role', role],
    });
    service = running;
    expect((await ask(running.url, 'GET', '/health/ready')).status).toBe(200);
    // A worker answers probes and nothing else.
    expect((await ask(running.url, 'GET', '/api/v1/portfolio', { key: trader })).status).toBe(
      role === 'worker' ? 404 : 200,
    );
    running.child.kill('SIGINT');
    expect(await running.exited).toBe(0);
  });
});

describe('a crash', () => {
  const plant = (code: string): string =>
    `data:text/javascript,process.on("SIGUSR2",()=>{${encodeURIComponent(code)}})`;

  it.each([
    ['an uncaught exception', 'throw new Error("planted")', 'uncaughtException'],
    ['an unhandled rejection', 'Promise.reject(new Error("planted"))', 'unhandledRejection'],
  ])('%s is logged and leaves with exit 1', async (_what, code, origin) => {
    const running = await startProcess({ env: testEnvironment(db.url), node: ['--import', plant(code)] });
    service = running;
    running.child.kill('SIGUSR2');
    expect(await running.exited).toBe(1);
    expect(running.log().slice(-1)).toMatchObject([
      { level: 'fatal', msg: 'Uncaught exception', origin, err: { message: 'planted' } },
    ]);
  });
});
