import { z } from 'zod';
import { time } from './shapes.ts';

/** Where the production cluster's backups are, and what is promised of them. */
export const backups = z.strictObject({
  /** Of pgBackRest. */
  stanza: z.string().regex(/^[\w.-]+$/),
  /** pgbackrest.conf, as it reads the repositories from where preflight runs: absolute, or from the tree's root. */
  configFile: z.string().min(1),
  /** Of the production cluster: `SELECT system_identifier FROM pg_control_system()`. Backups of another one are worth nothing. */
  systemId: z.string().regex(/^\d+$/, 'a number in quotes is wanted'),
  /** The day on which the schedule began: what would lie before it is missed by nobody. */
  since: z.iso.date(),
  promises: z
    .strictObject({
      /** The newest full backup is no older; a day, and the time that it takes. */
      fullWithinHours: z.number().positive().default(26),
      /** When full backups begin: off the peak. */
      fullStarts: z
        .strictObject({ from: time, until: time, timeZone: z.string() })
        .default({ from: '02:00', until: '02:59', timeZone: 'UTC' }),
      /** The newest backup of any type is no older; an hour, and the time that it takes. */
      incrementalWithinHours: z.number().positive().default(1.5),
      /** So much is lost at most with the whole cluster. */
      walWithinMinutes: z.number().positive().default(15),
      /** For how many days, weeks and months back there is a full backup of each. */
      daily: z.int().min(1).default(30),
      weekly: z.int().min(0).default(12),
      monthly: z.int().min(0).default(12),
      /** The newest full backup in a second location is no older: a week and a day. */
      secondWithinHours: z.number().positive().default(192),
      /** For rehearsals: one fire takes both. */
      secondMayBeLocal: z.boolean().default(false),
    })
    .prefault({}),
});

/** What a recovery of the whole cluster promises. It is rehearsed on the sandbox's own, with pgBackRest. */
export const recovery = z.strictObject({
  /** What production's PostgreSQL archives with: a file of settings, from the tree's root. */
  settings: z.string().min(1),
  /** So many minutes of accepted writes are lost at most, and so long it takes at most until writes are accepted again. */
  pointMinutes: z.number().positive().default(15),
  timeMinutes: z.number().positive().default(60),
  /** More arguments for `pgbackrest restore`. */
  restoreArguments: z.array(z.string()).default([]),
});
