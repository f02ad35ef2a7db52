import fc from 'fast-check';
import { expect, test } from 'vitest';
import { add, compare, multiply, quotient, subtract } from './money.ts';
import type { OrderStatus } from './order.ts';
import { type Fill, type Happening, type OrderState, outcomeOf } from './order-change.ts';

const RUNS = { numRuns: 1000 };
const LIMIT_PRICE = '7.25';

/** A BUY of `quantity` that reserves what its limit can cost. */
function order(status: OrderStatus, quantity: number): OrderState {
  return {
    side: 'BUY',
    quantity: String(quantity),
    status,
    version: 2,
    filledQuantity: '0',
    filledValue: '0',
    reservedCash: multiply(LIMIT_PRICE, String(quantity)),
    reservedQuantity: '0',
  };
}

const event = (name: Extract<Happening, { kind: 'event' }>['event']): Happening => ({ kind: 'event', event: name });

interface Booked {
  readonly state: OrderState;
  readonly average: string | null;
  /** All that was given back, and by which kind every happening was met. */
  readonly released: string;
  readonly kept: number;
  readonly bookedFills: ReadonlySet<string>;
}

/** What a venue's reports do, one after the other; a fill that is booked is not booked again. */
function apply(begin: OrderState, happenings: readonly Happening[]): Booked {
  let state = begin;
  let average: string | null = null;
  let released = '0';
  let kept = 0;
  const bookedFills = new Set<string>();
  for (const happening of happenings) {
    if (happening.kind === 'fill' && bookedFills.has(happening.fill.exchangeFillId)) continue;
    const outcome = outcomeOf(state, happening);
    expect(outcome.kind).not.toBe('refuse');
    if (outcome.kind === 'quarantine') kept += 1;
    if (outcome.kind !== 'change') continue;
    expect(outcome.change.after.version).toBe(state.version + 1);
    state = outcome.change.after;
    average = outcome.change.averageFillPrice;
    released = add(released, outcome.change.releasedCash);
    if (happening.kind === 'fill') bookedFills.add(happening.fill.exchangeFillId);
  }
  return { state, average, released, kept, bookedFills };
}

/** Fills in units, at most `quantity` together; prices up to the limit. */
const partsOf = (quantity: number) =>
  fc
    .array(fc.record({ units: fc.integer({ min: 1, max: 5 }), cents: fc.integer({ min: 1, max: 725 }) }), {
      maxLength: 8,
    })
    .map((parts) => {
      let left = quantity;
      return parts.flatMap(({ units, cents }, n): Fill[] => {
        if (units > left) return [];
        left -= units;
        const price = quotient(String(cents), '100');
        return [{ id: `${n}`, exchangeFillId: `venue-${n}`, quantity: String(units), price, fee: '0' }];
      });
    });

/** How the venue ends it, if it does. */
const ends = ['none', 'CANCELED', 'EXPIRED'] as const;
type End = (typeof ends)[number];

interface History {
  readonly begin: 'SUBMITTING' | 'OPEN' | 'PENDING_CANCEL';
  readonly quantity: number;
  readonly fills: readonly Fill[];
  readonly end: End;
  readonly cancelRefused: boolean;
  readonly accepted: boolean;
  readonly unknown: boolean;
}

const history: fc.Arbitrary<History> = fc.integer({ min: 1, max: 12 }).chain((quantity) =>
  fc.record({
    begin: fc.constantFrom('SUBMITTING', 'OPEN', 'PENDING_CANCEL'),
    quantity: fc.constant(quantity),
    fills: partsOf(quantity),
    end: fc.constantFrom(...ends),
    cancelRefused: fc.boolean(),
    accepted: fc.boolean(),
    unknown: fc.boolean(),
  }),
);

/** The reports of a history. A cancel is refused only where one was asked for. */
function reportsOf(told: History): Happening[] {
  return [
    ...(told.accepted ? [event('ACCEPTED')] : []),
    ...(told.unknown ? [event('OUTCOME_UNKNOWN')] : []),
    ...told.fills.map((fill): Happening => ({ kind: 'fill', fill })),
    ...(told.begin === 'PENDING_CANCEL' && told.cancelRefused ? [event('CANCEL_REFUSED')] : []),
    ...(told.end === 'none' ? [] : [event(told.end)]),
  ];
}

