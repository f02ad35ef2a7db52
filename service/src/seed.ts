import { randomUUIDv7 } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createCommandPool, runCommand, UsageError } from './command.ts';
import { isLoopback, loadCommandConfig } from './config.ts';
import { type Account, ensureAccounts, recordDeposits, recordTransfers } from './db/accounts.ts';
import { insertApiKeys } from './db/api-keys.ts';
import { insertInstruments } from './db/instruments.ts';
import { type DatabasePool, type Tx, transaction } from './db/pool.ts';
import { upsertQuotes } from './db/quotes.ts';
import { changeLimitRow } from './db/risk-limits.ts';
import { insertStrategies } from './db/strategies.ts';
import { type KeyRole, mintKey } from './domain/api-key.ts';
import type { LimitsChange } from './domain/risk-limits.ts';

const USAGE = `Usage: node service/src/seed.ts [--traders N] [--wide-limits] [--json]

Fills a throwaway database with demo data: three symbols with quotes, N traders (default 10) with cash, holdings, a
stopped strategy and a key each, and a viewer, an operator and an admin key; viewer and admin act for the first trader's
account. Prints the keys as JSON. Run again, it makes further keys, and neither accounts nor cash twice.

  --traders N    1 to 1000
  --wide-limits  gives these traders limits that no load test runs into, and makes one trader more, with cash alone, who
                 keeps the limits that hold for everybody
  --json         on one line, for programs

It refuses NODE_ENV=production and a database on another machine.
Environment: DATABASE_URL. Exit codes: 0 done, 1 failed or refused, 2 usage, 78 environment.`;

const TRADERS_DEFAULT = '10';
const TRADERS_MAX = 1000;
const CASH = '1000000000';
/** Of the trader who keeps everybody's limits: so little that one order can ask for more than there is. */
const LIMITED_CASH = '10000000';

const INSTRUMENTS = [
  {
    symbol: 'BTCUSDT',
    assetClass: 'crypto',
    venue: 'paper',
    tickSize: '0.01',
    lotSize: '0.00001',
    minNotional: '0.01',
    takerFeeBps: '10',
    bid: '64999.99',
    ask: '65000.01',
    held: '100',
  },
  {
    symbol: 'ETHUSDT',
    assetClass: 'crypto',
    venue: 'paper',
    tickSize: '0.01',
    lotSize: '0.0001',
    minNotional: '0.01',
    takerFeeBps: '10',
    bid: '3499.99',
    ask: '3500.01',
    held: '1000',
  },
  {
    symbol: 'AAPL',
    assetClass: 'equity',
    venue: 'paper',
    tickSize: '0.01',
    lotSize: '1',
    minNotional: '1',
    takerFeeBps: '1',
    calendar: 'XNYS',
    bid: '229.99',
    ask: '230.01',
    held: '10000',
  },
] as const;

/** The bounds of what may be stored, or amounts beyond the seed's cash. What an order may be worth is left as it is. */
const WIDE_LIMITS: LimitsChange = {
  maxDailyNotional: '1000000000000',
  maxPositionNotional: '1000000000000',
  maxDailyLoss: '1000000000000',
  maxOpenOrders: 100_000_000,
  maxOrdersPerMinute: 1_000_000,
  priceCollarBps: 1_000_000,
  fatFingerMultiple: 1_000_000_000,
};
/** The seed's holdings alone are worth more than everybody's limit lets anybody hold. */
const LIMITS_OF_HOLDERS: LimitsChange = { maxPositionNotional: '1000000000' };
const LIMITED_TRADER = 'trader-limited';

export interface SeededTrader {
  readonly account: string;
  readonly accountId: string;
  readonly key: string;
}

/** What the seed printed; keys are shown this once. */
export interface Seeded {
  readonly traders: readonly SeededTrader[];
  /** The trader who keeps everybody's limits; only where the others were given wide ones. */
  readonly limited?: SeededTrader;
  readonly viewer: string;
  readonly operator: string;
  readonly admin: string;
}

/** Seeds in one transaction of a few set-based statements, and one per trader for wide limits. */
export async function seed(pool: DatabasePool, traderCount: number, wideLimits = false): Promise<Seeded> {
  return transaction(pool, async (tx) => {
    await insertInstruments(tx, INSTRUMENTS);
    await upsertQuotes(
      tx,
      INSTRUMENTS.map(({ symbol, bid, ask }) => ({ symbol, bid, ask, asOf: null })),
    );
    const traders = await seedTraders(tx, traderCount);
    const [first] = traders;
    if (first === undefined) {
      throw new RangeError('at least one trader is needed');
    }
    if (!wideLimits) {
      return seedKeys(tx, traders, first, undefined);
    }
    await setLimits(tx, traders, WIDE_LIMITS, 'load tests');
    return seedKeys(tx, traders, first, await seedLimitedTrader(tx));
  });
}

