import { z } from 'zod';
import { command } from './shapes.ts';

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
  /** A selector of the bytes that each process has in use. */
  memory: z.string().min(1),
  /** Selectors of counters that may not grow: what each counts, in the plural. */
  critical: z.array(z.strictObject({ what: z.string().min(1), counter: z.string().min(1) })).min(1),
});

/** How the service is put where it runs. */
export const manifests = z.strictObject({
  /** Globs of Kubernetes manifests. */
  files: z.array(z.string()).min(1),
  /** A directory of JSON Schemas as kubeconform names them. Without it kubeconform asks the network. */
  schemas: z.string().optional(),
  /** Dockerfiles of what is deployed. */
  images: z.array(z.string()).default([]),
});

/** What stands between clients and the service: nginx. */
export const edge = z.strictObject({
  /** Its whole configuration, as it is deployed. Only its ports, addresses and files are changed where gates start it. */
  configuration: z.string(),
  /** The `upstream` that leads to the service, and the name that clients ask for. */
  upstream: z.string(),
  host: z.string(),
});

/** How people roll out. */
export const deployment = z.strictObject({
  /** The page that says so, step by step. */
  runbook: z.string(),
});

/** The way back to the build before. */
export const rollback = z.strictObject({
  /** The page that says how. */
  plan: z.string(),
  /** Of that build: a tag or commit. */
  to: z.string().default('HEAD~1'),
  withinSeconds: z.int().min(1).max(300).default(300),
});
