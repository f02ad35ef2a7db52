import { type SessionCalendar, XNYS } from './xnys.ts';

/** Markets by their ISO 10383 code; `none` is for what trades at any time, or not at all: it has no session. */
const calendars = { XNYS, none: undefined } as const satisfies Record<string, SessionCalendar | undefined>;
export const calendarNames = ['XNYS', 'none'] as const satisfies (keyof typeof calendars)[];
export type CalendarName = (typeof calendarNames)[number];

/** A day's session as a market keeps it; times are UTC, ISO. */
export interface Session {
  opensAt: string;
  closesAt: string;
}

/** Sessions of the days around an instant. `known`: the data reaches all of these days. */
export interface Sessions {
  sessions: Session[];
  known: boolean;
  /** The last day that the data speaks of. */
  lastDay: string;
}

/** The sessions of the day of this instant on the market's clock, of the one before and of the one after. */
export function sessionsAround(name: CalendarName, at: Date): Sessions {
  const data: SessionCalendar | undefined = calendars[name];
  if (data === undefined) return { sessions: [], known: true, lastDay: 'for ever' };
  const today = Temporal.Instant.from(at.toISOString()).toZonedDateTimeISO(data.timeZone).toPlainDate();
  const days = [-1, 0, 1].map((offset) => today.add({ days: offset }));
  // ISO dates sort as text.
  const known = days.every((day) => day.toString() >= data.firstDay && day.toString() <= data.lastDay);
  return { sessions: days.flatMap((day) => sessionOf(data, day)), known, lastDay: data.lastDay };
}

/** A change of a market's clocks, such as to summer time, and the sessions on both sides of it; times are UTC, ISO. */
export interface ClockChange {
  at: string;
  closesBefore: string;
  opensAfter: string;
}

/** No market is closed for longer. */
const closedDaysAtMost = 10;

/** The next change of its clocks after an instant. Undefined: there is none, or the data does not reach so far. */
export function nextClockChange(name: CalendarName, after: Date): ClockChange | undefined {
  const data: SessionCalendar | undefined = calendars[name];
  const now = data && Temporal.Instant.from(after.toISOString()).toZonedDateTimeISO(data.timeZone);
  const change = now?.getTimeZoneTransition('next');
  if (!data || !change) return undefined;
  const around = Array.from({ length: 2 * closedDaysAtMost + 1 }, (_, day) => day - closedDaysAtMost);
  const sessions = around.flatMap((days) => sessionOf(data, change.toPlainDate().add({ days })));
  const at = change.toInstant();
  const isBefore = (time: string) => Temporal.Instant.compare(Temporal.Instant.from(time), at) <= 0;
  const before = sessions.filter(({ closesAt }) => isBefore(closesAt)).at(-1);
  const next = sessions.find(({ opensAt }) => !isBefore(opensAt));
  return before && next && { at: at.toString(), closesBefore: before.closesAt, opensAfter: next.opensAt };
}

const saturday = 6;

/** None at weekends, on holidays, and on days that the data does not reach. */
function sessionOf(data: SessionCalendar, day: Temporal.PlainDate): Session[] {
  const date = day.toString();
  if (day.dayOfWeek >= saturday || date in data.holidays || date < data.firstDay || date > data.lastDay) return [];
  const instant = (plainTime: string) =>
    day.toZonedDateTime({ timeZone: data.timeZone, plainTime }).toInstant().toString();
  return [{ opensAt: instant(data.opens), closesAt: instant(data.earlyCloses[date] ?? data.closes) }];
}
