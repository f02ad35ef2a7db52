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

const saturday = 6;

/** None at weekends, on holidays, and on days that the data does not reach. */
function sessionOf(data: SessionCalendar, day: Temporal.PlainDate): Session[] {
  const date = day.toString();
  if (day.dayOfWeek >= saturday || date in data.holidays || date < data.firstDay || date > data.lastDay) return [];
  const instant = (plainTime: string) =>
    day.toZonedDateTime({ timeZone: data.timeZone, plainTime }).toInstant().toString();
  return [{ opensAt: instant(data.opens), closesAt: instant(data.earlyCloses[date] ?? data.closes) }];
}
