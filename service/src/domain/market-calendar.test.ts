import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CALENDARS,
  currentOrNextSession,
  isOpen,
  knownUntil,
  marketStatus,
  nextClose,
  nextOpen,
  sessionEndOf,
  sessionOf,
} from './market-calendar.ts';
import { XNYS } from './market-calendar-xnys.ts';

const at = (text: string): Temporal.Instant => Temporal.Instant.from(text);
const newYork = (day: string, time: string): Temporal.Instant =>
  Temporal.ZonedDateTime.from(`${day}T${time}[America/New_York]`).toInstant();
const text = (instant: Temporal.Instant | null): string | null => instant?.toString() ?? null;

/** Every day that the data speaks of, with its session. */
function everyDay(): readonly { readonly day: string; readonly session: ReturnType<typeof sessionOf> }[] {
  const days = [];
  const last = Temporal.PlainDate.from(XNYS.lastDay);
  let day = Temporal.PlainDate.from(XNYS.firstDay);
  for (; Temporal.PlainDate.compare(day, last) <= 0; day = day.add({ days: 1 })) {
    days.push({ day: day.toString(), session: sessionOf('XNYS', newYork(day.toString(), '09:30')) });
  }
  return days;
}

describe('the session of New York', () => {
  it.each([
    ['winter', '2026-01-05', '2026-01-05T14:30:00Z', '2026-01-05T21:00:00Z'],
    ['the Friday before clocks go forward', '2026-03-06', '2026-03-06T14:30:00Z', '2026-03-06T21:00:00Z'],
    ['the Monday after', '2026-03-09', '2026-03-09T13:30:00Z', '2026-03-09T20:00:00Z'],
    ['the Friday before clocks go back', '2026-10-30', '2026-10-30T13:30:00Z', '2026-10-30T20:00:00Z'],
    ['the Monday after', '2026-11-02', '2026-11-02T14:30:00Z', '2026-11-02T21:00:00Z'],
    ['the Friday before clocks go forward', '2027-03-12', '2027-03-12T14:30:00Z', '2027-03-12T21:00:00Z'],
    ['the Monday after', '2027-03-15', '2027-03-15T13:30:00Z', '2027-03-15T20:00:00Z'],
    ['the Friday before clocks go back', '2027-11-05', '2027-11-05T13:30:00Z', '2027-11-05T20:00:00Z'],
    ['the Monday after', '2027-11-08', '2027-11-08T14:30:00Z', '2027-11-08T21:00:00Z'],
  ])('in UTC: %s, %s', (_what, day, opens, closes) => {
    const noon = newYork(day, '12:00');
    expect(text(sessionOf('XNYS', noon)?.opensAt ?? null)).toBe(opens);
    expect(text(sessionEndOf('XNYS', noon))).toBe(closes);
    expect(text(nextClose('XNYS', noon))).toBe(closes);
  });

  it('is over a weekend in which clocks change', () => {
    expect(text(nextOpen('XNYS', newYork('2026-03-06', '16:00')))).toBe('2026-03-09T13:30:00Z');
    expect(text(nextOpen('XNYS', newYork('2026-10-30', '16:00')))).toBe('2026-11-02T14:30:00Z');
    for (const sunday of ['2026-03-08', '2026-11-01', '2027-03-14', '2027-11-07', '2028-03-12', '2028-11-05']) {
      for (const time of ['00:30', '01:59', '03:01', '10:00', '15:59', '23:59']) {
        expect(marketStatus('XNYS', newYork(sunday, time))).toMatchObject({ kind: 'closed', reason: 'WEEKEND' });
      }
    }
  });

  it('holds its first instant and not its last, on every day that has one', () => {
    let looked = 0;
    for (const { session } of everyDay()) {
      if (session === null) continue;
      looked += 1;
      const { opensAt, closesAt } = session;
      const open = [
        opensAt,
        opensAt.add({ minutes: 1 }),
        closesAt.subtract({ minutes: 1 }),
        closesAt.subtract({ nanoseconds: 1 }),
      ];
      const closed = [
        opensAt.subtract({ minutes: 1 }),
        opensAt.subtract({ nanoseconds: 1 }),
        closesAt,
        closesAt.add({ minutes: 1 }),
      ];
      expect(open.map((instant) => isOpen('XNYS', instant))).toEqual([true, true, true, true]);
      expect(closed.map((instant) => marketStatus('XNYS', instant))).toEqual(
        closed.map(() => expect.objectContaining({ kind: 'closed', reason: 'OUTSIDE_HOURS' })),
      );
    }
    expect(looked).toBe(250 + 251 + 251 + 251);
  });

  it('never overlaps with another one, and is 6.5 hours long or, on an early close, 3.5', () => {
    let previous = at('1970-01-01T00:00:00Z');
    for (const { day, session } of everyDay()) {
      if (session === null) continue;
      expect(Temporal.Instant.compare(previous, session.opensAt)).toBe(-1);
      const hours = session.opensAt.until(session.closesAt).total('hours');
      expect({ day, hours }).toEqual({ day, hours: day in XNYS.earlyCloses ? 3.5 : 6.5 });
      previous = session.closesAt;
    }
  });
});

