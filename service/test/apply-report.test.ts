import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditBooks } from '../src/db/audit.ts';
import type { DatabasePool } from '../src/db/pool.ts';
import { applyReport, type Report } from '../src/orders/apply-report.ts';
import { cancelOrder } from '../src/orders/cancel-order.ts';
import { getOrder, getOrderEvents } from '../src/orders/get-order.ts';
import { getPortfolio } from '../src/orders/get-portfolio.ts';
import { expectAllFolded, expectBooksHold, submitted } from './support/books.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket, placed, SYMBOL } from './support/fixtures.ts';

let database: TestDatabase;
let pool: DatabasePool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool();
  await addMarket(pool);
});
afterAll(async () => {
  expect(await expectAllFolded(database)).toBeGreaterThan(30);
  await expectBooksHold(pool);
  await database.drop();
});

const told = (kind: Exclude<Report['kind'], 'fill'>, orderId: string): Report => ({ kind, orderId });
const fill = (orderId: string, quantity: string, price = '99', exchangeFillId: string = randomUUID()): Report => ({
  kind: 'fill',
  orderId,
  fill: { exchangeFillId, quantity, price, fee: '0.5' },
});

async function applyAll(reports: readonly Report[]): Promise<string[]> {
  const kinds: string[] = [];
  for (const report of reports) {
    const outcome = await applyReport(pool, report);
    kinds.push(outcome.kind === 'quarantined' ? outcome.reason : outcome.kind);
  }
  return kinds;
}

const quarantined = (orderId: string) =>
  database.query('SELECT reason, resolution FROM execution.quarantined_reports WHERE order_id = $1 ORDER BY id', [
    orderId,
  ]);

test('accepted, filled in parts and in full: cash, fees and holdings move with each fill', async () => {
  const account = await addAccount(pool, '2000');
  const id = await submitted(pool, account);
  expect(await applyAll([told('accepted', id), fill(id, '4', '99'), fill(id, '6', '99.5')])).toEqual(
    Array(3).fill('applied'),
  );
  expect(await getOrder(pool, account, id)).toMatchObject({
    status: 'FILLED',
    version: 5,
    averageFillPrice: '99.3',
    reservedCash: '0',
  });
  expect(await getPortfolio(pool, account)).toMatchObject({
    cash: '1006',
    reserved: '0',
    positions: [{ symbol: SYMBOL, quantity: '10', reserved: '0' }],
  });
  const types = await database.query(
    'SELECT type FROM execution.portfolio_events_outbox WHERE order_id = $1 ORDER BY id',
    [id],
  );
  expect(types.map(({ type }) => type)).toEqual([
    'ORDER_PLACED',
    'ORDER_SUBMISSION_STARTED',
    'ORDER_ACCEPTED',
    'ORDER_PARTLY_FILLED',
    'ORDER_FILLED',
  ]);
});

test('a partial fill of a SELL gives up its part of the holding and of the reservation', async () => {
  const account = await addAccount(pool, '10', '10');
  const id = await submitted(pool, account, { side: 'SELL' });
  await applyAll([told('accepted', id), fill(id, '3', '101')]);
  expect(await getOrder(pool, account, id)).toMatchObject({ status: 'PARTIALLY_FILLED', reservedQuantity: '7' });
  expect(await getPortfolio(pool, account)).toMatchObject({
    cash: '312.5',
    positions: [{ quantity: '7', reserved: '7' }],
  });
});

test('a fill counts once, however often and however concurrently it is delivered', async () => {
  const account = await addAccount(pool, '2000');
  const id = await submitted(pool, account);
  const once = fill(id, '4');
  const outcomes = await Promise.all(Array.from({ length: 12 }, () => applyReport(pool, once)));
  expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['applied', ...Array(11).fill('duplicate')]);
  expect((await getOrder(pool, account, id)).filledQuantity).toBe('4');
});

