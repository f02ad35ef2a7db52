import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, multiply, shareOf, subtract } from './money.ts';
import { costOfNewest, type Lot, totalOf, valueHolding } from './pnl.ts';

/** What happened, in hundredths of a unit and cents of a fee, so that the model needs no decimals. */
interface Trade {
  readonly symbol: string;
  readonly side: 'BUY' | 'SELL';
  readonly quantity: bigint;
  readonly price: bigint;
  readonly fee: bigint;
}

const decimal = (hundredths: bigint): string => shareOf(hundredths.toString(), '1', '100');

/** A trade's cost as the ledger has it: what was paid with the fee, or what came back less the fee, as a negative. */
function costOf(trade: Trade): string {
  const notional = multiply(decimal(trade.quantity), decimal(trade.price));
  return add(trade.side === 'BUY' ? notional : `-${notional}`, decimal(trade.fee));
}

/** What the service keeps per symbol, built one trade at a time. */
class Books {
  readonly quantity = new Map<string, bigint>();
  readonly invested = new Map<string, string>();
  readonly average = new Map<string, string>();
  readonly lots = new Map<string, Lot[]>();

  /** False when there is not as much to sell. */
  book(trade: Trade): boolean {
    const { symbol } = trade;
    const held = this.quantity.get(symbol) ?? 0n;
    if (trade.side === 'SELL' && trade.quantity > held) {
      return false;
    }
    const left = trade.side === 'BUY' ? held + trade.quantity : held - trade.quantity;
    const average = this.average.get(symbol) ?? '0';
    this.quantity.set(symbol, left);
    this.invested.set(symbol, add(this.invested.get(symbol) ?? '0', costOf(trade)));
    this.average.set(
      symbol,
      trade.side === 'BUY' ? add(average, costOf(trade)) : shareOf(average, left.toString(), held.toString()),
    );
    if (trade.side === 'BUY') {
      this.lots.set(symbol, [
        { quantity: decimal(trade.quantity), cost: costOf(trade) },
        ...(this.lots.get(symbol) ?? []),
      ]);
    }
    return true;
  }

  realised(symbol: string): { average: string; fifo: string } {
    const held = decimal(this.quantity.get(symbol) ?? 0n);
    const invested = this.invested.get(symbol) ?? '0';
    const fifo = costOfNewest(this.lots.get(symbol) ?? [], held) ?? 'unknown';
    return { average: subtract(this.average.get(symbol) ?? '0', invested), fifo: subtract(fifo, invested) };
  }
}

/** The plain way: a queue of lots, each sale eating from its head. Quantities in hundredths, what is left as it was bought. */
function fifoCostOneByOne(trades: readonly Trade[]): string {
  const queue: { left: bigint; of: bigint; cost: string }[] = [];
  for (const trade of trades) {
    if (trade.side === 'BUY') {
      queue.push({ left: trade.quantity, of: trade.quantity, cost: costOf(trade) });
    } else {
      for (let wanted = trade.quantity; wanted > 0n; ) {
        const [head] = queue;
        if (head === undefined) throw new Error('sold more than was held');
        const taken = wanted < head.left ? wanted : head.left;
        wanted -= taken;
        head.left -= taken;
        if (head.left === 0n) queue.shift();
      }
    }
  }
  return queue.map((lot) => shareOf(lot.cost, lot.left.toString(), lot.of.toString())).reduce(add, '0');
}

const trade = fc.record({
  symbol: fc.constantFrom('A', 'B', 'C'),
  side: fc.constantFrom('BUY' as const, 'SELL' as const),
  quantity: fc.bigInt(1n, 5000n),
  price: fc.bigInt(1n, 1_000_000n),
  fee: fc.bigInt(0n, 50n),
});
const histories = fc.array(trade, { minLength: 1, maxLength: 60 });

function bookAll(trades: readonly Trade[]): { books: Books; booked: Trade[] } {
  const books = new Books();
  return { books, booked: trades.filter((each) => books.book(each)) };
}

/** Sells whatever is left of each symbol. */
function closeAll(books: Books, price: bigint): Trade[] {
  const sales = [...books.quantity]
    .filter(([, quantity]) => quantity > 0n)
    .map(([symbol, quantity]): Trade => ({ symbol, side: 'SELL', quantity, price, fee: 1n }));
  return sales.filter((sale) => books.book(sale));
}

