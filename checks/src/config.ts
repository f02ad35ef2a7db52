import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { blanksOf } from './blank.ts';
import { calendarNames } from './calendars/market.ts';
import { roles } from './checklist/item.ts';
import { alerts } from './config-alerts.ts';
import { backups, recovery } from './config-backups.ts';
import * as databaseParts from './config-database.ts';
import { host, stability } from './config-deployment.ts';
import { drillPages, outage, replicas } from './config-drills.ts';
import { dependencies, documentation, onCall, procedures, tests } from './config-people.ts';
import { audit, logCollection, logs, tracing } from './config-records.ts';
import { command, request, time } from './config-shapes.ts';
import { dashboards, metrics, monitoring, slo } from './config-telemetry.ts';
import { UsageError } from './engine/errors.ts';

const service = z.strictObject({
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

const database = z.strictObject({
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

/** The write that matters: the one that must never be lost, doubled, or accepted while the kill switch is engaged. */
const write = z.strictObject({
  request,
  idempotencyHeader: z.string(),
  acceptedStatus: z.int(),
  /** Where the answer's JSON names what was made. */
  idField: z.string(),
  /** Selects the ids of all that were made, one text column. */
  storedIds: z.string(),
});

const killSwitch = z.strictObject({
  engage: request,
  clear: request,
  /** Selects when the latest change was committed, one timestamptz. */
  committedAt: z.string(),
});

/** The same switch as operators throw it in Redis: each a command in its words. */
const killSwitchInRedis = z.strictObject({
  engage: z.array(z.string()).min(1),
  clear: z.array(z.string()).min(1),
  /** What takes the memory of a Redis, and must count as engaged. */
  forget: z.array(z.string()).min(1).default(['FLUSHALL']),
});

/** The states that the thing that is written goes through, and the raw SQL that tries them. All of it is rolled back. */
const stateMachine = z.strictObject({
  table: z.string().regex(/^\w+\.\w+$/, 'schema.table'),
  states: z.array(z.string()).min(2),
  /** Where it may begin. */
  initial: z.array(z.string()).min(1),
  /** Selects every move that is allowed: from, to. */
  transitions: z.string(),
  /** Makes one that begins in the state $1 and returns its id, with all that the CHECKs want beside that state. */
  begin: z.string(),
  /** An UPDATE of the one with the id $1 into the state $2, right in all but, perhaps, the move. Without RETURNING. */
  move: z.string(),
  /** Whether the database refuses at commit a state that no event tells of. */
  eventRequired: z.boolean(),
});

const environment = z.record(z.string(), z.string());

/** What the service promises to strangers: how often they may ask, how often they may be wrong, whose pages may read. */
const accessRules = z.strictObject({
  /** A GET that every writer may do, and that changes nothing. */
  read: z.string().startsWith('/'),
  /** Environment of a process that believes one proxy: the last address of X-Forwarded-For is its client's. */
  behindOneProxy: environment,
  /** After so many wrong keys that begin like one and the same, or of any kind, a client's address is refused. */
  lockout: z.strictObject({ environment, failuresPerKey: z.int().min(1), failuresPerAddress: z.int().min(1) }),
  /** In this environment a client's address may ask so often per minute. */
  rateLimit: z.strictObject({ environment, perMinute: z.int().min(1) }),
  /** An origin whose pages may read answers in the sandbox. Without it, none may. */
  allowedOrigin: z.url().optional(),
});

/** What each role may do beside what is public, by the names of `credentials.roles`. */
const rolesMay = z.record(
  z.string(),
  z
    .array(
      z
        .string()
        /** A query that the role has to give is part of it; `{account}` is that of `credentials.limited`. */
        .regex(/^(GET|POST|PUT|PATCH|DELETE) \//, 'METHOD /route is wanted, as the OpenAPI document writes it'),
    )
    .min(1),
);

/** Where the use of a key is recorded. */
const keyUse = z.strictObject({
  table: z.string().regex(/^\w+\.\w+$/, 'schema.table'),
  /** The condition that finds the row of the key $1 (text). */
  row: z.string(),
  /** The column with the time of the last use. */
  lastUsed: z.string().regex(/^\w+$/, 'a column'),
  /** How much later than the use the recorded time may lag. */
  withinSeconds: z.int().min(1).max(3_600),
});

/** A GET that answers with a page of a list, newest or oldest first. */
const list = z.strictObject({
  path: z.string().startsWith('/'),
  /** `operator`: where a writer may not read it. */
  as: z.enum(['writer', 'operator']).default('writer'),
  /** Names in the answer: of the entries, of an entry's id, and of what leads to the next page. */
  items: z.string(),
  id: z.string().default('id'),
  next: z.string().default('nextCursor'),
  /** Names in the query. */
  cursor: z.string().default('cursor'),
  limit: z.string().default('limit'),
  /** How many entries a page has at most, whatever is asked for. */
  most: z.int().min(1).max(1_000),
  /** Each configured write is an entry of it at once. */
  holdsWrites: z.boolean().default(false),
});

/** Where prices come from. The gates stand in for two providers, on the loopback, and watch a replica that asks them. */
const marketData = z.strictObject({
  /** Environment of that replica, in a hurry: `{primary}` and `{secondary}` are URLs in which `{symbol}` stands for the symbol. */
  environment,
  /** A symbol with the quote that it has in the sandbox; for any other symbol the providers answer 404. */
  symbol: z.string(),
  bid: z.string(),
  ask: z.string(),
  /** What a provider answers, as the service reads it. */
  answer: z.custom<(quote: { bid: string; ask: string; asOf: string }) => unknown>(
    (value) => typeof value === 'function',
    'a function is wanted',
  ),
  /** Selects of the symbol $1 what prices orders now: its source. One row at most. */
  stored: z.string(),
  /** A GET that shows the price of each holding, and how old it is: names in its answer. No price may be older. */
  prices: z.strictObject({
    path: z.string().startsWith('/'),
    items: z.string(),
    symbol: z.string(),
    price: z.string(),
    ageMs: z.string(),
    mostAgeMs: z.int().min(1),
  }),
  /** Reads or judges by a price, and changes nothing. */
  read: request,
  /** What the log says when two providers disagree. */
  disagreement: z.string(),
  /** So many failures open the breaker, for so long; these are its environment, and what closes it again. */
  breaker: z.strictObject({
    failures: z.int().min(1),
    successes: z.int().min(1),
    pause: z.string(),
    pauseMs: z.int().min(1_000),
  }),
  /** The variable with the budget of calls of a day. */
  callsPerDay: z.string(),
  /** Environment in which a provider may take two seconds for an answer. */
  slow: environment,
  /** Environment that has the last word. */
  override: environment.default({}),
  /** Environment that takes a promise back, for the proofs. */
  without: z.strictObject({ secondProvider: environment, breaker: environment }),
  /** Puts the quotes back as the seed had made them, and lets the next replica ask at once. */
  reset: z.array(z.string()).min(1),
});

const limitChange = z.record(z.string(), z.unknown());

/** Limits that orders are held against, on the account of `credentials.limited`. The order is the configured write. */
const risk = z.strictObject({
  /** Changes limits of the account: its body, in which `{account}` is filled in, with the limits of each case beside it. */
  setLimits: request,
  /** A limit on how many may stand at once. `{limit}` is filled in, as a number. */
  cap: z.strictObject({
    limits: limitChange,
    /** Counts what stands against it, one number; $1 is the account. */
    standing: z.string(),
  }),
  /** Every limit so wide that none of them denies: a case narrows its own. */
  wide: limitChange,
  /** Gives every limit that the gates set back to what it was. */
  reset: limitChange,
  /** How a denied write is answered, and where its JSON says why: names, separated by dots. */
  denial: z.strictObject({
    status: z.int(),
    reason: z.string(),
    limit: z.string(),
    observed: z.string(),
    attempted: z.string(),
    id: z.string(),
    /** Selects the reason that is stored with a denied write, one text; $1 is its id. */
    stored: z.string(),
  }),
  /** How many writes are made before, for the limits that compare with earlier ones. */
  writesBefore: z.int().min(1).max(100).default(1),
  /** Writes that must be denied, each for its reason: the limits that are set for it, and what of the write is changed. */
  denied: z
    .array(
      z.strictObject({
        reason: z.string(),
        limits: limitChange.default({}),
        write: z.record(z.string(), z.unknown()).default({}),
        /** Whether limit, observed and attempted are amounts, in their order: of some reasons they are words, or absent. */
        amounts: z.boolean().default(true),
      }),
    )
    .min(1),
});

const quote = z.strictObject({ bid: z.string(), ask: z.string() });

/** Where prices stand, and how to set the one that the writes of `orders` are about. */
const quotes = z.strictObject({
  table: z.string().regex(/^\w+\.\w+$/, 'schema.table'),
  /** Its columns. */
  bid: z.string(),
  ask: z.string(),
  asOf: z.string(),
  /** True of that one row. */
  of: z.string(),
  /** How it stands in the sandbox. */
  usual: quote,
  /** Older than this, it prices nothing. */
  maxAgeSeconds: z.int().min(1),
});

/** Orders at a limit: writes as `write` describes them, and what becomes of them. */
const orders = z.strictObject({
  /** Selects status, filled quantity, average price or null, and what it still holds back, all as text; $1 is its id. */
  state: z.string(),
  resting: z.string(),
  filled: z.string(),
  expired: z.string(),
  /** A buy below and a sell above the usual quote, and the quotes at which each is executed. */
  limits: z
    .array(
      z.strictObject({
        side: z.enum(['buy', 'sell']),
        request,
        limit: z.string(),
        /** The quote that just meets it, and one that is better. */
        justMet: quote,
        better: quote,
      }),
    )
    .min(1),
  /** How long an order may rest after its price is met. */
  executedWithinMs: z.int().min(100).max(300_000).default(5_000),
  /** An order that rests until its time is up: `{expiresAt}` is filled in, RFC 3339. */
  expiring: request,
  /** Where a write's expiry is stored, as schema.table, and its column. */
  expiry: z.strictObject({ table: z.string(), column: z.string() }),
  expiredWithinMs: z.int().min(100).max(300_000).default(5_000),
  /** Where its owner reads what happened: a list of objects, the id of the write and the kind in each. */
  activity: z.strictObject({
    path: z.string(),
    list: z.string(),
    id: z.string(),
    kind: z.string(),
    executed: z.string(),
  }),
});

/** What an account holds, as it is told to its owner. */
const portfolio = z.strictObject({
  request,
  /** A decimal string. */
  cash: z.string(),
  /** Selects the same, one text; $1 is the account. */
  storedCash: z.string(),
  /** Makes it more by one, and less again; $1 is the account. */
  more: z.string(),
  less: z.string(),
  /** Where positions are listed, and of each: its symbol, profit not yet realised, the age of the price, why one is unknown. */
  positions: z.strictObject({
    list: z.string(),
    symbol: z.string(),
    unrealised: z.string(),
    priceAgeMs: z.string(),
    reason: z.string(),
  }),
  /** The symbol that `quotes` is about. */
  symbol: z.string(),
});

/** Asks what would become of an order, and changes nothing: one that is beyond every limit, and one that is within. */
const riskDryRun = z.strictObject({
  tooLarge: request,
  small: request,
  /** Where the answer says what was decided, how it says that it denies, and where it says why: names, separated by dots. */
  decision: z.string(),
  denied: z.string(),
  reason: z.string(),
  /** Reasons that are limits: an empty account denies too, and shows none of them. */
  limitReasons: z.array(z.string()).min(1),
});

/** Money, as `database.invariants` says it must add up. Both statements must be harmless after one another. */
const books = z.strictObject({
  /** Makes a cent from nothing, in one row. */
  misplace: z.string(),
  /** Takes it away again. */
  restore: z.string(),
});

/** What works without being asked, and says that it lives. */
const workers = z.strictObject({
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
      errorsInRow: z.int().min(1),
      pauseSeconds: z.int().min(1).max(600),
    })
    .optional(),
});

const tableName = z.string().regex(/^\w+\.\w+$/, 'schema.table');

/** What an executed write sets going elsewhere: an event in an outbox, which a worker carries to where it is read. */
const outbox = z.strictObject({
  /** One row per event, with the column that numbers them. */
  table: tableName,
  key: z.string(),
  /** True of an event that was not carried yet. */
  waiting: z.string(),
  /** True of the event that tells of an execution: there is one for each. */
  ofExecution: z.string(),
  /** Where events arrive: the event's number, and the id of its write. */
  arrivesIn: z.strictObject({ table: tableName, event: z.string(), write: z.string() }),
  /** How long an event may wait. */
  withinMs: z.int().min(50).max(60_000).default(2_000),
});

/** What compares the books when a process starts, and puts right what follows from the rest. */
const reconciliation = z.strictObject({
  /** Puts something wrong that it can put right; $1 is an account. */
  disturb: z.string(),
  /** Where that is, with the account in its column `id`. */
  table: tableName,
  /** Selects how many such differences there are, one number. */
  differences: z.string(),
  /** Selects the number of each run at start, ascending with time, how much it put right, and what it left to a person. */
  runs: z.string(),
  withinMs: z.int().min(100).max(60_000).default(5_000),
});

const runbooks = z.strictObject({
  /** Globs of the on-call scripts, and of what they source. */
  scripts: z.array(z.string()).min(1),
  /** What a script cannot do without in a dry run, by its path. */
  dryRunArguments: z.record(z.string(), z.array(z.string())).default({}),
});

/** What calls the service on a schedule, and when the market that it trades on is open. */
const schedule = z.strictObject({
  files: z.array(z.strictObject({ path: z.string(), kind: z.enum(['crontab', 'vercel', 'github']) })).min(1),
  /** Lines, paths and workflows that name this are the calls. */
  calls: z.string().min(1),
  /** On the market's own clock, from Monday to Friday. */
  session: z.strictObject({ timeZone: z.string(), opens: time, closes: time }),
  /** How often it has to be called in the session, and at all other times. */
  everyMinutes: z.int().min(1).max(60),
  otherwiseEveryMinutes: z.int().min(1).max(1440),
});

/** The endpoint that a scheduler calls, and one piece of work that its next cycle does in one step. */
const processing = z.strictObject({
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
  /** Answers 200 while cycles come as they should. */
  health: request,
  /** Selects the last cycle of each source: its name, when it ended (timestamptz, null while it runs), why it failed or null. */
  cycles: z.string(),
  /** Where the cycles are recorded, as `schema.table`, and the columns of their times. */
  cycleTable: z.strictObject({
    name: tableName,
    startedAt: z.string(),
    finishedAt: z.string(),
  }),
  lastCycleWithinSeconds: z.int().min(1),
});

/** How people may overrule a gate. */
const governance = z.strictObject({
  /** How many waivers may stand at once. */
  waiverBudget: z.int().min(0).max(100).default(5),
  /** For how many days a waiver may hold: 30 at most. */
  waiverDays: z.int().min(1).max(30).default(30),
  /** Globs of gates that nobody may waive, beside those that say so themselves. */
  unwaivable: z.array(z.string().min(1)).default([]),
  /** Who may sign off for a role, as principals of preflight.signers. */
  roles: z.partialRecord(z.enum(roles), z.array(z.string().min(1))).default({}),
  /** Globs of checklist items that two people have to sign off. */
  twoApprovers: z.array(z.string().min(1)).default([]),
  /** Directories in which runs leave their evidence, a directory each: what `run` itself keeps, or where a workflow unpacks it. */
  evidence: z.array(z.string().min(1)).min(1).default(['.preflight/evidence']),
});

/** When a release may happen. */
const window = z.strictObject({
  /** The market whose sessions it has to stay clear of. */
  calendar: z.enum(calendarNames),
  /** Minutes before the open and after the close that count as open. */
  marginMinutes: z.int().min(0).max(720).default(30),
  /** Planned, on a wall clock; one that ends before it begins ends on the next day. `24:00` is the end of the day. */
  weekly: z
    .array(
      z.strictObject({
        days: z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).min(1),
        from: time,
        until: time.or(z.literal('24:00')),
        timeZone: z.string(),
      }),
    )
    .min(1),
  /** From the first to the last of these days, in UTC, nothing is released. */
  freezes: z.array(z.strictObject({ from: z.iso.date(), until: z.iso.date(), reason: z.string().min(3) })).default([]),
});

/** Who has to have looked at a change before it is released. */
const review = z.strictObject({
  /** Glob of the tags of releases: what came after the last one is looked at. Without such a tag, the whole history. */
  releases: z.string().min(1),
  /** Lines at the end of a commit's message that name who looked at it: `Reviewed-by: Grace <grace@example.com>`. */
  trailers: z
    .array(z.string().regex(/^[A-Za-z][A-Za-z-]*$/))
    .min(1)
    .default(['Reviewed-by', 'Approved-by']),
  /** Globs of what two people besides its author have to have looked at. */
  critical: z.array(z.string().min(1)).min(1),
});

/** The loopback needs no TLS: nobody else hears it. */
const loopback = new Set(['127.0.0.1', 'localhost', '[::1]']);
const isPrivate = (url: string) => {
  const { protocol = '', hostname = '' } = URL.parse(url) ?? {};
  return protocol === 'https:' || (protocol === 'http:' && loopback.has(hostname));
};
const address = z
  .url()
  .refine(isPrivate, 'https:// is wanted, or http:// on the loopback')
  .transform((url) => url.replace(/\/$/, ''));

/** A fault of a target: struck by one command, run in the root of the tree, and taken back by another, which may run twice. */
const fault = z.strictObject({
  name: z.string().min(1),
  strike: command,
  undo: command,
  /** While it stands, readiness says so: or what has more than one of everything goes on unharmed. */
  seenAs: z.enum(['not-ready', 'unharmed']),
  /** From the undo to readiness again. */
  recoversWithinMs: z.int().min(100).max(120_000).default(30_000),
});

/** An environment that runs already, seen from outside. What is not given cannot be asked: its gates say what is missing. */
const target = z.strictObject({
  /** What clients use, without a path. */
  url: address,
  /** The authority of its certificate, as a PEM file, where the system does not know it. Start preflight with NODE_EXTRA_CA_CERTS too. */
  ca: z.string().optional(),
  /** Other names that have to lead to it. */
  names: z.array(z.string().min(1)).default([]),
  /** Of an account that is there for tests; from the environment, never written here: `process.env.…`. */
  keys: z.strictObject({ writer: z.string(), operator: z.string(), processor: z.string() }).partial().prefault({}),
  /** Runs there what judges the service's environment (`service.checkConfig`), such as through ssh or kubectl exec. */
  checkConfig: command.optional(),
  /** The Prometheus that watches it. */
  prometheus: address.optional(),
  database: databaseParts.targetDatabase.optional(),
  /** Its faults may be struck, by whoever types its name: `--break NAME`. */
  safeToBreak: z.boolean().default(false),
  faults: z.array(fault).default([]),
});

/** Where a running service says which build of it answers, and with which settings: names in the JSON of a public path. */
const build = z.strictObject({
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
const smoke = z.strictObject({ steps: z.array(smokeStep).min(1).max(50) });

/** How the service is put where it runs. */
const manifests = z.strictObject({
  /** Globs of Kubernetes manifests. */
  files: z.array(z.string()).min(1),
  /** A directory of JSON Schemas as kubeconform names them. Without it kubeconform asks the network. */
  schemas: z.string().optional(),
  /** Dockerfiles of what is deployed. */
  images: z.array(z.string()).default([]),
});

/** What stands between clients and the service: nginx. */
const edge = z.strictObject({
  /** Its whole configuration, as it is deployed. Only its ports, addresses and files are changed where gates start it. */
  configuration: z.string(),
  /** The `upstream` that leads to the service, and the name that clients ask for. */
  upstream: z.string(),
  host: z.string(),
});

/** How people roll out. */
const deployment = z.strictObject({
  /** The page that says so, step by step. */
  runbook: z.string(),
});

/** The way back to the build before. */
const rollback = z.strictObject({
  /** The page that says how. */
  plan: z.string(),
  /** Of that build: a tag or commit. */
  to: z.string().default('HEAD~1'),
  withinSeconds: z.int().min(1).max(300).default(300),
});

/** Whom to call: their file, and how old their last review may be. */
const contacts = z.strictObject({ file: z.string().min(1), reviewedWithinDays: z.int().min(1).max(90).default(30) });

/** A k6 script and its environment. */
const loadScript = z.strictObject({ script: z.string(), environment: z.record(z.string(), z.string()) });

const schema = z.strictObject({
  /** Gates of one's own: paths from the tree's root that begin with a dot, or packages. Each exports `gates`, an array. */
  plugins: z.array(z.string().min(1)).default([]),
  service,
  database,
  databaseRole: databaseParts.databaseRole.optional(),
  connections: databaseParts.connections.optional(),
  refusals: databaseParts.refusals.optional(),
  hotQueries: databaseParts.hotQueries.optional(),
  statements: databaseParts.statements.optional(),
  migrations: databaseParts.migrations.optional(),
  write: write.optional(),
  stateMachine: stateMachine.optional(),
  killSwitch: killSwitch.optional(),
  killSwitchInRedis: killSwitchInRedis.optional(),
  workers: workers.optional(),
  outbox: outbox.optional(),
  reconciliation: reconciliation.optional(),
  access: accessRules.optional(),
  roles: rolesMay.optional(),
  keyUse: keyUse.optional(),
  lists: z.array(list).min(1).optional(),
  marketData: marketData.optional(),
  risk: risk.optional(),
  riskDryRun: riskDryRun.optional(),
  code: z.strictObject({
    /** A TypeScript compiler: `--listFiles --pretty false` is appended, to count what it looked at and to read what it says. */
    typeCheck: command,
    /** Globs of the code that runs in production. Tests beside it are not part of it. */
    production: z.array(z.string()).min(1),
    /** Production files whose job is to print: they may use the console. */
    consoleAllowed: z.array(z.strictObject({ glob: z.string().min(1), reason: z.string().min(10) })).default([]),
    /** Globs of the code that runs while requests are answered. Default: all of `production`. */
    serving: z.array(z.string()).min(1).optional(),
    /** Files of it that may stop the process for a moment, because they run only while it starts. */
    blockingAllowed: z.array(z.strictObject({ glob: z.string().min(1), reason: z.string().min(10) })).default([]),
  }),
  /** A k6 script with its thresholds, and its environment: `{url}` and `{writerKeysFile}` (a key per line) are filled in. */
  load: loadScript.optional(),
  loadProfiles: z
    .strictObject({
      /** A hundred people at once: each reads and writes, and thinks. */
      users: loadScript,
      /** The busiest minute that is expected. */
      peak: loadScript,
      /**
       * A steady rate in windows of one length: thresholds on `http_req_duration{scenario:window_1}` and so on tell each
       * window's latency. WINDOWS and WINDOW_S (seconds) are its variables.
       */
      hour: loadScript,
    })
    .optional(),
  runbooks: runbooks.optional(),
  backups: backups.optional(),
  recovery: recovery.optional(),
  alerts: alerts.optional(),
  workflows: z.array(z.string()).min(1).optional(),
  schedule: schedule.optional(),
  processing: processing.optional(),
  books: books.optional(),
  quotes: quotes.optional(),
  orders: orders.optional(),
  portfolio: portfolio.optional(),
  outage: outage.optional(),
  replicas: replicas.optional(),
  drillPages,
  contacts: contacts.optional(),
  build: build.optional(),
  smoke: smoke.optional(),
  deployment: deployment.optional(),
  rollback: rollback.optional(),
  host: host.optional(),
  stability: stability.optional(),
  manifests: manifests.optional(),
  edge: edge.optional(),
  /** By name: `production` is what a release asks unless --target names another, `staging` what was there before it. */
  targets: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), target).default({}),
  tests: tests.optional(),
  onCall: onCall.optional(),
  procedures: procedures.optional(),
  documentation: documentation.prefault({}),
  dependencies: dependencies.prefault({}),
  window: window.optional(),
  review: review.optional(),
  audit: audit.optional(),
  logs: logs.optional(),
  logCollection: logCollection.optional(),
  tracing: tracing.optional(),
  metrics: metrics.optional(),
  dashboards: dashboards.optional(),
  monitoring: monitoring.optional(),
  slo: slo.optional(),
  governance: governance.prefault({}),
  /** Gates about parts that this service does not have, each with the reason that a reviewer is to judge. */
  notApplicable: z
    .array(
      z.strictObject({ gate: z.string(), reason: z.string().min(20, 'a reason of 20 characters or more is wanted') }),
    )
    .default([]),
});

export type TargetConfig = z.output<typeof target>;

/** What {@link pointAt} has chosen of `targets`. */
interface Chosen {
  target?: TargetConfig;
  /** Of the Prometheus that watches it. */
  prometheus?: string;
  staging?: TargetConfig;
  /** Of the target. */
  targetDatabase?: NonNullable<TargetConfig['database']>;
}

export type Config = z.output<typeof schema> & Chosen;
export type ConfigInput = z.input<typeof schema>;

/** Keys of the target, by what they may do. */
export interface Credentials {
  /** May make the configured write; each belongs to another account. */
  writers: string[];
  /** May throw the kill switch, and change limits. */
  operator: string;
  /** May make the configured write for an account of its own, whose limits are as they come: gates change them. */
  limited?: { key: string; account: string };
  /** A key of each role of `roles`, by its name. */
  roles?: Record<string, string>;
}

/** Parts that a service may not have. */
export type OptionalPart = { [Part in keyof Config]-?: undefined extends Config[Part] ? Part : never }[keyof Config];

/** A part that not every service has. @throws when it is absent: a gate that uses it declares the need `config:PART`. */
export function partOf<Part extends OptionalPart>(config: Pick<Config, Part>, part: Part): NonNullable<Config[Part]> {
  const described = config[part];
  if (!described) throw new Error(`preflight.config.ts does not describe \`${part}\``);
  return described;
}

/** What a release asks, and drills outside of a sandbox strike, unless --target names another. */
export const defaultTarget = 'production';

/**
 * The same configuration, with the environments that a release asks. Without a name it is `production`, where there is one.
 * @throws UsageError when no target is called so.
 */
export function pointAt(config: Config, name?: string): Config {
  const { targets } = config;
  if (name !== undefined && targets[name] === undefined) {
    const names = Object.keys(targets);
    throw new UsageError(
      `preflight.config.ts has no target ${name}`,
      names.length > 0 ? `Name one of ${names.join(', ')}.` : 'Describe it there in `targets`.',
    );
  }
  const [chosen, { staging }] = [targets[name ?? defaultTarget], targets];
  const { prometheus, database } = chosen ?? {};
  return {
    ...config,
    ...(chosen && { target: chosen }),
    ...(prometheus && { prometheus }),
    ...(staging && { staging }),
    ...(database && { targetDatabase: database }),
  };
}

/** Types `preflight.config.ts`. It is checked when it is loaded. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

/**
 * Loads and checks `preflight.config.ts`.
 * @throws UsageError with all faults at once.
 */
export async function loadConfig(root: string, file = 'preflight.config.ts'): Promise<Config> {
  const path = join(root, file);
  try {
    await access(path);
  } catch {
    throw new UsageError(
      `${file} is not in ${root}`,
      'Run preflight in the root of the repository, or name the file with --config.',
    );
  }
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (cause) {
    throw new UsageError(
      `${file} cannot be loaded: ${(cause as Error).message}`,
      'Mend the file: it is TypeScript that Node runs as it stands.',
    );
  }
  return parseConfig(exported, file);
}

/** @throws UsageError with all faults at once, each with its place in the file. */
export function parseConfig(value: unknown, file = 'preflight.config.ts'): Config {
  const blanks = blanksOf(value);
  if (blanks.length > 0) {
    throw new UsageError(
      `${file} has ${blanks.length} blank(s):\n  ${blanks.join('\n  ')}`,
      'Fill in each of them: what the repository did not show, only you can tell.',
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(default export)'}: ${issue.message}`);
  throw new UsageError(
    `${file} has ${faults.length} fault(s):\n  ${faults.join('\n  ')}`,
    'Mend each of them: the names are those of defineConfig().',
  );
}