test('the same id of a venue with other numbers is kept, and so is a fill beyond the quantity', async () => {
  const account = await addAccount(pool, '5000');
  const id = await submitted(pool, account);
  const first = randomUUID();
  expect(
    await applyAll([fill(id, '4', '99', first), fill(id, '5', '99', first), fill(id, '7'), fill(id, '6')]),
  ).toEqual(['applied', 'CONFLICTING_FILL', 'OVERFILL', 'applied']);
  expect(await getOrder(pool, account, id)).toMatchObject({ status: 'FILLED', filledQuantity: '10' });
  expect(await quarantined(id)).toEqual([
    { reason: 'CONFLICTING_FILL', resolution: null },
    { reason: 'OVERFILL', resolution: null },
  ]);
  const again = fill(id, '1');
  expect(await applyAll([again, again, again])).toEqual(Array(3).fill('OVERFILL'));
  expect(await quarantined(id)).toHaveLength(3);
});

test('a report of an order that nobody knows, or with numbers that cannot be booked, is kept', async () => {
  const account = await addAccount(pool, '2000');
  const id = await submitted(pool, account);
  const stranger = randomUUID();
  expect(await applyAll([fill(stranger, '1'), told('canceled', 'no uuid at all')])).toEqual(
    Array(2).fill('UNKNOWN_ORDER'),
  );
  expect(await applyAll([fill(id, '0'), fill(id, '1', '-3'), fill(id, '1e3'), fill(id, '0.123456789')])).toEqual(
    Array(4).fill('NOT_BOOKABLE'),
  );
  expect((await getOrder(pool, account, id)).status).toBe('SUBMITTING');
});

test('a cancel is asked of the venue; refused, the order is as it was; a fill may be faster', async () => {
  const account = await addAccount(pool, '5000');
  for (const filled of [false, true]) {
    const id = await submitted(pool, account);
    await applyAll([told('accepted', id), ...(filled ? [fill(id, '1')] : [])]);
    const before = (await getOrder(pool, account, id)).status;
    expect((await cancelOrder(pool, { accountId: account, orderId: id })).order.status).toBe('PENDING_CANCEL');
    expect((await cancelOrder(pool, { accountId: account, orderId: id })).order.version).toBe(filled ? 5 : 4);
    expect(await applyAll([told('cancel-refused', id), told('cancel-refused', id)])).toEqual(['applied', 'ignored']);
    expect((await getOrder(pool, account, id)).status).toBe(before);
    await cancelOrder(pool, { accountId: account, orderId: id });
    expect(await applyAll([fill(id, '2'), told('canceled', id)])).toEqual(['applied', 'applied']);
    expect(await getOrder(pool, account, id)).toMatchObject({
      status: 'CANCELED',
      filledQuantity: filled ? '3' : '2',
      reservedCash: '0',
    });
  }
});

test.each(['canceled', 'expired', 'rejected'] as const)('a late fill of an order that is %s is booked', async (end) => {
  const account = await addAccount(pool, '5000');
  const id = await submitted(pool, account);
  await applyAll([told(end, id)]);
  const { status } = await getOrder(pool, account, id);
  expect(await getPortfolio(pool, account)).toMatchObject({ cash: '5000', reserved: '0' });
  expect(await applyAll([fill(id, '3')])).toEqual(['applied']);
  expect(await getOrder(pool, account, id)).toMatchObject({ status, filledQuantity: '3' });
  expect((await getOrderEvents(pool, account, id)).at(-1)).toMatchObject({ type: 'LATE_FILL', toStatus: status });
  expect(await applyAll([fill(id, '7')])).toEqual(['applied']);
  expect((await getOrder(pool, account, id)).status).toBe('FILLED');
  expect((await getPortfolio(pool, account)).cash).toBe('4009');
});

