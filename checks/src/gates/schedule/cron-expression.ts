/** A cron expression of five fields, as the minutes, hours and days that it names. */
export interface CronExpression {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  daysOfMonth: ReadonlySet<number>;
  months: ReadonlySet<number>;
  /** 0 is Sunday. */
  daysOfWeek: ReadonlySet<number>;
  /** When both kinds of day are restricted, either is enough; else both must hold. crontab(5). */
  eitherDay: boolean;
}

interface Field {
  name: string;
  min: number;
  max: number;
  names: readonly string[];
}

const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const dayNames = 'sun mon tue wed thu fri sat'.split(' ');
const minuteField: Field = { name: 'minute', min: 0, max: 59, names: [] };
const hourField: Field = { name: 'hour', min: 0, max: 23, names: [] };
const dayField: Field = { name: 'day of month', min: 1, max: 31, names: [] };
const monthField: Field = { name: 'month', min: 1, max: 12, names: monthNames };
/** 7 is Sunday, too. */
const weekdayField: Field = { name: 'day of week', min: 0, max: 7, names: dayNames };

/** @throws Error that says which field is wrong. */
export function parseCron(text: string): CronExpression {
  const fields = text.trim().split(/\s+/);
  const [minute, hour, day, month, weekday] = fields;
  if (fields.length !== 5 || minute === undefined || hour === undefined) {
    throw new Error(`${fields.length} fields, and five are wanted: minute, hour, day of month, month, day of week`);
  }
  const [days = '', months = '', weekdays = ''] = [day, month, weekday];
  return {
    minutes: parseField(minute, minuteField),
    hours: parseField(hour, hourField),
    daysOfMonth: parseField(days, dayField),
    months: parseField(months, monthField),
    daysOfWeek: new Set([...parseField(weekdays, weekdayField)].map((value) => value % 7)),
    eitherDay: !days.startsWith('*') && !weekdays.startsWith('*'),
  };
}

function parseField(text: string, field: Field): Set<number> {
  return new Set(text.split(',').flatMap((part) => parsePart(part, field)));
}

/** `*`, `n`, `n-m`, each with `/step`; `n/step` runs to the end, as Vercel and GitHub have it. */
function parsePart(text: string, field: Field): number[] {
  const [, range = '', step] = /^([^/]+)(?:\/(\d{1,2}))?$/.exec(text) ?? [];
  const [from, to] = range === '*' ? [field.min, field.max] : range.split('-').map((value) => numberOf(value, field));
  const every = step === undefined ? 1 : Number(step);
  if (from === undefined || every < 1 || range.split('-').length > 2) throw wrong(text, field);
  const last = to ?? (step === undefined ? from : field.max);
  if (last < from) throw wrong(text, field);
  return Array.from({ length: Math.floor((last - from) / every) + 1 }, (_, index) => from + index * every);
}

function numberOf(text: string, field: Field): number {
  const named = field.names.indexOf(text.toLowerCase());
  const value = named >= 0 ? named + field.min : /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= field.min && value <= field.max)) throw wrong(text, field);
  return value;
}

function wrong(text: string, field: Field): Error {
  return new Error(`${JSON.stringify(text)} is no ${field.name}`);
}

/** Whether it fires on this day at all. */
export function firesOn(cron: CronExpression, day: Temporal.PlainDate): boolean {
  if (!cron.months.has(day.month)) return false;
  const [ofMonth, ofWeek] = [cron.daysOfMonth.has(day.day), cron.daysOfWeek.has(day.dayOfWeek % 7)];
  return cron.eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek;
}

/** The minutes of a day on which it fires, if it fires on the day, in order. */
export function minutesOf(cron: CronExpression): number[] {
  return [...cron.hours]
    .flatMap((hour) => [...cron.minutes].map((minute) => hour * 60 + minute))
    .sort((left, right) => left - right);
}
