import { z } from 'zod';
import { command, request, table } from './shapes.ts';

/**
 * A change that somebody makes, and the record that it must leave. In its request or command `{marker}` is filled in with a
 * word that nobody else uses, `{account}` with the limited account, so that its own row is found.
 */
const change = z.strictObject({
  name: z.string().min(1),
  /** Asked as the operator. */
  request: request.optional(),
  /** Run with DATABASE_URL, instead of a request. */
  command: command.optional(),
  /** Where the record is kept: the gate's sabotage silences this table. */
  table,
  /** Selects of each record what it is about (one text, in which the marker is looked for) and who did it (one text). */
  records: z.string(),
});

/** The lasting record of who did what. */
export const audit = z.strictObject({
  /** Tables to which rows are added and nothing else is done. */
  tables: z.array(table).min(1),
  /** Selects the id of the write of each recorded event, one text column. */
  events: z.string(),
  /** Names of `database.invariants` that hold while the record tells the whole story. */
  invariants: z.array(z.string().min(1)).min(1),
  changes: z
    .array(change.refine((each) => !each.request !== !each.command, 'either a request or a command is wanted'))
    .min(1),
});

/** A thing that happens at the service's door or to its switches, and the line of the log that tells of it. */
const securityEvent = z.strictObject({
  /** The constant message of the line. */
  message: z.string().min(1),
  /** The field that says who did it or from where: an address, a key's id, a role. */
  who: z.string().min(1),
  /** What other fields hold: `{"code":"forbidden"}`. */
  fields: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
});

/** What a line of the log is made of, by the names of its fields. */
export const logs = z
  .strictObject({
    level: z.string().default('level'),
    time: z.string().default('time'),
    message: z.string().default('msg'),
    levels: z.array(z.string()).min(1),
    /** The field, and the header of a request, that carry one id from the client to its lines. */
    requestId: z.strictObject({ field: z.string(), header: z.string() }),
    /** The field that carries the id of a write. */
    writeId: z.string(),
    /** Lines that say that something went wrong: under a load that is promised there are none. */
    complaints: z
      .strictObject({
        /** The least of `levels` that says so. */
        from: z.string().default('warn'),
        /** Messages that gates bring about by what they did before. */
        expected: z.array(z.strictObject({ message: z.string().min(1), reason: z.string().min(10) })).default([]),
      })
      .prefault({}),
    /** Each kind must leave a line. */
    security: z
      .strictObject({
        wrongKey: securityEvent,
        lockedOut: securityEvent,
        forbidden: securityEvent,
        rateLimited: securityEvent,
        killSwitch: securityEvent,
        limits: securityEvent,
      })
      .optional(),
  })
  .refine(({ levels, complaints }) => levels.includes(complaints.from), {
    path: ['complaints', 'from'],
    message: 'one of logs.levels is wanted',
  });

/** How what is logged reaches one place, and how long it stays there. */
export const logCollection = z.strictObject({
  /** Configurations of rsyslog: of a host that sends, and of the collector. */
  forward: z.string().min(1),
  collect: z.string().min(1),
  /**
   * What both are given in a sandbox. Filled in are `{serviceLog}`, `{databaseLog}`, `{address}`, `{port}`, `{store}`, and of a
   * certificate for the name `collector` `{ca}`, `{certificate}` and `{key}`.
   */
  environment: z.record(z.string(), z.string()),
  /** Configurations of logrotate. */
  rotation: z.array(z.string().min(1)).min(1),
  /** The collector's files, as logrotate is told them. */
  store: z.string().min(1),
  /** Prints what the target's collector has of `{marker}`, such as through ssh. */
  search: command.optional(),
  /** How soon the search has to find what the target logs. */
  withinSeconds: z.int().min(1).max(300).default(60),
});

/** How one write is followed by its id. */
export const tracing = z.strictObject({
  /** What makes a process send its traces as OTLP over HTTP in JSON to `{otlpUrl}`. */
  environment: z.record(z.string(), z.string()),
  /** The attribute of a span that carries the id of the write. */
  attribute: z.string().min(1),
  /** The field of the log that carries the id of the trace. */
  traceField: z.string().min(1),
});
