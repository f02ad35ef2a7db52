import type { CalendarClosures } from '../domain/processing-schedule.ts';
import type { Tx } from './pool.ts';

/** How far ahead closures matter: a DAY order ends with the next session, which holidays and a weekend may delay. */
const CLOSURE_DAYS_AHEAD = 14;

/** The closures of a calendar from yesterday on, as a JSON array of `Closure`; `calendar` is a column of the query around it. */
export const closuresOf = (calendar: string): string => `coalesce((
      SELECT jsonb_agg(jsonb_build_object('day', c.day::text, 'closesAt', left(c.closes_at::text, 5)) ORDER BY c.day)
      FROM market.calendar_closures c WHERE c.calendar = ${calendar}
        AND c.day BETWEEN current_date - 1 AND current_date + ${CLOSURE_DAYS_AHEAD}), '[]')`;

/** Every calendar that there is, sorted, with its closures from yesterday to two weeks ahead. */
export async function findCalendars(tx: Tx): Promise<CalendarClosures[]> {
  const { rows } = await tx.query<CalendarClosures>({
    name: 'find-calendars',
    text: `SELECT k.code AS calendar, ${closuresOf('k.code')} AS closures FROM market.calendars k ORDER BY k.code`,
  });
  return rows;
}
