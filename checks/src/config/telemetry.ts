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

/** Matchers between the braces of a selector: `job="order-service"`. */
const matchers = z.string();

/** What was promised to the users, as the metrics that tell of it. */
export const slo = z.strictObject({
  /** Over how many days it is judged. */
  windowDays: z.int().min(1).max(90).default(7),
  /** How often the target's Prometheus looks: what it has not seen counts as not measured. */
  everySeconds: z.int().min(1).max(600).default(15),
  /** The service's own series. */
  series: matchers,
  requests: z.strictObject({ histogram: metricName, statusLabel: z.string() }),
  /** Executions that were tried: a counter, and the values of its label for those that succeeded and failed. */
  executions: z.strictObject({ counter: metricName, label: z.string(), succeeded: z.string(), failed: z.string() }),
  /** Statements of the database: 95 % of them have to be done in this time, which is the bound of a bucket. */
  statements: z.strictObject({ histogram: metricName, withinSeconds: z.number().positive() }),
  /** Selectors of what asks from outside: 1 while it is answered, and how many seconds that took. */
  probe: z.strictObject({ success: z.string().min(1), seconds: z.string().min(1) }),
  /** What the hosts use, each an expression with a value from 0 to 1. */
  resources: z.strictObject({ cpu: z.string().min(1), memory: z.string().min(1), disk: z.string().min(1) }),
});

/** What the target's Prometheus has to see. */
export const monitoring = z.strictObject({
  /** The service's own series, which are scraped. */
  series: matchers,
  /** Selectors that are 1 while something is up: what it is, and the items of the checklists that ask for it. */
  probes: z
    .array(
      z.strictObject({ what: z.string().min(1), selector: z.string().min(1), items: z.array(z.string()).default([]) }),
    )
    .min(1),
});
