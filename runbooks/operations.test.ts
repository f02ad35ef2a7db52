import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { applyReport } from '../service/src/orders/apply-report.ts';
import { submitted } from '../service/test/support/books.ts';
import { createTestDatabase, type TestDatabase } from '../service/test/support/database.ts';
import { eventually } from '../service/test/support/eventually.ts';
import { addAccount, addMarket, placed } from '../service/test/support/fixtures.ts';
import { addKey, type RunningApp, startApp, testEnvironment } from '../service/test/support/running-app.ts';
import { runScript } from './test-support/run-script.ts';

let database: TestDatabase;
let app: RunningApp;
let account: string;
let env: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  const pool = database.pool();
  await addMarket(pool);
  account = await addAccount(pool, '1000000');
  app = await startApp(database.url);
  env = {
    ...{ SERVICE_URL: app.url, DATABASE_URL: database.url, OPERATOR_API_KEY: await addKey(pool, 'operator', null) },
    ORDER_PROCESSING_API_KEY: app.processorKey,
  };
});
afterAll(async () => {
  await app?.close();
  await database?.drop();
});

const statusOf = async (id: string) =>
  (await database.query<{ status: string }>('SELECT status FROM execution.orders WHERE id = $1', [id]))[0]?.status;

async function unknownOrder(): Promise<string> {
  const id = await submitted(database.pool(), account);
  await applyReport(database.pool(), { kind: 'unknown', orderId: id });
  return id;
}

test('process-orders-by-hand fills what waits, and stops when nothing is left', async () => {
  const { id } = await placed(database.pool(), account, { price: '101' });
  const result = await runScript('process-orders-by-hand', ['--cycles', '9'], { env });
  expect([result.code, result.stderr]).toEqual([0, '']);
  expect(result.stdout).toMatch(/^cycle 1: .*"executed":1.*\ncycle 2: .*"executed":0.*\nProcessed\.\n$/);
  expect(await statusOf(id)).toBe('FILLED');
});

test("process-orders-by-hand with an operator's key is refused, with the reason", async () => {
  const result = await runScript('process-orders-by-hand', [], {
    env: { ...env, ORDER_PROCESSING_API_KEY: env.OPERATOR_API_KEY ?? '' },
  });
  expect([result.code, result.stdout]).toEqual([1, '']);
  expect(result.stderr).toContain('the service answered 40');
});

test.each(['api', 'psql'])(
  'pause-processing --via %s holds orders back, status says so, and --resume lets go',
  async (via) => {
    const paused = await runScript('pause-processing', ['--via', via, '--reason', `it's "wrong"`], { env });
    expect([paused.code, paused.stderr]).toEqual([0, '']);
    const { id } = await placed(database.pool(), account, { price: '101' });
    await runScript('process-orders-by-hand', [], { env });
    expect(await statusOf(id)).toBe('OPEN');
    const status = await runScript('status', ['--via', via], { env });
    expect([status.code, status.stderr]).toEqual([5, 'status: not well: processing is paused\n']);
    const asked = await runScript('pause-processing', ['--resume', '--reason', 'r'], { env, typed: 'no\n' });
    expect(asked.code).toBe(4);
    const resumed = await runScript('pause-processing', ['--resume', '--reason', 'r'], { env, typed: 'resume\n' });
    expect(resumed.stdout).toContain('Processing goes on: read back through api.');
    await runScript('process-orders-by-hand', [], { env });
    expect(await statusOf(id)).toBe('FILLED');
  },
);

test('status is well when all is, and tells an order in doubt', async () => {
  const well = await runScript('status', [], { env });
  expect([well.code, well.stderr]).toEqual([0, '']);
  expect(well.stdout.endsWith('All is well.\n')).toBe(true);
  const id = await unknownOrder();
  const doubt = await runScript('status', ['--via', 'psql'], { env });
  expect([doubt.code, doubt.stderr]).toEqual([5, 'status: not well: orders are in doubt\n']);
  await runScript('resolve-unknown', ['--as', 'canceled', '--evidence', 'e', '--yes', id], { env });
});

