import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { ensureAccounts, recordDeposits, recordTransfers } from '../../src/db/accounts.ts';
import { insertInstruments } from '../../src/db/instruments.ts';
import { type DatabasePool, transaction } from '../../src/db/pool.ts';
import { upsertQuotes } from '../../src/db/quotes.ts';
import { changeLimitRow } from '../../src/db/risk-limits.ts';
import type { NewOrder, Order } from '../../src/domain/order.ts';
import type { RiskLimits } from '../../src/domain/risk.ts';
import type { LimitsChange } from '../../src/domain/risk-limits.ts';
import {
  type Placement,
  type PlaceOrderCommand,
  type PlaceOrderDeps,
  type PlaceOrderOutcome,
  placeOrder,
} from '../../src/orders/place-order.ts';

export const LIMITS: RiskLimits = { maxOrderNotional: '100000', marketOrderPaddingBps: 500, quoteMaxAgeMs: 15_000 };

/** Limits that no test runs into by accident: everybody's in a database with a market, until a test sets its own. */
export const WIDE_LIMITS: LimitsChange = {
  maxDailyNotional: '1000000000000',
  maxPositionNotional: '1000000000000',
  maxDailyLoss: '1000000000000',
  maxOpenOrders: 1_000_000,
  maxOrdersPerMinute: 1_000_000,
  priceCollarBps: 1_000_000,
  fatFingerMultiple: 1_000_000_000,
};

/** Sets limits of an account, or with null everybody's. */
export async function limit(pool: DatabasePool, accountId: string | null, change: LimitsChange): Promise<void> {
  await transaction(pool, (tx) => changeLimitRow(tx, accountId, change, { by: 'test', reason: null }));
}

/** A symbol with tick 0.01, lot 0.001 and minimum 1, quoted 99 to 101. */
export const SYMBOL = 'BTCUSDT';

export async function addMarket(pool: DatabasePool): Promise<void> {
  await transaction(pool, async (tx) => {
    await insertInstruments(tx, [
      { symbol: SYMBOL, assetClass: 'crypto', venue: 'paper', tickSize: '0.01', lotSize: '0.001', minNotional: '1' },
    ]);
    await upsertQuotes(tx, [{ symbol: SYMBOL, bid: '99', ask: '101', asOf: null }]);
    await changeLimitRow(tx, null, WIDE_LIMITS, { by: 'test', reason: null });
  });
}

/** Sets the quote of SYMBOL as of now. */
export async function quote(pool: DatabasePool, bid: string, ask: string): Promise<void> {
  await transaction(pool, (tx) => upsertQuotes(tx, [{ symbol: SYMBOL, bid, ask, asOf: null }]));
}

/** An account with cash and, if asked for, units of SYMBOL; returns its id. */
export async function addAccount(pool: DatabasePool, cash: string, units?: string): Promise<string> {
  const id = randomUUIDv7();
  await transaction(pool, async (tx) => {
    await ensureAccounts(tx, [{ id, name: id }]);
    await recordDeposits(tx, [{ id: randomUUIDv7(), accountId: id, amount: cash }], 'test');
    if (units !== undefined) {
      const transfer = { id: randomUUIDv7(), accountId: id, symbol: SYMBOL, quantity: units, cost: '0' };
      await recordTransfers(tx, [transfer], 'test');
    }
  });
  return id;
}

/** A LIMIT BUY of 1 at 100, resting below the ask, with what `changes` says. */
export function newOrder(changes: Partial<NewOrder> = {}): NewOrder {
  return {
    symbol: SYMBOL,
    side: 'BUY',
    type: 'LIMIT',
    quantity: '1',
    price: '100',
    mode: 'PAPER',
    timeInForce: 'GTC',
    expireAt: null,
    clientOrderId: null,
    ...changes,
  };
}

/** A reply that differs for every order, so that a replay is recognised. */
export function renderPlacement(placement: Placement): { status: number; body: string } {
  return {
    status: placement.kind === 'placed' ? 201 : 422,
    body: JSON.stringify({ kind: placement.kind, id: placement.order.id, order: placement.order }),
  };
}

/** Places with a key of its own, unless `command` names one. Every market is open, whatever the time of the test. */
export function place(
  pool: DatabasePool,
  accountId: string,
  order: Partial<NewOrder> = {},
  command: Partial<PlaceOrderCommand> = {},
  deps: Partial<PlaceOrderDeps> = {},
): Promise<PlaceOrderOutcome> {
  return placeOrder(
    { pool, limits: LIMITS, isOpen: () => true, render: renderPlacement, ...deps },
    { accountId, idempotencyKey: randomUUID(), requestHash: 'hash', order: newOrder(order), ...command },
  );
}

/** Places and gives back the order, which must have been accepted. */
export async function placed(pool: DatabasePool, accountId: string, order: Partial<NewOrder> = {}): Promise<Order> {
  const outcome = await place(pool, accountId, order);
  if (outcome.kind !== 'placed') {
    throw new Error(`expected an accepted order, got ${JSON.stringify(outcome)}`);
  }
  return outcome.order;
}

/** A moment that orders may still name, and that is over soon after they are placed, on a busy machine too. ISO 8601. */
export function soon(): string {
  return new Date(Date.now() + 1_500).toISOString();
}
