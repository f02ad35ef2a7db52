import { describe, expect, it } from 'vitest';
import { inSession, isLate, marketsAt, openCalendars, turnOf } from './processing-schedule.ts';

const CALENDARS = ['24x7', 'XNYS'].map((calendar) => ({ calendar, closures: [] }));
const newYork = (day: string, time: string): Temporal.Instant =>
  Temporal.ZonedDateTime.from(`${day}T${time}[America/New_York]`).toInstant();

describe('markets at a moment', () => {
  it('are open, or closed for a reason that can be read', () => {
    const noon = marketsAt(newYork('2026-11-20', '12:00'), CALENDARS);
    expect([openCalendars(noon), inSession(noon)]).toEqual([['24x7', 'XNYS'], true]);
    const thanksgiving = marketsAt(newYork('2026-11-26', '12:00'), CALENDARS);
    expect([openCalendars(thanksgiving), inSession(thanksgiving)]).toEqual([['24x7'], false]);
    expect(thanksgiving[1]).toEqual({
      calendar: 'XNYS',
      open: false,
      closedBecause: 'HOLIDAY: Thanksgiving Day',
      session: null,
    });
  });

  it('know closures at short notice', () => {
    const closed = [{ calendar: 'XNYS', closures: [{ day: '2026-11-20', closesAt: null }] }];
    expect(openCalendars(marketsAt(newYork('2026-11-20', '12:00'), closed))).toEqual([]);
  });
});

describe('turns', () => {
  const turns = (day: string): string[] => {
    const named = [];
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      const at = newYork(day, '00:00').add({ minutes: minute });
      named.push(...marketsAt(at, CALENDARS).map((market) => turnOf(market, at)));
    }
    return [...new Set(named.filter((turn) => turn !== null))];
  };

  it.each([
    ['2026-11-20', 'in winter', 130],
    ['2026-06-22', 'in summer', 130],
    ['2026-11-27', 'with an early close', 70],
    ['2026-11-26', 'a holiday', 0],
    ['2026-11-01', 'a Sunday of 25 hours', 0],
  ])('of %s, %s: one per three minutes of the session', (day, _what, count) => {
    expect(turns(day)).toHaveLength(count);
  });

  it('begin with the opening', () => {
    const turnAt = (time: string) => {
      const at = newYork('2026-11-20', time);
      return marketsAt(at, CALENDARS).map((market) => turnOf(market, at))[1];
    };
    expect(turnAt('09:29:59.999')).toBeNull();
    expect(turnAt('09:30')).toBe('2026-11-20T14:30:00Z 0');
    expect(turnAt('09:32:59.999')).toBe('2026-11-20T14:30:00Z 0');
    expect(turnAt('09:33')).toBe('2026-11-20T14:30:00Z 1');
    expect(turnAt('15:59:59.999')).toBe('2026-11-20T14:30:00Z 129');
    expect(turnAt('16:00')).toBeNull();
  });
});

describe('processing is late', () => {
  const late = (time: string, lastTime: string, day = '2026-11-20') => {
    const at = newYork(day, time);
    return isLate(at, newYork(day, lastTime), marketsAt(at, CALENDARS));
  };
  it.each([
    ['12:00', '11:57', false],
    ['12:00', '11:50', false],
    ['12:00', '11:49:59', true],
    // The last clean-up was half an hour before the opening: the wait begins with the session.
    ['09:31', '09:00', false],
    ['09:40', '09:00', false],
    ['09:40:01', '09:00', true],
    ['20:00', '19:30', false],
    ['20:00', '18:55', false],
    ['20:00', '18:54:59', true],
  ])('at %s, when it last ended at %s: %s', (time, lastTime, expected) => {
    expect(late(time, lastTime)).toBe(expected);
  });
});
