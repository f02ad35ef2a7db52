import type { Report } from '../engine/report.ts';

/** Longer lists and texts are cut, and say so: evidence is to be read, and must not grow without bound. */
export interface Bounds {
  list: number;
  text: number;
}

const reportBounds: Bounds = { list: 100, text: 2_000 };

/** The report as its contract describes it, one object. */
export function jsonReport(report: Report): string {
  const results = report.results.map((result) => ({ ...result, facts: bounded(result.facts) }));
  return `${JSON.stringify({ ...report, results }, null, 2)}\n`;
}

/** A copy whose lists and texts have a bounded length. */
export function bounded(value: unknown, bounds: Bounds = reportBounds): unknown {
  const { list, text } = bounds;
  if (typeof value === 'string')
    return value.length > text ? `${value.slice(0, text)}… (${value.length} characters)` : value;
  if (Array.isArray(value)) {
    const kept = value.slice(0, list).map((part) => bounded(part, bounds));
    return value.length > list ? [...kept, `… (${value.length} in all)`] : kept;
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, bounded(part, bounds)]));
  }
  return value;
}
