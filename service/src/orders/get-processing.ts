import { findCalendars } from '../db/calendars.ts';
import { type DatabasePool, withConnection } from '../db/pool.ts';
import { findCycles, type RecordedCycle } from '../db/processing-cycles.ts';
import { knownUntil, nextOpen } from '../domain/market-calendar.ts';
import { isLate, marketsAt } from '../domain/processing-schedule.ts';

/** One market as the health of the processing shows it. */
export interface MarketReport {
  readonly calendar: string;
  readonly open: boolean;
  readonly closedBecause: string | null;
  /** RFC 3339; null when it never opens because it never closes, or when the calendar does not reach so far. */
  readonly nextOpenAt: string | null;
  /** The last day that the calendar's data reaches, as an ISO date; null when it needs none. */
  readonly knownUntil: string | null;
}

/** How the processing of orders is doing. */
export interface ProcessingReport {
  /** `late`: no cycle has ended for longer than the hour allows. */
  readonly status: 'ok' | 'late';
  /** The last cycle of each source that ever ran one, the latest first. */
  readonly cycles: readonly (RecordedCycle & { readonly ageSeconds: number })[];
  readonly markets: readonly MarketReport[];
}

/**
 * Reads it all from the database, so that every replica says the same.
 * `since` is when this process started: before it, a cycle cannot have been expected of a new service.
 *
 * @throws OrderServiceError when the database cannot be used.
 */
export async function getProcessing(
  pool: DatabasePool,
  now: Temporal.Instant,
  since: Temporal.Instant,
): Promise<ProcessingReport> {
  const { cycles, calendars } = await withConnection(pool, async (tx) => ({
    cycles: await findCycles(tx),
    calendars: await findCalendars(tx),
  }));
  const markets = marketsAt(now, calendars);
  const ends = cycles.flatMap(({ finishedAt, errorCode }) =>
    finishedAt === null || errorCode !== null ? [] : [Temporal.Instant.from(finishedAt)],
  );
  const lastAt = [since, ...ends].reduce((a, b) => (Temporal.Instant.compare(a, b) < 0 ? b : a));
  return {
    status: isLate(now, lastAt, markets) ? 'late' : 'ok',
    cycles: cycles.map((cycle) => ({ ...cycle, ageSeconds: ageSeconds(now, cycle) })),
    markets: markets.map(({ calendar, open, closedBecause }) => ({
      calendar,
      open,
      closedBecause,
      nextOpenAt:
        nextOpen(calendar, now, calendars.find((each) => each.calendar === calendar)?.closures)?.toString() ?? null,
      knownUntil: knownUntil(calendar),
    })),
  };
}

/** Whole seconds since it ended, or began if it has not. Clocks of two machines may differ: it is never negative. */
function ageSeconds(now: Temporal.Instant, { finishedAt, startedAt }: RecordedCycle): number {
  const at = Temporal.Instant.from(finishedAt ?? startedAt);
  return Math.max(0, Math.floor(at.until(now).total('seconds')));
}
