import { z } from 'zod';
import type { Credentials } from './credentials.ts';
import { command } from './shapes.ts';

/** The role that the service connects as, made by the migrations. The sandbox lets it log in, and runs the service as it. */
export const databaseRole = z.strictObject({
  name: z.string().regex(/^[a-z_][a-z0-9_]*$/, 'a plain role name is wanted'),
  /** Tables, as `schema.table`, that tell what happened: the role may add rows to them, and neither change nor remove any. */
  appendOnly: z.array(z.string().regex(/^\w+\.\w+$/, 'schema.table is wanted')).default([]),
});

/** Queries that run for every request or every cycle, and the data that they are planned on. */
export const hotQueries = z.strictObject({
  /** The table that grows, as `schema.table`: as many rows of it as each size says. */
  table: z.string().regex(/^\w+\.\w+$/, 'schema.table is wanted'),
  /** Each writes what the rows with the numbers $1 to $2 need. They run in this order, with triggers and foreign keys off. */
  fill: z.array(z.string()).min(1),
  sizes: z.array(z.int().min(1_000)).min(2).default([10_000, 100_000]),
  /** With `--long`. */
  longSizes: z.array(z.int().min(1_000)).min(2).default([10_000, 100_000, 1_000_000]),
  /** How many times the pages of the smallest size a query may read at the largest one. */
  mostGrowth: z.number().min(1).default(3),
  queries: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        sql: z.string().min(1),
        values: z.array(z.union([z.string(), z.number(), z.null()])).default([]),
      }),
    )
    .min(1),
});

/** Connections to the database. Times are in milliseconds. */
export const connections = z.strictObject({
  /** The most that one process opens, by all of its pools together. */
  perProcess: z.int().min(10).max(100),
  /** As many processes as there are at once, those that a roll-out adds included. */
  processes: z.int().min(1),
  /** Left over for people, backups and monitoring. */
  forOperators: z.int().min(3).default(10),
  /** Within which a write is answered, whatever holds the database up. */
  answersWithin: z.int().min(100).max(30_000).default(5_000),
});

/** What the database must refuse to the service's own role, each tried in a transaction that is rolled back. */
export const refusals = z
  .array(
    z.strictObject({
      name: z.string().min(1),
      /** What has to be there before; each is taken. */
      given: z.array(z.string()).default([]),
      attempt: z.string(),
      /** The constraint that refuses it, or the SQLSTATE. */
      by: z.string().min(1),
    }),
  )
  .min(1);

/** The database of a target, and what it runs on. */
export const targetDatabase = z.strictObject({
  /** Of a role that may read all (`pg_read_all_data`, `pg_monitor`); from the environment, never written here: `process.env.…`. */
  url: z.string().regex(/^postgres(ql)?:\/\//, 'postgres://… is wanted'),
  /** What its host has. */
  memoryMb: z.int().min(256),
  storage: z.enum(['ssd', 'disk']),
  /** How many standbys follow it, and how far behind each may be. */
  standbys: z.int().min(1).default(1),
  mostLagSeconds: z.number().positive().default(10),
});

/** What the service asks its database, as PostgreSQL counts it. */
export const statements = z.strictObject({
  /** GETs that every writer may do, and how many statements each may take, however long the list that it answers with. */
  reads: z.array(z.strictObject({ path: z.string().startsWith('/'), most: z.int().min(1) })).min(1),
  /** How many the configured write may take. */
  mostPerWrite: z.int().min(1),
  /** A statement that reads more pages than this per call is slow, and has to be a hot query or one of these. */
  mostPages: z.int().min(10).default(500),
  /** Regular expressions for statements that may be slow, and why. */
  known: z.array(z.strictObject({ pattern: z.string().min(5), reason: z.string().min(10) })).default([]),
  /** Indexes, as `schema.index`, that no day's work reads, and what will. */
  rareIndexes: z.array(z.strictObject({ index: z.string().min(3), reason: z.string().min(10) })).default([]),
});

/** How migrations are written and kept, beside the commands that `database` runs them with. */
export const migrations = z.strictObject({
  /** What `sha256sum` printed of each file. */
  checksums: z.string().min(1),
  /** The first file that has to be safe for a database that is written to: what is before it was applied before there was one. */
  safeFrom: z.string().min(1),
  /** As many of the newest as a deployment brings at most: these are tried on a database that is written to, and killed half-way. */
  newest: z.int().min(1).max(20).default(3),
  /**
   * For how long one may hold writers up, in milliseconds. "A few hundred milliseconds, maybe a second or two at a push" is what
   * https://gocardless.com/blog/zero-downtime-postgres-migrations-a-little-help/ found that an application bears.
   */
  mostBlockedMs: z.int().min(10).max(60_000).default(500),
  /** Rules of squawk that a file may break, or `blocks-writers`, and why. */
  exceptions: z.array(z.strictObject({ file: z.string(), rule: z.string(), reason: z.string().min(10) })).default([]),
});

export const database = z.strictObject({
  /** Each runs with DATABASE_URL set to a scratch database. */
  migrate: command,
  applyNext: command,
  revertLast: command,
  /**
   * Does the same for each line `up` or `down` of its input, and answers with a line of JSON, `{"ran":[…]}` or
   * `{"failed":"…"}`. Without it every step is a process.
   */
  steps: command.optional(),
  /** Glob of the migrations, one file each; by name they are in their order. */
  migrations: z.string(),
  /** The migration tool's own table, as `schema.table`: one row per migration that is applied. */
  bookkeeping: z
    .string()
    .regex(/^\w+\.\w+$/, 'schema.table is wanted')
    .default('public.pgmigrations'),
  /** Fills a migrated database; its stdout goes to `credentials`. */
  seed: command,
  /** Reads the keys out of what the seed printed. */
  credentials: z.custom<(seedOutput: string) => Credentials>(
    (value) => typeof value === 'function',
    'a function is wanted',
  ),
  requiredIndexes: z.array(
    z.strictObject({
      name: z.string(),
      table: z.string().regex(/^\w+\.\w+$/, 'schema.table is wanted'),
      columns: z.array(z.string()).min(1),
      /** The query that the index is there for, with literals instead of parameters. */
      serves: z.string(),
    }),
  ),
  /** What always holds: `looksAt` counts the rows that it is about, `violations` selects those that break it. */
  invariants: z.array(z.strictObject({ name: z.string(), looksAt: z.string(), violations: z.string() })),
  /** More arguments for pg_dump. */
  dumpArguments: z.array(z.string()).default([]),
});