async function setLimits(tx: Tx, traders: readonly Account[], limits: LimitsChange, reason: string): Promise<void> {
  for (const { id } of traders) {
    await changeLimitRow(tx, id, limits, { by: 'seed', reason });
  }
}

/** Without holdings, so that what counts against a position limit is what it buys. */
async function seedLimitedTrader(tx: Tx): Promise<Account | undefined> {
  const wanted = { id: randomUUIDv7(), name: LIMITED_TRADER };
  const [account] = await ensureAccounts(tx, [wanted]);
  if (account?.id === wanted.id) {
    await recordDeposits(tx, [{ id: randomUUIDv7(), accountId: wanted.id, amount: LIMITED_CASH }], 'seed');
  }
  return account;
}

async function seedTraders(tx: Tx, count: number): Promise<Account[]> {
  const wanted = Array.from({ length: count }, (_, index) => ({
    id: randomUUIDv7(),
    name: `trader-${String(index + 1).padStart(4, '0')}`,
  }));
  const accounts = await ensureAccounts(tx, wanted);
  const made: ReadonlySet<string> = new Set(wanted.map(({ id }) => id));
  const fresh = accounts.filter(({ id }) => made.has(id));
  await recordDeposits(
    tx,
    fresh.map(({ id }) => ({ id: randomUUIDv7(), accountId: id, amount: CASH })),
    'seed',
  );
  const transfers = fresh.flatMap(({ id }) =>
    INSTRUMENTS.map(({ symbol, held }) => ({
      id: randomUUIDv7(),
      accountId: id,
      symbol,
      quantity: held,
      cost: '0',
    })),
  );
  await recordTransfers(tx, transfers, 'seed');
  await setLimits(tx, fresh, LIMITS_OF_HOLDERS, 'holdings of the seed');
  await insertStrategies(
    tx,
    fresh.map(({ id }) => ({ id: randomUUIDv7(), accountId: id, name: 'demo' })),
  );
  return accounts.toSorted((a, b) => a.name.localeCompare(b.name));
}

async function seedKeys(
  tx: Tx,
  traders: readonly Account[],
  first: Account,
  limited: Account | undefined,
): Promise<Seeded> {
  const mint = (role: KeyRole, accountId: string | null) => ({
    ...mintKey(),
    id: randomUUIDv7(),
    role,
    accountId,
    expiresAt: null,
  });
  const give = (trader: Account) => ({ trader, minted: mint('trader', trader.id) });
  const traderKeys = traders.map(give);
  const limitedKey = limited === undefined ? [] : [give(limited)];
  const viewer = mint('viewer', first.id);
  const operator = mint('operator', null);
  const admin = mint('admin', first.id);
  await insertApiKeys(tx, [...[...traderKeys, ...limitedKey].map(({ minted }) => minted), viewer, operator, admin]);
  const shown = ({ trader, minted }: ReturnType<typeof give>): SeededTrader => ({
    account: trader.name,
    accountId: trader.id,
    key: minted.key,
  });
  const [limitedShown] = limitedKey.map(shown);
  return {
    traders: traderKeys.map(shown),
    ...(limitedShown === undefined ? {} : { limited: limitedShown }),
    viewer: viewer.key,
    operator: operator.key,
    admin: admin.key,
  };
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      traders: { type: 'string', default: TRADERS_DEFAULT },
      'wide-limits': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const count = /^\d{1,4}$/.test(values.traders) ? Number(values.traders) : 0;
  if (count < 1 || count > TRADERS_MAX) {
    throw new UsageError(`--traders must be 1 to ${TRADERS_MAX}`);
  }
  const config = loadCommandConfig();
  if (config.nodeEnv === 'production' || !isLoopback(config.databaseUrl)) {
    throw new Error('refused: demo data goes into a database on this machine, and never into production');
  }
  const pool = createCommandPool(config.databaseUrl, 'seed');
  try {
    process.stdout.write(
      `${JSON.stringify(await seed(pool, count, values['wide-limits']), null, values.json ? 0 : 2)}\n`,
    );
  } finally {
    await pool.end();
  }
}

if (import.meta.main) {
  await runCommand(USAGE, main);
}