/**
 * NYSE Rule 7.2, as computation: what the data must agree with. A holiday on Sunday is kept on Monday, one on Saturday on
 * Friday unless that day ends a period of accounting. The eves of Independence Day and of Christmas, and the day after
 * Thanksgiving, close early when they are trading days themselves.
 */
function ruled(year: number): { holidays: string[]; earlyCloses: string[] } {
  const date = (month: number, day: number) => new Temporal.PlainDate(year, month, day);
  const nth = (month: number, weekday: number, n: number) => {
    const first = date(month, 1);
    return first.add({ days: ((weekday - first.dayOfWeek + 7) % 7) + 7 * (n - 1) });
  };
  const lastMonday = (month: number) => {
    const end = date(month, 1).add({ months: 1 }).subtract({ days: 1 });
    return end.subtract({ days: end.dayOfWeek - 1 });
  };
  const observed = (day: Temporal.PlainDate) =>
    day.dayOfWeek === 6 ? day.subtract({ days: 1 }) : day.dayOfWeek === 7 ? day.add({ days: 1 }) : day;
  const newYear = date(1, 1);
  const thanksgiving = nth(11, 4, 4);
  const [independence, christmas] = [date(7, 4), date(12, 25)];
  const holidays = [
    ...(newYear.dayOfWeek === 6 ? [] : [observed(newYear)]),
    nth(1, 1, 3),
    nth(2, 1, 3),
    easter(year).subtract({ days: 2 }),
    lastMonday(5),
    observed(date(6, 19)),
    observed(independence),
    nth(9, 1, 1),
    thanksgiving,
    observed(christmas),
  ].map(String);
  const eves = [independence, christmas].map((day) => day.subtract({ days: 1 }));
  const trades = (day: Temporal.PlainDate) => day.dayOfWeek < 6 && !holidays.includes(day.toString());
  return { holidays, earlyCloses: [...eves, thanksgiving.add({ days: 1 })].filter(trades).map(String).sort() };
}

