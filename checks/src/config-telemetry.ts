import { z } from 'zod';

const metricName = z.string().regex(/^[a-zA-Z_:][\w:]*$/, 'the name of a metric is wanted');

/** A metric that somebody counts on. */
const promisedMetric = z.strictObject({
  name: metricName,
  type: z.enum(['counter', 'gauge', 'histogram']),
  /** Labels that each of its series has. */
  labels: z.array(z.string()).default([]),
  /** Items of the checklists that ask for it. */
  items: z.array(z.string()).default([]),
  /** It has to grow while writes are made, executed and refused: the series with these labels, all of them for `{}`. */
  moves: z.record(z.string(), z.string()).optional(),
});

/** What the service tells Prometheus. */
export const metrics = z.strictObject({
  /** Where it is scraped: `{metricsUrl}` (its metrics port) or `{url}` is filled in. */
  url: z.string().min(1),
  promised: z.array(promisedMetric).min(1),
  /** Most series that one metric may have, the buckets of a histogram counted once. */
  seriesMax: z.int().min(1).max(10_000).default(300),
});

/** What an operator sees at a glance. */
export const dashboards = z.strictObject({
  /** Globs of Grafana's dashboards, as JSON. */
  files: z.array(z.string().min(1)).min(1),
  /** Globs of what provisions them and their sources. */
  provisioning: z.array(z.string().min(1)).min(1),
  /** Metrics of others that panels read: those of the service are in `metrics.promised`. */
  others: z.array(metricName).default([]),
  /** Panels that somebody was promised: of a dashboard, by its uid, the titles with the metrics that each has to read. */
  required: z.array(
    z.strictObject({
      items: z.array(z.string()),
      dashboard: z.string().min(1),
      panels: z.record(z.string(), z.array(metricName).min(1)),
    }),
  ),
});
