import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditBooks } from '../src/db/audit.ts';
import { insertInstruments } from '../src/db/instruments.ts';
import { type DatabasePool, transaction } from '../src/db/pool.ts';
import { upsertQuotes } from '../src/db/quotes.ts';
import { feeOf } from '../src/domain/fees.ts';
import { add, compare, multiply } from '../src/domain/money.ts';
import type { PnlMethod } from '../src/domain/pnl.ts';
import { executeLimitOrders } from '../src/orders/execute-limit-orders.ts';
import { getPortfolio, type Portfolio } from '../src/orders/get-portfolio.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, limit, place, placed, WIDE_LIMITS } from './support/fixtures.ts';

const BOUNDS = { quoteMaxAgeMs: 15_000, batch: 500 };
/** A fee that leaves more than eight decimals on most notionals. */
const FEE_BPS = '12.5';
const FEED = 'FEED';
let database: TestDatabase;
let pool: DatabasePool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool({ max: 20 });
  const steps = { tickSize: '0.01', lotSize: '0.001', minNotional: '0', takerFeeBps: FEE_BPS };
  await transaction(pool, (tx) =>
    insertInstruments(tx, [
      { symbol: FEED, assetClass: 'crypto', venue: 'paper', ...steps },
      { symbol: 'OTHER', assetClass: 'crypto', venue: 'paper', ...steps },
    ]),
  );
});
beforeEach(() => quoteAt('100', '100'));
afterAll(async () => {
  expect((await auditBooks(pool)).filter(({ violations }) => violations > 0)).toEqual([]);
  await database.drop();
});

async function quoteAt(bid: string, ask: string): Promise<void> {
  await transaction(pool, (tx) =>
    upsertQuotes(
      tx,
      [FEED, 'OTHER'].map((symbol) => ({ symbol, bid, ask, asOf: null })),
    ),
  );
}

/** Buys or sells at this very price, whatever it is. */
async function trade(
  account: string,
  side: 'BUY' | 'SELL',
  quantity: string,
  price: string,
  symbol = FEED,
): Promise<void> {
  await quoteAt(price, price);
  await placed(pool, account, { symbol, side, quantity, price });
  expect(await executeLimitOrders(pool, BOUNDS)).toMatchObject({ failed: 0 });
}

const portfolioBy = (pnlMethod: PnlMethod, account: string): Promise<Portfolio> =>
  getPortfolio(pool, account, { pnlMethod, quoteMaxAgeMs: 15_000 });

describe('fees', () => {
  it('are the same in the database as in code', async () => {
    const samples = fc.sample(fc.tuple(fc.bigInt(0n, 10n ** 26n), fc.bigInt(0n, 10_000_000n)), 500);
    const asked = samples.map(([notional, bps]) => [
      multiply(`${notional}`, '0.0000000000000001'),
      multiply(`${bps}`, '0.0001'),
    ]);
    const rows = await database.query<{ fee: string }>(
      `SELECT trim_scale(execution.fee(n, b)) AS fee FROM unnest($1::numeric[], $2::numeric[]) WITH ORDINALITY AS t (n, b, i) ORDER BY i`,
      [asked.map(([notional]) => notional), asked.map(([, bps]) => bps)],
    );
    expect(rows.map(({ fee }) => fee)).toEqual(asked.map(([notional = '', bps = '']) => feeOf(notional, bps)));
  });

  it('are set aside with the order, paid with the fill, and what was too much comes back', async () => {
    const account = await addAccount(pool, '1000');
    const order = await placed(pool, account, { symbol: FEED, quantity: '0.333', price: '33.33' });
    expect(order).toMatchObject({ feeBps: '12.5', reservedCash: '11.11276362' });
    expect(await getPortfolio(pool, account)).toMatchObject({ cash: '988.88723638', reserved: '11.11276362' });
    await quoteAt('33.32', '33.32');
    await executeLimitOrders(pool, BOUNDS);
    const [fill] = await database.query<{ fee: string }>(
      'SELECT trim_scale(fee) AS fee FROM execution.fills WHERE order_id = $1',
      [order.id],
    );
    expect(fill).toEqual({ fee: '0.01386945' });
    const cost = '11.10942945';
    expect(await getPortfolio(pool, account)).toMatchObject({
      cash: '988.89057055',
      reserved: '0',
      positions: [{ symbol: FEED, cost }],
    });
  });

  it('come off what a sale brings', async () => {
    const account = await addAccount(pool, '1000');
    await trade(account, 'BUY', '1', '100');
    await trade(account, 'SELL', '1', '110');
    expect(await getPortfolio(pool, account)).toMatchObject({ cash: '1009.7375', realised: '9.7375', positions: [] });
  });

  it('count for whether an account can pay', async () => {
    const account = await addAccount(pool, '100.12');
    const denied = await place(pool, account, { symbol: FEED, quantity: '1', price: '100' });
    expect(denied).toMatchObject({
      kind: 'denied',
      denial: { reason: 'INSUFFICIENT_CASH', limit: '100.12', attempted: '100.125' },
    });
    const market = await placed(pool, await addAccount(pool, '106'), { symbol: FEED, type: 'MARKET', price: null });
    expect(market.reservedCash).toBe('105.13125');
  });

  it('of an order stay as they were agreed when the symbol gets dearer', async () => {
    const account = await addAccount(pool, '100.125');
    await placed(pool, account, { symbol: 'OTHER', price: '100' });
    await database.query(`UPDATE market.instruments SET taker_fee_bps = 500 WHERE symbol = 'OTHER'`);
    await executeLimitOrders(pool, BOUNDS);
    await database.query(`UPDATE market.instruments SET taker_fee_bps = ${FEE_BPS} WHERE symbol = 'OTHER'`);
    expect(await getPortfolio(pool, account)).toMatchObject({ cash: '0', positions: [{ cost: '100.125' }] });
    const resting = await placed(pool, await addAccount(pool, '1000'), { symbol: FEED, price: '50' });
    const cheaper = `UPDATE execution.orders SET fee_bps = 0, status = 'CANCELED', version = 2, reserved_cash = 0 WHERE id = $1`;
    await expect(database.query(cheaper, [resting.id])).rejects.toThrow('the fee that was agreed cannot change');
  });
});