/** Anonymous Gregorian algorithm (Nature, 1876), as in Meeus, Astronomical Algorithms, chapter 8. */
function easter(year: number): Temporal.PlainDate {
  const [a, b, c] = [year % 19, Math.floor(year / 100), year % 100];
  const [d, e, f] = [Math.floor(b / 4), b % 4, Math.floor((b + 8) / 25)];
  const h = (19 * a + b - d - Math.floor((b - f + 1) / 3) + 15) % 30;
  const l = (32 + 2 * e + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const n = h + l - 7 * m + 114;
  return new Temporal.PlainDate(year, Math.floor(n / 31), (n % 31) + 1);
}

describe('holidays and early closes of New York', () => {
  const years = [2025, 2026, 2027, 2028];
  /** Closures by proclamation, which no rule foresees. */
  const proclaimed = ['2025-01-09'];
  const of = (year: number, days: object): string[] =>
    Object.keys(days).filter((day) => day.startsWith(`${year}-`) && !proclaimed.includes(day));

  it.each(years)('are in %i what the rules of the exchange make them', (year) => {
    expect(of(year, XNYS.holidays)).toEqual(ruled(year).holidays);
    expect(of(year, XNYS.earlyCloses)).toEqual(ruled(year).earlyCloses);
  });

  it('are whole years from the first day to the last', () => {
    expect([XNYS.firstDay, XNYS.lastDay]).toEqual([`${years[0]}-01-01`, `${years.at(-1)}-12-31`]);
  });

  it.each(Object.entries(XNYS.holidays))('%s, %s: closed all day', (day, name) => {
    for (const time of ['09:29', '09:30', '12:00', '15:59', '16:00']) {
      expect(marketStatus('XNYS', newYork(day, time))).toEqual({ kind: 'closed', reason: 'HOLIDAY', detail: name });
    }
  });

  it.each(Object.keys(XNYS.earlyCloses))('%s: closed at 13:00', (day) => {
    expect(isOpen('XNYS', newYork(day, '12:59:59'))).toBe(true);
    expect(isOpen('XNYS', newYork(day, '13:00'))).toBe(false);
    expect(text(sessionEndOf('XNYS', newYork(day, '10:00')))).toBe(text(newYork(day, '13:00')));
  });

  it.each([
    ['2026-07-02', 'the Thursday before Independence Day is kept on a Friday'],
    ['2027-07-02', 'the Friday before Independence Day is kept on a Monday'],
    ['2027-12-23', 'the day before Christmas is kept on a Friday'],
    ['2027-12-31', 'the last day of the year, before a New Year on a Saturday'],
    ['2028-12-22', 'the Friday before Christmas Eve on a Sunday'],
    ['2026-10-12', 'Columbus Day, on which only bonds rest'],
    ['2026-11-11', 'Veterans Day, on which only bonds rest'],
  ])('%s is a whole day: %s', (day) => {
    expect(sessionOf('XNYS', newYork(day, '15:59'))).not.toBeNull();
  });

  it('are stepped over', () => {
    // Independence Day kept on Friday, and then a weekend.
    expect(text(nextOpen('XNYS', newYork('2026-07-02', '16:00')))).toBe('2026-07-06T13:30:00Z');
    expect(text(sessionEndOf('XNYS', newYork('2026-12-24', '13:00')))).toBe('2026-12-28T21:00:00Z');
    // Independence Day kept on Monday.
    expect(text(nextOpen('XNYS', newYork('2027-07-02', '18:00')))).toBe('2027-07-06T13:30:00Z');
  });
});

describe('closures at short notice', () => {
  const whole = [{ day: '2026-03-10', closesAt: null }];
  const early = [{ day: '2026-03-10', closesAt: '11:15' }];

  it('close a day, or end it early, and no other day', () => {
    expect(marketStatus('XNYS', newYork('2026-03-10', '10:00'), whole)).toMatchObject({ reason: 'AD_HOC_CLOSURE' });
    expect(text(nextOpen('XNYS', newYork('2026-03-09', '16:00'), whole))).toBe('2026-03-11T13:30:00Z');
    expect(isOpen('XNYS', newYork('2026-03-10', '11:14'), early)).toBe(true);
    expect(isOpen('XNYS', newYork('2026-03-10', '11:15'), early)).toBe(false);
    expect(isOpen('XNYS', newYork('2026-03-11', '11:15'), early)).toBe(true);
  });

  it('never make a day longer, and of two the earlier counts', () => {
    const late = [{ day: '2026-11-27', closesAt: '15:00' }];
    expect(text(sessionEndOf('XNYS', newYork('2026-11-27', '10:00'), late))).toBe('2026-11-27T18:00:00Z');
    expect(isOpen('XNYS', newYork('2026-03-10', '10:00'), [...early, ...whole])).toBe(false);
    expect(isOpen('XNYS', newYork('2026-03-10', '10:00'), [{ day: '2026-03-10', closesAt: '09:00' }])).toBe(false);
  });

  it('do not touch a market that is always open', () => {
    expect(isOpen('24x7', at('2026-03-10T12:00:00Z'), whole)).toBe(true);
  });
});

describe('what is not known', () => {
  it.each(['2024-12-31T17:00:00Z', '2029-01-02T17:00:00Z', '2100-01-04T17:00:00Z'])(
    '%s is closed, and says why',
    (time) => {
      expect(marketStatus('XNYS', at(time))).toEqual({
        kind: 'closed',
        reason: 'UNKNOWN',
        detail: 'the calendar knows the days from 2025-01-01 to 2028-12-31',
      });
      expect([sessionOf, sessionEndOf, nextOpen, nextClose].map((ask) => ask('XNYS', at(time)))).toEqual([
        null,
        null,
        null,
        null,
      ]);
    },
  );

  it('is a calendar that is not there', () => {
    const time = at('2026-03-10T15:00:00Z');
    expect(marketStatus('XLON', time)).toEqual({
      kind: 'closed',
      reason: 'UNKNOWN',
      detail: 'there is no calendar XLON',
    });
    expect([sessionOf, sessionEndOf, nextOpen, nextClose].every((ask) => ask('XLON', time) === null)).toBe(true);
    expect(knownUntil('XLON')).toBeNull();
  });

  it('begins after the last session', () => {
    const last = newYork('2028-12-29', '16:00');
    expect(text(sessionEndOf('XNYS', last.subtract({ minutes: 1 })))).toBe(text(last));
    expect(sessionEndOf('XNYS', last)).toBeNull();
    expect(nextOpen('XNYS', last)).toBeNull();
    expect(knownUntil('XNYS')).toBe('2028-12-31');
  });
});

describe('a market that is always open', () => {
  it('has the UTC day as its session, and neither opens nor closes', () => {
    const time = at('2026-03-08T07:30:00Z');
    expect(isOpen('24x7', time)).toBe(true);
    expect(text(sessionEndOf('24x7', time))).toBe('2026-03-09T00:00:00Z');
    expect(text(sessionEndOf('24x7', at('2026-03-09T00:00:00Z')))).toBe('2026-03-10T00:00:00Z');
    expect([nextOpen('24x7', time), nextClose('24x7', time), knownUntil('24x7')]).toEqual([null, null, null]);
  });
});

describe('at any instant, of any calendar', () => {
  const instants = fc
    .integer({ min: Date.UTC(2024, 11, 1) / 1000, max: Date.UTC(2029, 1, 1) / 1000 })
    .map((seconds) => Temporal.Instant.fromEpochMilliseconds(seconds * 1000));

  it('the answers agree with each other', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CALENDARS), instants, (calendar, instant) => {
        const session = sessionOf(calendar, instant);
        const dayOrder = currentOrNextSession(calendar, instant);
        expect(isOpen(calendar, instant)).toBe(session !== null);
        if (session !== null) expect(dayOrder).toEqual(session);
        const end = sessionEndOf(calendar, instant);
        if (end !== null) expect(Temporal.Instant.compare(end, instant)).toBe(1);
        const opens = nextOpen(calendar, instant);
        if (opens === null) return;
        expect(Temporal.Instant.compare(opens, instant)).toBe(1);
        // Nothing opens between now and the next opening.
        if (session === null) expect(isOpen(calendar, opens)).toBe(true);
        expect(isOpen(calendar, opens.subtract({ nanoseconds: 1 }))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});
