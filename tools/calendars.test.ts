import { expect, test } from 'vitest';
import { sessionsAround } from '../checks/src/calendars/market.ts';
import { XNYS as ofChecks } from '../checks/src/calendars/xnys.ts';
import { sessionOf } from '../service/src/domain/market-calendar.ts';
import { XNYS as ofService } from '../service/src/domain/market-calendar-xnys.ts';

const dayMs = 86_400_000;

test('the service and the gates have the same calendar', () => {
  expect(ofChecks).toEqual(ofService);
});

test('both find the same session on each day that the data reaches, but for its ends', () => {
  const [first, last] = [Date.parse(ofChecks.firstDay) + dayMs, Date.parse(ofChecks.lastDay) - dayMs];
  let sessions = 0;
  // 17:00 UTC is inside of every session of New York, in summer and in winter: the shortest ends at 13:00 there.
  for (let at = first + 17 * 3_600_000; at < last; at += dayMs) {
    const theirs = sessionOf('XNYS', Temporal.Instant.fromEpochMilliseconds(at));
    const ours = sessionsAround('XNYS', new Date(at)).sessions.filter(
      ({ opensAt, closesAt }) => Date.parse(opensAt) <= at && at < Date.parse(closesAt),
    );
    expect(ours).toEqual(
      theirs === null ? [] : [{ opensAt: theirs.opensAt.toString(), closesAt: theirs.closesAt.toString() }],
    );
    sessions += ours.length;
  }
  expect(sessions).toBeGreaterThan(900);
});
