import { z } from 'zod';
import { calendarNames } from '../calendars/market.ts';
import { request } from './shapes.ts';

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

/**
 * Work that one process does alone, under a lease, and work that many claim: what keeps a process out of both that froze, lost
 * them, and wakes. The exclusive work is what asks the providers of `marketData`.
 */
export const frozenWorker = z.strictObject({
  /** Environment in which a provider may take longer for an answer than the lease lasts. */
  environment: z.record(z.string(), z.string()),
  /** Selects who has the exclusive work now: its process id, and its fencing token, a number that grows. One row or none. */
  holder: z.string(),
  /** From the holder's last word until another may take the work over. */
  leaseMs: z.int().min(100).max(120_000),
  /** A claim is let go so long after its process said its last word. */
  claimMs: z.int().min(100).max(120_000),
  /** The function of the database that every write of exclusive work has to pass, with its argument types. */
  fence: z.string().regex(/^\w+\.\w+\([\w, ]*\)$/, 'schema.function(types) is wanted'),
  /** What stands in the log of a process whose late write was refused. */
  refusal: z.string().min(1),
});

/** What has to hold when the clocks of the service and of its database are changed, and when a market opens and closes. */
export const clock = z.strictObject({
  /** The market of the orders below. */
  calendar: z.enum(calendarNames),
  /** A write that is executed at once while that market is open, and never while it is not. */
  atOnce: request,
  /** One that rests where the session is too short for it, and is executed after the next open. */
  waiting: request,
  /** One that is never executed, and ends with the session (`orders.expired`). */
  untilTheClose: request,
  /** Selects of each execution the id of its write, and its time in milliseconds since 1970. */
  executions: z.string(),
  /** Metrics that are ages or durations, and cannot be below zero. */
  ages: z.array(z.string()).min(1),
  /** Each selects a number of seconds in each of its rows, none of which can be below zero. */
  durations: z.array(z.strictObject({ name: z.string(), seconds: z.string() })).min(1),
  /** Selects what work is done by one process alone: its name, who has it, and the fencing token. */
  leases: z.string(),
});

const series = z.strictObject({ metric: z.string(), labels: z.record(z.string(), z.string()).default({}) });

/** How the service tells that its event loop stalls, and that it refuses for that. */
export const eventLoop = z.strictObject({
  /** A gauge of the delay since the last scrape, in seconds. */
  delay: series,
  /** A counter of requests that were refused while the loop was late. */
  refused: series,
  /** Environment in which it refuses none for that: the drill has to notice. */
  unbounded: z.record(z.string(), z.string()),
});

/** What makes every write wait while it holds a connection of its process, and what is promised then. */
export const poolExhausted = z.strictObject({
  /** Run in a transaction that is left open, as the owner of the tables. */
  hold: z.string().min(1),
  /** Of the process that is struck, so that whoever waits for the lock does not give up before the lock is let go. */
  environment: z.record(z.string(), z.string()).default({}),
  /** Connections of one process that writes can hold. */
  connections: z.int().min(1).max(1_000),
  /** A gauge of it: those who wait for a connection, and how many at most may. */
  waiting: series.extend({
    most: z.int().min(1).max(10_000),
  }),
  /** From the end until nobody waits any more. */
  emptyWithinMs: z.int().min(50).max(60_000).default(5_000),
  /** Environment without the bounds: the drill has to notice. */
  unbounded: z.record(z.string(), z.string()),
});

/**
 * The runbook page of each drill. It is followed word for word while the drill's fault stands or right after it: in the page's
 * directory, the commands under `Recovery` and then those under `How you know that it is over`, each of which has to end with 0.
 * They are given SERVICE_URL, METRICS_URL, OPERATOR_API_KEY, DATABASE_URL, REDIS_URL, and START_COMMAND: words after which the name
 * of a part (`service`, `postgres` or `redis`) starts what does not run of it. A drill that does not strike the sandbox has a
 * page to be read: its own commands take its fault back.
 */
export const drillPages = z.record(z.string(), z.string());