/** The model: it looks at what was told, never at the order in which. */
function expectedStatus(told: History, filled: number): OrderStatus {
  if (filled === told.quantity) return 'FILLED';
  if (told.end !== 'none') return told.end;
  if (told.begin === 'PENDING_CANCEL' && !told.cancelRefused) return 'PENDING_CANCEL';
  if (filled > 0) return 'PARTIALLY_FILLED';
  if (told.begin !== 'SUBMITTING' || told.accepted) return 'OPEN';
  return told.unknown ? 'UNKNOWN' : 'SUBMITTING';
}

/** Every report one to three times, in any order. */
const shuffled = (reports: readonly Happening[]) =>
  fc.tuple(...reports.map(() => fc.integer({ min: 1, max: 3 }))).chain((times) => {
    const told = reports.flatMap((report, n) => Array.from({ length: times[n] ?? 1 }, () => report));
    return fc.shuffledSubarray(told, { minLength: told.length, maxLength: told.length });
  });

test('shuffled, doubled and late reports end in the state that the model says, with nothing kept back', () => {
  const cases = history.chain((told) => shuffled(reportsOf(told)).map((reports) => ({ told, reports })));
  fc.assert(
    fc.property(cases, ({ told, reports }) => {
      const begin = order(told.begin, told.quantity);
      const { state, average, released, kept } = apply(begin, reports);
      const filled = told.fills.reduce((sum, fill) => sum + Number(fill.quantity), 0);
      const value = told.fills.reduce((sum, fill) => add(sum, multiply(fill.quantity, fill.price)), '0');
      expect(state.status).toBe(expectedStatus(told, filled));
      expect([state.filledQuantity, average]).toEqual([
        String(filled),
        filled === 0 ? null : quotient(value, String(filled)),
      ]);
      const ended = ['FILLED', 'CANCELED', 'EXPIRED'].includes(state.status);
      expect(state.reservedCash).toBe(ended ? '0' : multiply(LIMIT_PRICE, String(told.quantity - filled)));
      expect(add(state.reservedCash, released)).toBe(begin.reservedCash);
      expect(kept).toBe(0);
    }),
    RUNS,
  );
});

test('whatever a venue tells in whatever order, no more than the quantity is filled and no report is lost', () => {
  const anything = fc.oneof(
    fc
      .constantFrom('ACCEPTED', 'REJECTED', 'OUTCOME_UNKNOWN', 'CANCEL_REFUSED', 'CANCELED', 'EXPIRED')
      .map((name) => event(name as 'ACCEPTED')),
    fc.record({ n: fc.integer({ min: 0, max: 5 }), units: fc.integer({ min: 1, max: 9 }) }).map(
      ({ n, units }): Happening => ({
        kind: 'fill',
        fill: { id: `${n}`, exchangeFillId: `venue-${n}-${units}`, quantity: String(units), price: '7', fee: '0' },
      }),
    ),
  );
  const begun = fc.constantFrom<OrderStatus>('PENDING', 'SUBMITTING', 'UNKNOWN', 'OPEN', 'PENDING_CANCEL', 'DENIED');
  fc.assert(
    fc.property(begun, fc.array(anything, { maxLength: 20 }), (status, happenings) => {
      const { state, bookedFills, kept } = apply(order(status, 10), happenings);
      expect(compare(state.filledQuantity, state.quantity)).not.toBe(1);
      expect(state.status === 'FILLED').toBe(compare(state.filledQuantity, state.quantity) === 0);
      const told = happenings.flatMap((each) => (each.kind === 'fill' ? [each.fill.exchangeFillId] : []));
      const unbooked = told.filter((id) => !bookedFills.has(id));
      expect(kept).toBeGreaterThanOrEqual(unbooked.length);
    }),
    RUNS,
  );
});

test('a reservation shrinks by what is filled, and the average is rounded once, from the exact sum', () => {
  const begin = order('OPEN', 3);
  const fills = ['0.1', '0.2', '0.4'].map(
    (price, n): Happening => ({
      kind: 'fill',
      fill: { id: `${n}`, exchangeFillId: `${n}`, quantity: '1', price, fee: '0' },
    }),
  );
  const two = apply(begin, fills.slice(0, 2));
  expect(two).toMatchObject({ average: '0.15', released: '14.5', state: { reservedCash: '7.25' } });
  const all = apply(begin, fills);
  expect(all).toMatchObject({ average: '0.2333333333333333', state: { status: 'FILLED', reservedCash: '0' } });
  expect(subtract(all.released, begin.reservedCash)).toBe('0');
});
