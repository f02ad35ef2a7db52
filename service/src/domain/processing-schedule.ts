import { ALWAYS_OPEN, type Closure, marketStatus, type Session } from './market-calendar.ts';

/** How often orders of a market with sessions are processed while it is open. */
export const SESSION_EVERY_MINUTES = 3;
/** How often a scheduler cleans up while no session is open; a worker does so in each of its steps. */
export const CLEAN_UP_EVERY_MINUTES = 30;
/** Processing counts as late when three calls in a row have stayed away, and a little more. */
const LATE_IN_SESSION_MINUTES = 10;
/** The same outside of sessions, where a scheduler calls every half hour: two calls have stayed away. */
const LATE_OTHERWISE_MINUTES = 65;

/** A calendar with its closures at short notice, as the database has them. */
export interface CalendarClosures {
  readonly calendar: string;
  readonly closures: readonly Closure[];
}

/** One market at one moment. */
export interface Market {
  readonly calendar: string;
  readonly open: boolean;
  /** Null while it is open: why it is not, in words. */
  readonly closedBecause: string | null;
  /** Null while it is closed. */
  readonly session: Session | null;
}

/** Every market as it is at this moment. */
export function marketsAt(at: Temporal.Instant, calendars: readonly CalendarClosures[]): readonly Market[] {
  return calendars.map(({ calendar, closures }) => {
    const status = marketStatus(calendar, at, closures);
    return status.kind === 'open'
      ? { calendar, open: true, closedBecause: null, session: status.session }
      : { calendar, open: false, closedBecause: `${status.reason}: ${status.detail}`, session: null };
  });
}

/** The calendars whose orders may be filled. */
export function openCalendars(markets: readonly Market[]): readonly string[] {
  return markets.filter(({ open }) => open).map(({ calendar }) => calendar);
}

/** Whether a market is in a session, other than those that always are. */
export function inSession(markets: readonly Market[]): boolean {
  return markets.some(({ calendar, open }) => open && calendar !== ALWAYS_OPEN);
}

/**
 * Names the turn that a market is in, or null when every moment is a turn of its own (it is always open) or none is (it
 * is closed). Turns are three minutes long, counted from the opening.
 */
export function turnOf(market: Market, at: Temporal.Instant): string | null {
  if (market.session === null || market.calendar === ALWAYS_OPEN) {
    return null;
  }
  const minutes = market.session.opensAt.until(at).total('minutes');
  return `${market.session.opensAt} ${Math.floor(minutes / SESSION_EVERY_MINUTES)}`;
}

/**
 * Whether processing has stayed away for too long. `lastAt` is when a cycle last ended, or since when one could have
 * been expected. The opening of a session begins a new wait: before it, cycles are rarer.
 */
export function isLate(at: Temporal.Instant, lastAt: Temporal.Instant, markets: readonly Market[]): boolean {
  const sessions = markets.filter(({ calendar }) => calendar !== ALWAYS_OPEN).map(({ session }) => session);
  const opened = sessions.flatMap((session) => (session === null ? [] : [session.opensAt.epochMilliseconds]));
  const waitMinutes = opened.length > 0 ? LATE_IN_SESSION_MINUTES : LATE_OTHERWISE_MINUTES;
  // The earliest session that is open: a second one that opens later must not restart the wait of the first.
  const since = Math.max(lastAt.epochMilliseconds, opened.length > 0 ? Math.min(...opened) : Number.NEGATIVE_INFINITY);
  return at.epochMilliseconds - since > waitMinutes * 60_000;
}