describe('realised profit', () => {
  it('by FIFO from the newest lots is that of a queue eaten from its head', () => {
    fc.assert(
      fc.property(histories, (trades) => {
        const { books, booked } = bookAll(trades);
        for (const symbol of ['A', 'B', 'C']) {
          const own = booked.filter((each) => each.symbol === symbol);
          const held = decimal(books.quantity.get(symbol) ?? 0n);
          expect(costOfNewest(books.lots.get(symbol) ?? [], held)).toBe(fifoCostOneByOne(own));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('agrees between the methods once nothing is held, and is exactly what came back less what was paid', () => {
    fc.assert(
      fc.property(histories, fc.bigInt(1n, 1_000_000n), (trades, price) => {
        const { books, booked } = bookAll(trades);
        const all = [...booked, ...closeAll(books, price)];
        for (const symbol of ['A', 'B', 'C']) {
          const paid = all
            .filter((each) => each.symbol === symbol)
            .map(costOf)
            .reduce(add, '0');
          const { average, fifo } = books.realised(symbol);
          expect([average, fifo]).toEqual([subtract('0', paid), subtract('0', paid)]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of a symbol does not depend on what happens to the others, or when', () => {
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.nat(2)), (trades, choices) => {
        const queues = ['A', 'B', 'C'].map((symbol) => trades.filter((each) => each.symbol === symbol));
        const shuffled: Trade[] = [];
        while (shuffled.length < trades.length) {
          const next = queues[choices.next().value ?? 0]?.shift() ?? queues.find(({ length }) => length > 0)?.shift();
          if (next !== undefined) shuffled.push(next);
        }
        const [one, other] = [bookAll(trades).books, bookAll(shuffled).books];
        for (const symbol of ['A', 'B', 'C']) {
          expect(other.realised(symbol)).toEqual(one.realised(symbol));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('costOfNewest', () => {
  const lots = [
    { quantity: '1', cost: '30' },
    { quantity: '3', cost: '10' },
  ];
  it.each([
    ['0', '0'],
    ['1', '30'],
    ['2', '33.3333333333333333'],
    ['4', '40'],
    ['4.00000001', null],
  ])('of %s is %s', (quantity, cost) => {
    expect(costOfNewest(lots, quantity)).toBe(cost);
  });
});

describe('valueHolding', () => {
  const holding = { quantity: '2', cost: '200', invested: '150' };

  it('values at the bid, and says how old it is', () => {
    expect(valueHolding(holding, { bid: '110.5', ageMs: 900, agreed: true }, 1000)).toEqual({
      cost: '200',
      realised: '50',
      unrealised: '21',
      price: '110.5',
      priceAgeMs: 900,
      reason: null,
    });
  });

  it.each([
    ['price_stale', { bid: '110.5', ageMs: 1000, agreed: true }],
    ['price_stale', { bid: '110.5', ageMs: -5001, agreed: true }],
    ['price_disputed', { bid: '110.5', ageMs: 0, agreed: false }],
    ['price_missing', null],
  ])('is unknown, not zero: %s %j', (reason, mark) => {
    const valued = valueHolding(holding, mark, 1000);
    expect(valued).toMatchObject({ realised: '50', unrealised: null, price: null, reason });
  });

  it('takes a quote whose clock is a little ahead of ours as new', () => {
    expect(valueHolding(holding, { bid: '100', ageMs: -5000, agreed: true }, 1000)).toMatchObject({
      priceAgeMs: 0,
      reason: null,
    });
  });

  it('does not make up a cost', () => {
    expect(valueHolding({ ...holding, cost: null }, { bid: '1', ageMs: 0, agreed: true }, 1000)).toMatchObject({
      cost: null,
      realised: null,
      unrealised: null,
      price: '1',
      reason: 'too_many_lots',
    });
  });

  it('a total with an unknown part is unknown', () => {
    expect([totalOf([]), totalOf(['1', '-2.5']), totalOf(['1', null])]).toEqual(['0', '-1.5', null]);
  });
});
