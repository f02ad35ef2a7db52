/**
 * Segments of the write-ahead log by their names: timeline, and a number that counts on.
 * https://www.postgresql.org/docs/current/continuous-archiving.html
 */
const digits = 8;
/** 4 GB of log by segments of 16 MB, the size that PostgreSQL is built with and that pgBackRest takes for granted here. */
const segmentsPerFile = 256;

/** @throws when it is not called as a segment. */
export function numberOf(segment: string): number {
  if (!/^[0-9A-F]{24}$/.test(segment)) throw new Error(`${segment} is no segment of the write-ahead log`);
  const [log, part] = [segment.slice(digits, 2 * digits), segment.slice(2 * digits)];
  return Number.parseInt(log, 16) * segmentsPerFile + Number.parseInt(part, 16);
}

export function timelineOf(segment: string): string {
  return segment.slice(0, digits);
}

function nameOf(timeline: string, number: number): string {
  const hexadecimal = (value: number) => value.toString(16).toUpperCase().padStart(digits, '0');
  return timeline + hexadecimal(Math.floor(number / segmentsPerFile)) + hexadecimal(number % segmentsPerFile);
}

/** How many missing ones are named: a hole of a day is thousands. */
const mostNamed = 50;

/** Which of the segments from the first to the last, both included and of one timeline, are not among those that are there. */
export function missingBetween(first: string, last: string, present: ReadonlySet<string>): string[] {
  const missing: string[] = [];
  for (let number = numberOf(first); number <= numberOf(last) && missing.length < mostNamed; number += 1) {
    const name = nameOf(timelineOf(first), number);
    if (!present.has(name)) missing.push(name);
  }
  return missing;
}
