import { z } from 'zod';

/** Exporters whose metrics are known here by name: `gates/alerts/support/exporters.ts`. */
export const exporters = [
  'alertmanager',
  'blackbox_exporter',
  'node_exporter',
  'pgbackrest_exporter',
  'postgres_exporter',
  'prometheus',
] as const;
export type Exporter = (typeof exporters)[number];

/** The ways that Alertmanager knows, by the names of its configuration without `_configs`. */
export const ways = [
  ...['email', 'slack', 'pagerduty', 'sns', 'webhook', 'opsgenie'],
  ...['msteams', 'telegram', 'discord', 'webex', 'pushover', 'victorops', 'wechat'],
] as const;

const labels = z.record(z.string(), z.string());

/** Whom something wakes, and by which way. */
export const alerts = z.strictObject({
  /** Globs of rule files of Prometheus. Tests that match too are left out. */
  rules: z.array(z.string()).min(1),
  /** Globs of unit tests of the rules, as promtool runs them. */
  tests: z.array(z.string()).min(1),
  /** Alertmanager's configuration. Each `${NAME}` in it is filled in when it is installed. */
  alertmanager: z.string(),
  /** What is scraped beside the service: the rules may read its metrics. */
  exporters: z.array(z.enum(exporters)).default([]),
  /** Metrics of the service that it exports only under some conditions, which `metrics.promised` therefore does not name. */
  others: z.array(z.string()).default([]),
  /** Alerts that somebody was promised. */
  required: z
    .array(
      z.strictObject({
        alert: z.string(),
        /** Pieces of its expression, with the bound that was promised: `> 100`. */
        states: z.array(z.string().min(1)).min(1),
        /** How long what it tells of may last before it fires. */
        withinSeconds: z.int().min(0),
        /** Items of the checklists that ask for it. */
        items: z.array(z.string()).default([]),
      }),
    )
    .default([]),
  /** An alert with these labels has to arrive by each of these ways, so soon, and so has the word that it is over. */
  channels: z
    .array(
      z.strictObject({
        labels,
        by: z.array(z.enum(ways)).min(1),
        withinSeconds: z.int().min(0),
        /** Items of the checklists that ask for it. */
        items: z.array(z.string()).default([]),
      }),
    )
    .min(1),
  /** While an alert with the first labels fires, one with the second is not told. */
  inhibited: z.array(z.strictObject({ by: labels, silenced: labels })).default([]),
  /** Labels of alerts that must not have fired on the target in the last hours. */
  quiet: z
    .array(labels)
    .min(1)
    .default([{ severity: 'critical' }, { category: 'security' }]),
  quietHours: z.int().min(1).max(72).default(4),
  /** Names of groups of rules on the target that belong to others, and are not in this tree. */
  foreignGroups: z.array(z.string()).default([]),
  /** What to do. */
  pages: z.strictObject({
    /** Headings of the second level that every page has, with words below them. */
    sections: z.array(z.string().min(1)).min(1),
    /** Globs of the scripts that commands on a page may call, as `bin/NAME`. */
    scripts: z.array(z.string()).default([]),
    /** Pages that have to be there beside those that alerts lead to. */
    required: z.array(z.string()).default([]),
  }),
});
