import type { Config } from '../../../config.ts';

type WeeklyWindow = NonNullable<Config['window']>['weekly'][number];

/** From then on, and no longer at `until`; ISO, in UTC. */
export interface Interval {
  from: string;
  until: string;
}

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** From the day before, whose window may reach past midnight, to a week ahead, where the next one is. */
const [firstDay, lastDay] = [-1, 7];

/** When the window is open, from yesterday to a week ahead. One that ends before it begins ends on the next day. */
export function intervalsAround({ days, from, until, timeZone }: WeeklyWindow, now: Date): Interval[] {
  const today = Temporal.Instant.from(now.toISOString()).toZonedDateTimeISO(timeZone).toPlainDate();
  const intervals: Interval[] = [];
  for (let offset = firstDay; offset <= lastDay; offset += 1) {
    const day = today.add({ days: offset });
    const weekday = weekdays[day.dayOfWeek - 1];
    if (weekday === undefined || !days.includes(weekday)) continue;
    const [endDay, endTime] =
      until > from && until !== '24:00' ? [day, until] : [day.add({ days: 1 }), nextDayTime(until)];
    intervals.push({ from: instant(day, from, timeZone), until: instant(endDay, endTime, timeZone) });
  }
  return intervals;
}

function nextDayTime(until: string): string {
  return until === '24:00' ? '00:00' : until;
}

function instant(day: Temporal.PlainDate, plainTime: string, timeZone: string): string {
  return day.toZonedDateTime({ timeZone, plainTime }).toInstant().toString();
}
