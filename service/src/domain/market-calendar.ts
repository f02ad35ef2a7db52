import { type SessionCalendar, XNYS } from './market-calendar-xnys.ts';

/**
 * When markets are open. Pure: it is given the time and the closures that came at short notice, and it guesses nothing:
 * a calendar that it does not have, and a day that the calendar's data does not reach, are unknown, and what is unknown
 * is not open.
 */

/** `24x7` is always open; for a DAY order its day is the UTC day. The others are ISO 10383 market codes. */
export const CALENDARS = ['24x7', 'XNYS'] as const;
export type CalendarName = (typeof CALENDARS)[number];

/** The calendar of what trades at any time. */
export const ALWAYS_OPEN: CalendarName = '24x7';

/** From `opensAt` on, and no longer at `closesAt`. */
export interface Session {
  readonly opensAt: Temporal.Instant;
  readonly closesAt: Temporal.Instant;
}

/**
 * A day on which a market keeps other hours than its data says, as a row of market.calendar_closures.
 * `closesAt` is a wall-clock time of the market, or null when it does not open at all.
 */
export interface Closure {
  /** ISO date, in the market's own time zone. */
  readonly day: string;
  readonly closesAt: string | null;
}

/** Why a market is not open. UNKNOWN: no such calendar, or its data does not reach that day. */
export type ClosedReason = 'WEEKEND' | 'HOLIDAY' | 'AD_HOC_CLOSURE' | 'OUTSIDE_HOURS' | 'UNKNOWN';

export type MarketStatus =
  | { readonly kind: 'open'; readonly session: Session }
  | { readonly kind: 'closed'; readonly reason: ClosedReason; readonly detail: string };

/** What one day of a market is: its session, or why there is none. */
type Day =
  | { readonly kind: 'session'; readonly session: Session }
  | { readonly kind: 'closed'; readonly reason: ClosedReason; readonly detail: string };

const SESSION_CALENDARS: ReadonlyMap<string, SessionCalendar> = new Map([['XNYS', XNYS]]);
const SATURDAY = 6;
const NO_CLOSURES: readonly Closure[] = [];

/** Whether the market trades at this instant; false when that is unknown. */
export function isOpen(calendar: string, at: Temporal.Instant, closures = NO_CLOSURES): boolean {
  return marketStatus(calendar, at, closures).kind === 'open';
}

/** Open with its session, or closed with the reason, in words that can be shown to whoever placed an order. */
export function marketStatus(calendar: string, at: Temporal.Instant, closures = NO_CLOSURES): MarketStatus {
  if (calendar === ALWAYS_OPEN) {
    return { kind: 'open', session: utcDay(at) };
  }
  const data = SESSION_CALENDARS.get(calendar);
  if (data === undefined) {
    return unknown(`there is no calendar ${calendar}`);
  }
  const day = dayOf(data, localDay(data, at), closures);
  if (day.kind === 'closed') {
    return day;
  }
  return holds(day.session, at)
    ? { kind: 'open', session: day.session }
    : {
        kind: 'closed',
        reason: 'OUTSIDE_HOURS',
        detail: `the session is from ${day.session.opensAt} to ${day.session.closesAt}`,
      };
}

/** The session that holds this instant, or null. For `24x7` it is the UTC day. */
export function sessionOf(calendar: string, at: Temporal.Instant, closures = NO_CLOSURES): Session | null {
  const status = marketStatus(calendar, at, closures);
  return status.kind === 'open' ? status.session : null;
}

/**
 * The session that a DAY order of this instant belongs to: the one in progress, else the next one. Null when the data
 * does not reach it.
 */
export function currentOrNextSession(calendar: string, at: Temporal.Instant, closures = NO_CLOSURES): Session | null {
  if (calendar === ALWAYS_OPEN) {
    return utcDay(at);
  }
  const data = SESSION_CALENDARS.get(calendar);
  return data === undefined ? null : firstSession(data, at, (session) => isBefore(at, session.closesAt), closures);
}

/** When a DAY order of this instant ends: the close of the session in progress, else of the next. Null: unknown. */
export function sessionEndOf(calendar: string, at: Temporal.Instant, closures = NO_CLOSURES): Temporal.Instant | null {
  return currentOrNextSession(calendar, at, closures)?.closesAt ?? null;
}