describe('conservation, as a constraint', () => {
  it.each([
    [
      'cash that came from nowhere',
      'UPDATE portfolio.accounts SET cash = cash + 0.01 WHERE id = $1',
      'accounts_are_conserved',
    ],
    [
      'a reservation that came from nowhere',
      'UPDATE portfolio.accounts SET reserved = 1 WHERE id = $1',
      'accounts_are_conserved',
    ],
    [
      'a total that was dressed up',
      'UPDATE portfolio.accounts SET spent = spent - 1 WHERE id = $1',
      'accounts_are_conserved',
    ],
    [
      'a fee that nobody paid',
      `INSERT INTO execution.fills SELECT gen_random_uuid(), f.order_id, 'again-' || f.id, f.quantity, f.price, f.fee
       FROM execution.fills f JOIN execution.orders o ON o.id = f.order_id WHERE o.account_id = $1`,
      'accounts_are_conserved',
    ],
    [
      'a deposit that no cash came with',
      `INSERT INTO portfolio.deposits VALUES (gen_random_uuid(), $1, 5, 'test')`,
      'accounts_are_conserved',
    ],
    [
      'holdings that came from nowhere',
      'UPDATE portfolio.positions SET quantity = 2 WHERE account_id = $1',
      'positions_are_conserved',
    ],
    [
      'a transfer that nothing came with',
      `INSERT INTO portfolio.transfers VALUES (gen_random_uuid(), $1, '${FEED}', 1, 'test')`,
      'positions_are_conserved',
    ],
  ])('refuses %s', async (_what, statement, constraint) => {
    const account = await addAccount(pool, '1000');
    await trade(account, 'BUY', '1', '100');
    await expect(database.query(statement, [account])).rejects.toMatchObject({ constraint });
    expect(await getPortfolio(pool, account)).toMatchObject({ cash: '899.875', positions: [{ quantity: '1' }] });
  });

  it('refuses an account that begins with cash, and a ledger that is rewritten', async () => {
    const rich = `INSERT INTO portfolio.accounts (id, name, cash) VALUES (gen_random_uuid(), 'rich', 1)`;
    await expect(database.query(rich)).rejects.toMatchObject({ constraint: 'accounts_are_conserved' });
    for (const change of ['UPDATE portfolio.ledger SET cost = 0', 'DELETE FROM portfolio.ledger']) {
      await expect(database.query(change)).rejects.toThrow('append-only');
    }
  });
});

describe('an account whose books do not add up', () => {
  it('is closed to trading, and says so', async () => {
    const account = await addAccount(pool, '1000');
    const behindTriggers = (change: string) =>
      database.query(
        `SET session_replication_role = replica; UPDATE portfolio.accounts SET cash = cash + ${change} WHERE id = '${account}';
         RESET session_replication_role`,
      );
    await behindTriggers('0.01');
    await expect(trade(account, 'BUY', '1', '100')).rejects.toMatchObject({ code: 'books_unbalanced' });
    await behindTriggers('-0.01');
    await trade(account, 'BUY', '1', '100');
  });
});

