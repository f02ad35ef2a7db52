import { z } from 'zod';
import { request, table, time } from './shapes.ts';

/** What works without being asked, and says that it lives. */
export const workers = z.strictObject({
  /** Selects a worker's name and the time of a heartbeat, in any number of rows. */
  heartbeats: z.string(),
  /** Each must be heard of again within `withinMs`. */
  expected: z.array(z.string()).min(1),
  withinMs: z.int().min(100).max(20_000).default(3_000),
  /** When a worker gives up for a while, and for how long. */
  breaker: z
    .strictObject({
      worker: z.string(),
      /** Makes each of its steps fail, and ends that. */
      break: z.string(),
      mend: z.string(),
      /** Where its state stands, as schema.table, and the columns of a row. */
      table: z.string(),
      name: z.string(),
      failures: z.string(),
      pausedUntil: z.string(),
      steps: z.string(),
      /** S4:79 and S4:80 want three of them, and five minutes. */
      errorsInRow: z.int().min(1).max(3),
      pauseSeconds: z.int().min(1).max(300),
    })
    .optional(),
});

/** What an executed write sets going elsewhere: an event in an outbox, which a worker carries to where it is read. */
export const outbox = z.strictObject({
  /** One row per event, with the column that numbers them. */
  table,
  key: z.string(),
  /** True of an event that was not carried yet. */
  waiting: z.string(),
  /** True of the event that tells of an execution: there is one for each. */
  ofExecution: z.string(),
  /** Where events arrive: the event's number, and the id of its write. */
  arrivesIn: z.strictObject({ table: table, event: z.string(), write: z.string() }),
  /** How long an event may wait. */
  withinMs: z.int().min(50).max(60_000).default(2_000),
});

/** What compares the books when a process starts, and puts right what follows from the rest. */
export const reconciliation = z.strictObject({
  /** Puts something wrong that it can put right; $1 is an account. */
  disturb: z.string(),
  /** Where that is, with the account in its column `id`. */
  table,
  /** Selects how many such differences there are, one number. */
  differences: z.string(),
  /** Selects the number of each run at start, ascending with time, how much it put right, and what it left to a person. */
  runs: z.string(),
  withinMs: z.int().min(100).max(60_000).default(5_000),
});

/** What calls the service on a schedule, and when the market that it trades on is open. */
export const schedule = z.strictObject({
  files: z.array(z.strictObject({ path: z.string(), kind: z.enum(['crontab', 'vercel', 'github']) })).min(1),
  /** Lines, paths and workflows that name this are the calls. */
  calls: z.string().min(1),
  /** On the market's own clock, from Monday to Friday. */
  session: z.strictObject({ timeZone: z.string(), opens: time, closes: time }),
  /** How often it has to be called in the session, and at all other times. */
  everyMinutes: z.int().min(1).max(60),
  otherwiseEveryMinutes: z.int().min(1).max(1440),
  /** How the calls of a target are told, by the Prometheus that watches it. */
  observed: z
    .strictObject({
      /** A selector of what is measured while the service is watched, and how often that is. */
      up: z.string().min(1),
      everySeconds: z.int().min(1).max(600).default(15),
      /** A selector of the counter of calls that ran a cycle, or found one running. */
      calls: z.string().min(1),
      /** Selectors of counters that may not grow: what each counts, in the plural. */
      failures: z.array(z.strictObject({ what: z.string().min(1), counter: z.string().min(1) })).min(1),
    })
    .optional(),
});

/** The endpoint that a scheduler calls, and one piece of work that its next cycle does in one step. */
export const processing = z.strictObject({
  request,
  /** Variables of `service.environment`: each holds a key that the endpoint accepts. */
  keyVariables: z.array(z.string()).min(1),
  /** The answer of a call that ran a cycle, and of one that found a cycle running and left it at that. */
  ranStatus: z.int(),
  runningStatus: z.int(),
  /** Where the answer of a cycle says how much it executed. */
  executedField: z.string(),
  /** A write that is accepted, and that the next cycle executes. */
  work: request,
  /** Selects the id of the write of each execution, one text column. */
  effects: z.string(),
  /** Written to by an execution, and by nothing else. Locked for a moment, it keeps executions in their middle. */
  effectsIn: table,
  /** Answers 200 while cycles come as they should. */
  health: request,
  /** Selects the last cycle of each source: its name, when it ended (timestamptz, null while it runs), why it failed or null. */
  cycles: z.string(),
  /** Where the cycles are recorded, as `schema.table`, and the columns of their times. */
  cycleTable: z.strictObject({
    name: table,
    startedAt: z.string(),
    finishedAt: z.string(),
  }),
  lastCycleWithinSeconds: z.int().min(1),
});