test('a late fill that the account cannot pay any more is kept, and booked when it is delivered after a deposit', async () => {
  const account = await addAccount(pool, '1000');
  const id = await submitted(pool, account);
  await applyAll([told('canceled', id)]);
  const other = await placed(pool, account, { quantity: '9', price: '100' });
  const late = fill(id, '10');
  expect(await applyAll([late])).toEqual(['INSUFFICIENT_CASH']);
  expect((await getOrder(pool, account, id)).filledQuantity).toBe('0');
  await cancelOrder(pool, { accountId: account, orderId: other.id });
  expect(await applyAll([late, late])).toEqual(['applied', 'duplicate']);
  expect(await quarantined(id)).toEqual([
    { reason: 'INSUFFICIENT_CASH', resolution: 'booked when it was delivered again' },
  ]);
});

test('an outcome that nobody knows holds its reservation until the venue tells', async () => {
  const account = await addAccount(pool, '1000');
  const id = await submitted(pool, account);
  await applyAll([told('unknown', id)]);
  expect(await getOrder(pool, account, id)).toMatchObject({ status: 'UNKNOWN', reservedCash: '1000' });
  await expect(cancelOrder(pool, { accountId: account, orderId: id })).rejects.toMatchObject({
    code: 'order_not_cancelable',
    details: { status: 'UNKNOWN' },
  });
  expect(await applyAll([told('unknown', id), told('accepted', id), told('unknown', id)])).toEqual([
    'ignored',
    'applied',
    'ignored',
  ]);
  expect((await getOrder(pool, account, id)).status).toBe('OPEN');
});

test('reports shuffled, doubled and delivered at once end in the same rows as in their order', async () => {
  const account = await addAccount(pool, '1000000');
  const parts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 });
  const end = fc.constantFrom('none' as const, 'canceled' as const, 'expired' as const);
  await fc.assert(
    fc.asyncProperty(parts, end, fc.infiniteStream(fc.nat()), async (quantities, ending, order) => {
      const reports = (id: string): Report[] => {
        let left = 10;
        const fills = quantities.flatMap((quantity, n) => {
          if (quantity > left) return [];
          left -= quantity;
          return [fill(id, String(quantity), String(90 + n), `${id}-${n}`)];
        });
        return [told('accepted', id), ...fills, ...(ending === 'none' ? [] : [told(ending, id)])];
      };
      const straight = await submitted(pool, account);
      const mixed = await submitted(pool, account);
      await applyAll(reports(straight));
      const twice = [...reports(mixed), ...reports(mixed)].map((report) => ({ report, place: order.next().value }));
      const shuffled = twice.sort((a, b) => a.place - b.place).map(({ report }) => report);
      await Promise.all([applyAll(shuffled.slice(0, 4)), applyAll(shuffled.slice(4))]);
      const [expected, seen] = [await getOrder(pool, account, straight), await getOrder(pool, account, mixed)];
      const outcome = ({ status, filledQuantity, averageFillPrice, reservedCash }: typeof seen) => ({
        status,
        filledQuantity,
        averageFillPrice,
        reservedCash,
      });
      expect(outcome(seen)).toEqual(outcome(expected));
      expect(await quarantined(mixed)).toEqual([]);
    }),
    { numRuns: 25 },
  );
});

test('a kept report that is booked as well is told by the audit', async () => {
  const account = await addAccount(pool, '2000');
  const id = await submitted(pool, account);
  const exchangeFillId = randomUUID();
  await applyAll([fill(id, '1', '99', exchangeFillId)]);
  const broken = async (): Promise<string[]> =>
    (await auditBooks(pool)).filter(({ violations }) => violations > 0).map(({ name }) => name);
  const client = await database.connect();
  const behindTheTriggers = async (sql: string): Promise<void> => {
    await client.query('BEGIN; SET LOCAL session_replication_role = replica');
    await client.query(sql);
    await client.query('COMMIT');
  };
  await behindTheTriggers(`INSERT INTO execution.quarantined_reports (order_id, report_key, reason, report)
    VALUES ('${id}', 'planted', 'OVERFILL', '${JSON.stringify(fill(id, '1', '99', exchangeFillId))}')`);
  expect(await broken()).toEqual(['a report that is kept back is not booked as well']);
  await behindTheTriggers(`DELETE FROM execution.quarantined_reports WHERE report_key = 'planted'`);
});
