import { z } from 'zod';

const point = z.object({
  label: z.string(),
  value: z.number(),
  /** What this point may be at most, where it is another than the whole chart's. */
  bound: z.number().optional(),
});

const chart = z.object({
  title: z.string(),
  /** Of every value: ms, MB, requests. */
  unit: z.string(),
  /** `bars` compares (percentiles), `line` follows (memory over an hour). Default: bars. */
  form: z.enum(['bars', 'line']).optional(),
  /** What no value may exceed. */
  bound: z.number().optional(),
  points: z.array(point).min(1),
});

/** A measurement that a report may draw. A gate offers them as `charts`, an array in its facts. */
export type Chart = z.output<typeof chart>;
export type ChartPoint = z.output<typeof point>;

/** More charts than these, and more points in one, are not drawn. */
const mostCharts = 12;
export const mostPoints = 500;

/** The charts among a check's facts; what is not one, by its shape, is left to be read as facts. */
export function chartsOf(facts: unknown): Chart[] {
  const offered = z.object({ charts: z.array(z.unknown()) }).safeParse(facts);
  if (!offered.success) return [];
  const charts = offered.data.charts.flatMap((each) => {
    const parsed = chart.safeParse(each);
    return parsed.success ? [{ ...parsed.data, points: parsed.data.points.slice(0, mostPoints) }] : [];
  });
  return charts.slice(0, mostCharts);
}