test('status --wait looks again until all is well, and tells what is not when its time is up', async () => {
  await runScript('pause-processing', ['--reason', 'r'], { env });
  const late = await runScript('status', ['--wait', '1'], { env });
  expect([late.code, late.stderr]).toEqual([5, 'status: not well: processing is paused\n']);
  const waiting = runScript('status', ['--wait', '20'], { env });
  await runScript('pause-processing', ['--resume', '--reason', 'r'], { env, typed: 'resume\n' });
  const well = await waiting;
  expect([well.code, well.stderr]).toEqual([0, '']);
  expect(well.stdout.endsWith('All is well.\n')).toBe(true);
});

test('resolve-unknown lists, shows, asks for the word of the outcome, and leaves what is known alone', async () => {
  const id = await unknownOrder();
  const list = await runScript('resolve-unknown', ['--list'], { env });
  expect(list.stdout).toContain(`${id}|UNKNOWN|BTCUSDT`);
  const args = ['--as', 'rejected', '--evidence', `the venue says "no"`, id];
  const wrong = await runScript('resolve-unknown', args, { env, typed: 'canceled\n' });
  expect([wrong.code, await statusOf(id)]).toEqual([4, 'UNKNOWN']);
  const right = await runScript('resolve-unknown', args, { env, typed: 'rejected\n' });
  expect(right.stdout).toContain('the order reads back as REJECTED.');
  const again = await runScript('resolve-unknown', [...args.slice(0, -1), '--yes', id], { env });
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('the order is REJECTED, not UNKNOWN: there is nothing to resolve');
});

test('reconcile agrees, puts right what follows from the rest, and shows the last run from the database', async () => {
  expect((await runScript('reconcile', [], { env })).stdout).toContain('The books agree.');
  await database.query('UPDATE portfolio.accounts SET reserved = reserved + 1, cash = cash - 1 WHERE id = $1', [
    account,
  ]);
  const repaired = await runScript('reconcile', [], { env });
  expect([repaired.code, repaired.stdout]).toEqual([0, expect.stringContaining('"actions":1,"unresolved":0')]);
  const last = await runScript('reconcile', ['--last'], { env });
  expect([last.code, last.stdout]).toEqual([0, expect.stringContaining('ACCOUNT_RESERVED')]);
});

test('rotate-key makes a second key that works, --revoke ends the first', async () => {
  const pool = database.pool();
  const old = await addKey(pool, 'viewer', account);
  const prefix = old.split('_')[1] ?? '';
  const { PATH } = process.env;
  const rotated = await runScript('rotate-key', ['--overlap', '1h', prefix], { env: { ...env, PATH: PATH ?? '' } });
  expect([rotated.code, rotated.stderr]).toEqual([0, '']);
  const [fresh = ''] = /pk_\w+_[\w-]+/.exec(rotated.stdout) ?? [];
  const ask = async (key: string) => (await app.ask('GET', '/api/v1/portfolio', { key })).status;
  expect([await ask(old), await ask(fresh)]).toEqual([200, 200]);
  const unsure = await runScript('rotate-key', ['--revoke', prefix], { env });
  expect(unsure.code).toBe(4);
  const revoked = await runScript('rotate-key', ['--revoke', '--yes', prefix], { env });
  expect(revoked.code).toBe(0);
  expect([await ask(old), await ask(fresh)]).toEqual([401, 200]);
  expect((await runScript('rotate-key', ['nosuchkey'], { env })).code).toBe(1);
});

test('drain-worker ends a process of the service in order: it is off the list when the script says so', async () => {
  const main = fileURLToPath(new URL('../service/src/main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, '--role', 'worker'], {
    env: { ...process.env, ...testEnvironment(database.url) },
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { pid = 0 } = child;
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  const count = () => database.query('SELECT name FROM workers.workers WHERE process_id = $1', [pid]);
  await eventually('the worker is on the list', async () => (await count()).length > 1);
  const list = await runScript('drain-worker', ['--list'], { env });
  expect(list.stdout).toContain(`${hostname()}|${pid}|limit-processor|heard of `);
  expect((await runScript('drain-worker', ['--yes', '99999999'], { env })).code).toBe(1);
  const unsure = await runScript('drain-worker', [String(pid)], { env });
  expect([unsure.code, (await count()).length > 1]).toEqual([4, true]);
  const drained = await runScript('drain-worker', [String(pid)], { env, typed: 'drain\n' });
  expect([drained.code, drained.stdout]).toEqual([0, expect.stringContaining(`Process ${pid} is drained`)]);
  expect([await ended, await count()]).toEqual([0, []]);
});