/** The next opening after this instant. Null for `24x7`, which never opens, and when the data does not reach it. */
export function nextOpen(calendar: string, at: Temporal.Instant, closures = NO_CLOSURES): Temporal.Instant | null {
  const data = SESSION_CALENDARS.get(calendar);
  if (data === undefined) {
    return null;
  }
  return firstSession(data, at, (session) => isBefore(at, session.opensAt), closures)?.opensAt ?? null;
}

/** The next close after this instant. Null for `24x7`, which never closes, and when the data does not reach it. */
export function nextClose(calendar: string, at: Temporal.Instant, closures = NO_CLOSURES): Temporal.Instant | null {
  return calendar === ALWAYS_OPEN ? null : sessionEndOf(calendar, at, closures);
}

/** The last day that the calendar's data speaks of, as an ISO date. Null: it has no end, or there is no such calendar. */
export function knownUntil(calendar: string): string | null {
  return SESSION_CALENDARS.get(calendar)?.lastDay ?? null;
}

function unknown(detail: string): Extract<Day, { kind: 'closed' }> {
  return { kind: 'closed', reason: 'UNKNOWN', detail };
}

function localDay(data: SessionCalendar, at: Temporal.Instant): Temporal.PlainDate {
  return at.toZonedDateTimeISO(data.timeZone).toPlainDate();
}

function dayOf(data: SessionCalendar, day: Temporal.PlainDate, closures: readonly Closure[]): Day {
  const date = day.toString();
  // ISO dates sort as text.
  if (date < data.firstDay || date > data.lastDay) {
    return unknown(`the calendar knows the days from ${data.firstDay} to ${data.lastDay}`);
  }
  if (day.dayOfWeek >= SATURDAY) {
    return { kind: 'closed', reason: 'WEEKEND', detail: 'the market does not trade at weekends' };
  }
  const holiday = data.holidays[date];
  if (holiday !== undefined) {
    return { kind: 'closed', reason: 'HOLIDAY', detail: holiday };
  }
  return tradingDay(data, day, closures);
}

/** A day on which the market trades unless it was closed at short notice. */
function tradingDay(data: SessionCalendar, day: Temporal.PlainDate, closures: readonly Closure[]): Day {
  const date = day.toString();
  const regular = data.earlyCloses[date] ?? data.closes;
  // Wall-clock times of equal width sort as text; of several closures of one day the earliest counts.
  const closes = closures
    .filter((closure) => closure.day === date)
    .reduce((earliest, { closesAt }) => earlierOf(earliest, closesAt ?? data.opens), regular);
  if (closes <= data.opens) {
    return { kind: 'closed', reason: 'AD_HOC_CLOSURE', detail: 'the market was closed for this day' };
  }
  const instant = (time: string): Temporal.Instant =>
    day.toZonedDateTime({ timeZone: data.timeZone, plainTime: time }).toInstant();
  return { kind: 'session', session: { opensAt: instant(data.opens), closesAt: instant(closes) } };
}

/** The first session from the day of `at` on that is wanted. It looks no further than the data reaches. */
function firstSession(
  data: SessionCalendar,
  at: Temporal.Instant,
  wanted: (session: Session) => boolean,
  closures: readonly Closure[],
): Session | null {
  let day = localDay(data, at);
  if (day.toString() < data.firstDay) {
    return null;
  }
  for (; day.toString() <= data.lastDay; day = day.add({ days: 1 })) {
    const found = dayOf(data, day, closures);
    if (found.kind === 'session' && wanted(found.session)) {
      return found.session;
    }
  }
  return null;
}

function utcDay(at: Temporal.Instant): Session {
  const start = at.toZonedDateTimeISO('UTC').startOfDay();
  return { opensAt: start.toInstant(), closesAt: start.add({ days: 1 }).toInstant() };
}

function holds(session: Session, at: Temporal.Instant): boolean {
  return !isBefore(at, session.opensAt) && isBefore(at, session.closesAt);
}

function isBefore(left: Temporal.Instant, right: Temporal.Instant): boolean {
  return Temporal.Instant.compare(left, right) < 0;
}

function earlierOf(left: string, right: string): string {
  return left < right ? left : right;
}
