import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pgbenchScript, pgbenchVariables } from '../bench/pgbench-script.ts';
import { READ_PLACEMENT_SQL, WRITE_PLACEMENT_SQL } from '../src/db/place-order.ts';
import { withConnection } from '../src/db/pool.ts';
import { findConservationBreaks } from '../src/db/portfolio.ts';
import { createTestDatabase } from './support/database.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { findPostgresBinaries } from './support/postgres.ts';

const CLIENTS = 2;
const TRANSACTIONS = 5;

test('the pgbench script is the service’s own SQL, and places real orders', async () => {
  const database = await createTestDatabase();
  const pool = database.pool();
  await addMarket(pool);
  const accounts = [await addAccount(pool, '1000'), await addAccount(pool, '1000')];
  const directory = mkdtempSync(join(tmpdir(), 'service-test-bench-'));
  const file = join(directory, 'placement.sql');
  const script = pgbenchScript(accounts);
  for (const sql of [READ_PLACEMENT_SQL, WRITE_PLACEMENT_SQL]) {
    const pieces = sql.replaceAll(/\s+/g, ' ').trim().split(/\$\d+/);
    expect(pieces.filter((piece) => !script.includes(piece))).toEqual([]);
  }
  writeFileSync(file, script);
  const variables = Object.entries(pgbenchVariables(Date.now())).flatMap(([name, value]) => ['-D', `${name}=${value}`]);
  const bounds = ['-n', '-M', 'prepared', '-c', String(CLIENTS), '-t', String(TRANSACTIONS)];
  execFileSync(join(findPostgresBinaries(), 'pgbench'), [...bounds, ...variables, '-f', file, database.url], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const orders = await database.query(
    `SELECT o.account_id, count(*)::int AS n, sum(o.reserved_cash)::float AS reserved, min(o.status) AS status
     FROM execution.orders o JOIN execution.idempotency_keys k ON k.order_id = o.id AND k.response_status = 201
     GROUP BY o.account_id ORDER BY o.account_id`,
  );
  expect(orders).toEqual(
    accounts.sort().map((account_id) => ({ account_id, n: TRANSACTIONS, reserved: 0.5, status: 'OPEN' })),
  );
  expect(await withConnection(pool, findConservationBreaks)).toEqual([]);
  rmSync(directory, { recursive: true });
  await database.drop();
});
