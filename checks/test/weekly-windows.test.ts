import { expect, test } from 'vitest';
import { sessionsAround } from '../src/calendars/market.ts';
import { intervalsAround } from '../src/gates/governance/support/weekly-windows.ts';

const evening = { days: ['tue' as const], from: '17:00', until: '21:00', timeZone: 'America/New_York' };

test('a window stands on its own wall clock, in winter as in summer', () => {
  const winter = intervalsAround(evening, new Date('2026-01-13T12:00:00Z'));
  const summer = intervalsAround(evening, new Date('2026-07-14T12:00:00Z'));
  expect(winter[0]).toEqual({ from: '2026-01-13T22:00:00Z', until: '2026-01-14T02:00:00Z' });
  expect(summer[0]).toEqual({ from: '2026-07-14T21:00:00Z', until: '2026-07-15T01:00:00Z' });
  expect(summer).toHaveLength(2);
});

test('one that began yesterday and ends after midnight is there', () => {
  const night = { ...evening, from: '22:00', until: '04:00' };
  const [first] = intervalsAround(night, new Date('2026-07-15T06:00:00Z'));
  expect(first).toEqual({ from: '2026-07-15T02:00:00Z', until: '2026-07-15T08:00:00Z' });
});

test('a whole day ends at the next midnight', () => {
  const day = { days: ['sat' as const], from: '00:00', until: '24:00', timeZone: 'UTC' };
  const [first] = intervalsAround(day, new Date('2026-07-18T06:00:00Z'));
  expect(first).toEqual({ from: '2026-07-18T00:00:00Z', until: '2026-07-19T00:00:00Z' });
});

test.each([
  ['2026-07-15T15:00:00Z', ['2026-07-14T13:30:00Z', '2026-07-15T13:30:00Z', '2026-07-16T13:30:00Z']],
  ['2026-07-04T15:00:00Z', []],
  ['2026-11-27T15:00:00Z', ['2026-11-27T14:30:00Z']],
])('the sessions around %s open at %j', (at, opens) => {
  const { sessions, known } = sessionsAround('XNYS', new Date(at));
  expect(sessions.map(({ opensAt }) => opensAt)).toEqual(opens);
  expect(known).toBe(true);
});

test('a day that the data does not reach is not known, and a market that is none always is', () => {
  expect(sessionsAround('XNYS', new Date('2031-01-08T15:00:00Z'))).toMatchObject({ sessions: [], known: false });
  expect(sessionsAround('none', new Date('2031-01-08T15:00:00Z'))).toMatchObject({ sessions: [], known: true });
});
