import { type CronExpression, firesOn, minutesOf } from './cron-expression.ts';

const minutesPerDay = 1440;

/** When the market is open, on its own clock. Holidays are left out on purpose: a calendar that is wrong about one must not cost a session. */
export interface Session {
  timeZone: string;
  /** Wall-clock times, HH:MM. */
  opens: string;
  closes: string;
}

/** So many calls, so many minutes apart, begin at each firing. */
export interface Calls {
  perStart: number;
  minutesBetween: number;
}

/** A stretch of minutes of UTC without the calls that it should have. */
export interface Gap {
  /** RFC 3339, to the minute. */
  from: string;
  /** Minutes. */
  length: number;
}

/** Marks each minute, from midnight UTC of `from` on, in which a call is made. The day before reaches into the first one. */
export function callsIn(crons: readonly CronExpression[], calls: Calls, from: string, days: number): Uint8Array {
  const called = new Uint8Array(days * minutesPerDay);
  const starts = crons.map((cron) => ({ cron, minutes: minutesOf(cron) }));
  const first = Temporal.PlainDate.from(from);
  for (let index = -1; index < days; index += 1) {
    const day = first.add({ days: index });
    for (const { cron, minutes } of starts) {
      if (!firesOn(cron, day)) continue;
      for (const minute of minutes) markCalls(called, index * minutesPerDay + minute, calls);
    }
  }
  return called;
}

function markCalls(called: Uint8Array, start: number, { perStart, minutesBetween }: Calls): void {
  for (let n = 0; n < perStart; n += 1) {
    const minute = start + n * minutesBetween;
    if (minute >= 0 && minute < called.length) called[minute] = 1;
  }
}

/** Slots of `everyMinutes` of a session, weekday after weekday, in which no call is made: all that follow one another as one gap. */
export function sessionGaps(called: Uint8Array, from: string, session: Session, everyMinutes: number): Gap[] {
  const gaps: Gap[] = [];
  for (const [opens, closes] of sessionsIn(from, called.length, session)) {
    let gap: { start: number; end: number } | undefined;
    for (let slot = opens; slot < closes; slot += everyMinutes) {
      const end = Math.min(slot + everyMinutes, closes);
      if (called.subarray(slot, end).includes(1)) {
        gap = undefined;
      } else if (gap) {
        gap.end = end;
      } else {
        gap = { start: slot, end };
        gaps.push({ from: '', length: 0 });
      }
      if (gap) gaps[gaps.length - 1] = { from: instantOf(from, gap.start), length: gap.end - gap.start };
    }
  }
  return gaps;
}

/** Stretches longer than `everyMinutes` without any call, whatever the hour. */
export function idleGaps(called: Uint8Array, from: string, everyMinutes: number): Gap[] {
  const gaps: Gap[] = [];
  let last = -1;
  for (let minute = 0; minute <= called.length; minute += 1) {
    if (minute < called.length && called[minute] === 0) continue;
    if (minute - last > everyMinutes) gaps.push({ from: instantOf(from, last + 1), length: minute - last - 1 });
    last = minute;
  }
  return gaps;
}

/** First and last minute of every weekday's session that lies wholly inside, counted from midnight UTC of `from`. */
function sessionsIn(from: string, length: number, session: Session): [number, number][] {
  const first = Temporal.PlainDate.from(from);
  const origin = first.toZonedDateTime('UTC').epochMilliseconds;
  const minuteAt = (day: Temporal.PlainDate, time: string) =>
    (day.toZonedDateTime({ timeZone: session.timeZone, plainTime: time }).epochMilliseconds - origin) / 60_000;
  const days = Array.from({ length: length / minutesPerDay }, (_, index) => first.add({ days: index }));
  return days
    .filter((day) => day.dayOfWeek <= 5)
    .map((day): [number, number] => [minuteAt(day, session.opens), minuteAt(day, session.closes)])
    .filter(([opens, closes]) => opens >= 0 && closes <= length);
}

function instantOf(from: string, minute: number): string {
  const start = Temporal.PlainDate.from(from).toZonedDateTime('UTC').toInstant();
  return start.add({ minutes: minute }).toString({ smallestUnit: 'minute' });
}
