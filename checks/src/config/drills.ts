import { z } from 'zod';

/** What is promised while something is gone that the service needs: each in milliseconds. */
export const outage = z.strictObject({
  /** Of a request that begins meanwhile, to its refusal. */
  answerMs: z.int().min(50).max(30_000).default(1_000),
  /** Of one that was in flight, to its answer. */
  inFlightMs: z.int().min(50).max(30_000).default(3_000),
  /** Until readiness says so. */
  notReadyMs: z.int().min(50).max(60_000).default(5_000),
  /** From the end of the outage to the first write that is taken. */
  writesAgainMs: z.int().min(50).max(120_000).default(10_000),
});

/** How several processes of the service run side by side. */
export const replicas = z.strictObject({
  /** What they are given beside `service.environment`: a pause between saying "not ready" and closing the port, above all. */
  environment: z.record(z.string(), z.string()).default({}),
  /** From SIGTERM to the end of the process. */
  exitWithinMs: z.int().min(1_000).max(120_000).default(30_000),
});

/** The runbook page of each drill: what stands under its heading `Recovery` is run as the drill's own recovery. */
export const drillPages = z.record(z.string(), z.string()).default({});
