import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { liveRoutes } from '../src/http/live-routes.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { addKey, orderBody, type RunningApp, startApp } from './support/running-app.ts';

/** In every place where a client may put a secret, on every route, with every answer that there is. None may be logged. */
const canary = `canary${randomUUID().replaceAll('-', '')}`;
let db: TestDatabase;
let service: RunningApp;
const keys: Record<'trader' | 'operator' | 'admin', string> = { trader: '', operator: '', admin: '' };

beforeAll(async () => {
  db = await createTestDatabase();
  await addMarket(db.pool());
  const account = await addAccount(db.pool(), '1000000');
  keys.trader = await addKey(db.pool(), 'trader', account);
  keys.operator = await addKey(db.pool(), 'operator', null);
  keys.admin = await addKey(db.pool(), 'admin', account);
  service = await startApp(db.url, { LOG_LEVEL: 'trace' });
});
afterAll(async () => {
  await service.close();
  await db.drop();
});

const headerNames = [
  'cookie',
  'x-api-key',
  'proxy-authorization',
  'x-auth-token',
  'x-forwarded-for',
  'referer',
  'origin',
];
const spellings = [(name: string) => name, (name: string) => name.toUpperCase(), capitalised];

function capitalised(name: string): string {
  return name.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

const carrying = (spell: (name: string) => string): Record<string, string> =>
  Object.fromEntries(headerNames.map((name) => [spell(name), `${canary}-${name}`]));

/** Asks every route with the canary in its path's id, query, body and headers. */
async function askEverything(authorization: string, spell: (name: string) => string): Promise<number> {
  const routes = liveRoutes(service.app.express);
  for (const { method, path } of routes) {
    const body =
      method === 'GET' ? undefined : { ...orderBody({ clientOrderId: canary }), reason: canary, [canary]: 1 };
    const headers = {
      ...carrying(spell),
      [spell('authorization')]: authorization,
      [spell('idempotency-key')]: `${canary}-${randomUUID()}`,
    };
    await service.ask(method, `${path.replace(/:\w+/, canary)}?token=${canary}&cursor=${canary}`, { headers, body });
    await service.ask(method, path.replace(/:\w+/, canary), { headers, body: body && `{"broken": "${canary}"` });
  }
  return routes.length;
}

function leaks(): string[] {
  const secrets = [canary, ...Object.values(keys).map((key) => key.slice(12)), service.processorKey];
  return service.log.filter((line) => secrets.some((secret) => line.includes(secret)));
}

it('secrets of clients reach no log on any route, whatever the case of their header', async () => {
  for (const spell of spellings) {
    for (const who of [
      keys.trader,
      keys.operator,
      keys.admin,
      service.processorKey,
      `pk_abcdefgh_${canary}${'x'.repeat(5)}`,
    ]) {
      expect(await askEverything(`Bearer ${who}`, spell)).toBeGreaterThan(10);
    }
    await askEverything(`Basic ${canary}`, spell);
  }
  expect(service.log.length).toBeGreaterThan(300);
  expect(leaks()).toEqual([]);
});

it('nor do those that PostgreSQL quotes when it refuses, in any of its fields', async () => {
  await db.query(`ALTER TABLE execution.orders ADD CONSTRAINT no_canary CHECK (client_order_id NOT LIKE '${canary}%')`);
  await db.query(`CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'message with %', NEW.reason USING DETAIL = NEW.reason, HINT = NEW.reason; END $$;
    CREATE TRIGGER complain BEFORE UPDATE ON risk.kill_switch FOR EACH ROW EXECUTE FUNCTION complain()`);
  const placed = await service.place(keys.trader, orderBody({ clientOrderId: `${canary}-detail` }));
  const switched = await service.ask('PUT', '/api/v1/kill-switch', {
    key: keys.operator,
    body: { state: 'HALTED', reason: `${canary}-raised` },
  });
  await db.query('ALTER TABLE execution.orders DROP CONSTRAINT no_canary');
  await db.query('DROP TRIGGER complain ON risk.kill_switch; DROP FUNCTION complain');
  // Both failed unexpectedly and were logged with their causes, or this would prove nothing.
  expect([placed.status, switched.status]).toEqual([500, 500]);
  const unexpected = service.log.filter((line) => line.includes('Request failed unexpectedly'));
  expect(unexpected.length).toBeGreaterThanOrEqual(2);
  expect(leaks()).toEqual([]);
  for (const answer of [placed, switched]) expect(answer.text).not.toContain(canary);
});

it('the requests that were refused are in the log that was looked at', () => {
  const lines = service.log.filter((line) => line.includes('"status":401'));
  expect(lines.length).toBeGreaterThan(10);
});