describe('profit', () => {
  it('by average cost and by FIFO differ while something is held, and agree when nothing is', async () => {
    const account = await addAccount(pool, '10000');
    await trade(account, 'BUY', '2', '100');
    await trade(account, 'BUY', '2', '200');
    await trade(account, 'SELL', '3', '250');
    // Paid 200.25 and 400.5, got back 749.0625. FIFO sold 2 at 100 and 1 at 200; the average is 150.
    expect(await portfolioBy('average', account)).toMatchObject({
      realised: '298.5',
      unrealised: '99.8125',
      positions: [
        { quantity: '1', cost: '150.1875', realised: '298.5', unrealised: '99.8125', price: '250', reason: null },
      ],
    });
    expect(await portfolioBy('fifo', account)).toMatchObject({
      realised: '348.5625',
      unrealised: '49.75',
      positions: [{ cost: '200.25', realised: '348.5625', unrealised: '49.75' }],
    });
    await trade(account, 'SELL', '1', '90');
    const closed = { cash: '10238.2', realised: '238.2', unrealised: '0', positions: [] };
    expect(await portfolioBy('average', account)).toMatchObject({ ...closed, pnlMethod: 'average' });
    expect(await portfolioBy('fifo', account)).toMatchObject({ ...closed, pnlMethod: 'fifo' });
  });

  it('counts what was transferred in at the cost that came with it', async () => {
    const account = await addAccount(pool, '1000');
    await database.query(
      `WITH t AS (INSERT INTO portfolio.transfers (id, account_id, symbol, quantity, note, cost)
         VALUES (gen_random_uuid(), $1, '${FEED}', 2, 'test', 150) RETURNING account_id, symbol, quantity, cost)
       INSERT INTO portfolio.positions (account_id, symbol, quantity, cost) SELECT * FROM t`,
      [account],
    );
    await trade(account, 'SELL', '1', '100');
    for (const method of ['average', 'fifo'] as const) {
      expect(await portfolioBy(method, account)).toMatchObject({ realised: '24.875', positions: [{ cost: '75' }] });
    }
  });

  it('of an old price is unknown, not zero, and says how old it is', async () => {
    const account = await addAccount(pool, '1000');
    await trade(account, 'BUY', '1', '100');
    await database.query(`UPDATE market.quotes SET as_of = now() - interval '20 seconds'`);
    const stale = await getPortfolio(pool, account);
    expect(stale).toMatchObject({
      unrealised: null,
      realised: '0',
      positions: [{ unrealised: null, price: null, cost: '100.125', reason: 'price_stale' }],
    });
    expect(stale.positions[0]?.priceAgeMs).toBeGreaterThanOrEqual(20_000);
    await quoteAt('100', '100');
    await database.query(`INSERT INTO market.reference_quotes VALUES ('${FEED}', 'second', 120, 120, now())`);
    expect(await getPortfolio(pool, account)).toMatchObject({
      unrealised: null,
      positions: [{ reason: 'price_disputed' }],
    });
    await database.query('DELETE FROM market.reference_quotes');
    await database.query('DELETE FROM market.quotes');
    expect(await getPortfolio(pool, account)).toMatchObject({
      unrealised: null,
      positions: [{ priceAgeMs: null, reason: 'price_missing' }],
    });
  });

  it('is exact over random trades of two symbols, and cash tells the same', async () => {
    const account = await addAccount(pool, '1000000');
    await limit(pool, account, WIDE_LIMITS);
    const random = fc.sample(
      fc.tuple(fc.nat(2), fc.nat(1), fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 50, max: 29_999 })),
      40,
    );
    const held = new Map<string, number>();
    for (const [sell, other, lots, cents] of random) {
      const symbol = other === 1 ? 'OTHER' : FEED;
      const quantity = sell === 2 ? Math.min(lots, held.get(symbol) ?? 0) : lots;
      if (quantity > 0) {
        const side = sell === 2 ? 'SELL' : 'BUY';
        held.set(symbol, (held.get(symbol) ?? 0) + (side === 'BUY' ? quantity : -quantity));
        await trade(account, side, multiply(`${quantity}`, '0.001'), multiply(`${cents}`, '0.01'), symbol);
      }
    }
    for (const method of ['average', 'fifo'] as const) {
      const { cash, positions, realised } = await portfolioBy(method, account);
      const cost = positions.map((position) => position.cost ?? '').reduce(add, '0');
      // What is not in cash is in positions, but for what was gained or lost on the way.
      expect(add(cash, cost)).toBe(add('1000000', realised ?? ''));
    }
    for (const [symbol, quantity] of held) {
      if (quantity > 0) await trade(account, 'SELL', multiply(`${quantity}`, '0.001'), '77.77', symbol);
    }
    const [average, fifo] = [await portfolioBy('average', account), await portfolioBy('fifo', account)];
    expect(average.realised).toBe(fifo.realised);
    expect(compare(add('1000000', average.realised ?? ''), average.cash)).toBe(0);
  });
});
