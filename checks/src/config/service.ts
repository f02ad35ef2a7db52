import { z } from 'zod';
import { command, request } from './shapes.ts';

export const service = z.strictObject({
  /** Starts it in the foreground. */
  start: command,
  /** Judges its environment alone: exit 0, or non-zero with every fault's variable named on stderr. */
  checkConfig: command,
  /** Prints its live routes as JSON: `[{"method":"GET","path":"/health"}]`. Without it only the OpenAPI document is read. */
  printRoutes: command.optional(),
  /** Its environment in a sandbox. `{databaseUrl}`, `{redisUrl}`, `{port}`, `{metricsPort}`, `{secret}` and `{nextSecret}` (256 random bits each) are filled in. */
  environment: z.record(z.string(), z.string()),
  /** What it reads: which variables it cannot start without, and values that it must refuse. */
  variables: z.record(z.string(), z.strictObject({ required: z.boolean(), refused: z.array(z.string()) })),
  liveness: z.string().startsWith('/'),
  readiness: z.string().startsWith('/'),
  openApi: z.string().startsWith('/').optional(),
  /** `METHOD /path` of each route that may answer without a key. */
  publicRoutes: z.array(z.string().regex(/^[A-Z]+ \//)),
});

/** Where a running service says which build of it answers, and with which settings: names in the JSON of a public path. */
export const build = z.strictObject({
  path: z.string().startsWith('/'),
  commit: z.string(),
  /** A fingerprint of the settings, which `service.checkConfig` prints as `fingerprint`. */
  configuration: z.string(),
  uptimeSeconds: z.string(),
  /** The variable that tells the process its commit. */
  variable: z.string(),
});

const smokeStep = z.strictObject({
  name: z.string().min(1),
  request,
  /** Whose key it carries. */
  as: z.enum(['nobody', 'stranger', 'writer', 'operator', 'processor']).default('writer'),
  /** Sends `write.idempotencyHeader` with this text. */
  idempotencyKey: z.string().optional(),
  /** Any of these will do. */
  status: z.array(z.int()).min(1).default([200]),
  /** What stands in the JSON of the answer, by its place: `items.*.id` is any of the list. */
  expect: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  /** What later steps know by a name, by its place. */
  capture: z.record(z.string(), z.string()).default({}),
  /** How long it may take to come true; it is asked again until then. Only for what changes nothing. */
  withinMs: z.int().min(0).max(30_000).default(0),
});

/** What a new deployment has to be able to do, one step after the other. `{unique}` and what was captured are filled in. */
export const smoke = z.strictObject({ steps: z.array(smokeStep).min(1).max(50) });
