import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../service/test/support/database.ts';
import { addAccount, addMarket } from '../service/test/support/fixtures.ts';
import { addKey, orderBody, type RunningApp, startApp } from '../service/test/support/running-app.ts';
import { runScript } from './test-support/run-script.ts';

let database: TestDatabase;
let app: RunningApp;
let operatorKey: string;
let traderKey: string;
let env: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  const pool = database.pool();
  await addMarket(pool);
  traderKey = await addKey(pool, 'trader', await addAccount(pool, '1000000'));
  operatorKey = await addKey(pool, 'operator', null);
  app = await startApp(database.url);
  env = { SERVICE_URL: app.url, OPERATOR_API_KEY: operatorKey, DATABASE_URL: database.url };
});

beforeEach(async () => {
  await database.query(`UPDATE risk.kill_switch SET state = 'ACTIVE', reason = 'test begins', changed_by = 'test'`);
});

afterAll(async () => {
  await app?.close();
  await database?.drop();
});

const lastEvent = async () => {
  const [event] = await database.query(
    'SELECT to_state, reason, changed_by FROM risk.kill_switch_events ORDER BY version DESC LIMIT 1',
  );
  return event;
};

test.each(['api', 'psql'])('emergency-stop --via %s stops the placing of orders, and is on record', async (via) => {
  expect((await app.place(traderKey, orderBody())).status).toBe(201);
  const reason = `INC-42: "quoted", o'clock, \\ and é, :'reason'`;
  const result = await runScript('emergency-stop', ['--via', via, '--reason', reason], { env });
  expect(result).toEqual({
    code: 0,
    stdout: `The kill switch is engaged: read back as HALTED through ${via}. New orders are refused.\n`,
    stderr: '',
  });
  const refused = await app.place(traderKey, orderBody());
  expect([refused.status, refused.json.code]).toEqual([409, 'kill_switch_engaged']);
  expect(await lastEvent()).toEqual({
    to_state: 'HALTED',
    reason,
    changed_by: expect.stringMatching(via === 'api' ? /^operator:/ : /^\S+@\S+$/),
  });
});

test('clear-kill-switch lets orders in again, and is on record', async () => {
  expect((await runScript('emergency-stop', [], { env })).code).toBe(0);
  const result = await runScript('clear-kill-switch', ['--reason', 'books reconciled'], { env, typed: 'clear\n' });
  expect(result.code).toBe(0);
  expect(result.stdout).toContain('manual emergency stop');
  expect((await app.place(traderKey, orderBody())).status).toBe(201);
  expect(await lastEvent()).toMatchObject({ to_state: 'ACTIVE', reason: 'books reconciled' });
});

test('a key that may not move the switch moves nothing', async () => {
  const result = await runScript('emergency-stop', [], { env: { ...env, OPERATOR_API_KEY: traderKey } });
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('the service answered 403');
  expect(await lastEvent()).toMatchObject({ to_state: 'ACTIVE' });
});

test('order-status shows the same order through the service and from the database', async () => {
  const { json } = await app.place(traderKey, orderBody());
  const id = String(json.id);
  const throughApi = await runScript('order-status', [id], { env });
  const byTrader = await runScript('order-status', [id], { env: { ...env, OPERATOR_API_KEY: traderKey } });
  const throughDatabase = await runScript('order-status', ['--via', 'psql', id], { env });
  expect(byTrader).toEqual(throughApi);
  for (const result of [throughApi, throughDatabase]) {
    expect([result.code, result.stderr]).toEqual([0, '']);
    const [order, ...events] = result.stdout.trim().split('\n');
    expect(JSON.parse(order ?? '')).toMatchObject({ id, symbol: 'BTCUSDT', status: 'OPEN' });
    expect(events.join('')).toContain('PLACED');
  }
});

test("order-status with another account's key, or none that is known, is exit 1", async () => {
  const { json } = await app.place(traderKey, orderBody());
  const stranger = await addKey(database.pool(), 'trader', await addAccount(database.pool(), '1'));
  const unknown = `pk_abcdefgh_${'A'.repeat(43)}`;
  const hints = { [stranger]: '404 (the service knows no such thing)', [unknown]: '401 (the key is unknown' };
  for (const [key, hint] of Object.entries(hints)) {
    const result = await runScript('order-status', [String(json.id)], { env: { ...env, OPERATOR_API_KEY: key } });
    expect([result.code, result.stdout]).toEqual([1, '']);
    expect(result.stderr).toContain(hint);
  }
});

test('an order that nobody knows is exit 1, also in the database', async () => {
  const id = '00000000-0000-7000-8000-000000000000';
  const result = await runScript('order-status', ['--via', 'psql', id], { env });
  expect([result.code, result.stderr]).toEqual([1, `order-status: the database knows no order ${id}\n`]);
});

// Commands that only read, as the page has them. What a page says to type must work on the day that it is needed.
const page = readFileSync(new URL('KillSwitchActivated.md', import.meta.url), 'utf8');
const commands = [...page.matchAll(/^( *)```bash\n([\s\S]*?)\n *```$/gm)]
  .map(([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))
  .filter((text) => /^(psql|curl) /.test(text));

test('the page has commands to look with', () => {
  expect(commands.length).toBeGreaterThanOrEqual(5);
});

test.each(commands)('%s', async (command) => {
  await app.place(traderKey, orderBody());
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], {
    env: { ...env, PATH: process.env.PATH, PGOPTIONS: '-c default_transaction_read_only=on', PGAPPNAME: 'runbook' },
  });
  expect(stdout).not.toBe('');
  // Every count on the page is one that must be 0, and is, while nothing is wrong.
  const counts = [...stdout.matchAll(/\n-+\n +(\d+)\n\(1 row\)/g)].map(([, count]) => count);
  expect(counts).toEqual(Array(command.split('count(*)').length - 1).fill('0'));
});
