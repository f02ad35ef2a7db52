import { z } from 'zod';
import { command } from './config-shapes.ts';

/** The machines underneath. */
export const host = z.strictObject({
  /** What tools/host-facts.sh printed on each: a file of the tree, or a command that prints it. */
  facts: z.array(z.union([z.string().min(1), command])).min(1),
  /** Older facts say nothing. */
  withinDays: z.int().min(1).max(90).default(7),
  /** Anybody may reach these, and the port of SSH. */
  ports: z.array(z.int().min(1).max(65_535)).default([80, 443]),
});

/** How a day without faults is told, by the Prometheus that watches staging. */
export const stability = z.strictObject({
  /** A selector that is 1 while a process is up. */
  up: z.string().min(1),
  /** How often that is looked at. */
  everySeconds: z.int().min(1).max(600).default(15),
  /** Selectors of counters that may not grow: what each counts, in the plural. */
  critical: z.array(z.strictObject({ what: z.string().min(1), counter: z.string().min(1) })).min(1),
});
