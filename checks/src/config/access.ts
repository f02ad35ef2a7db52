import { z } from 'zod';
import { environment, table } from './shapes.ts';

/** What the service promises to strangers: how often they may ask, how often they may be wrong, whose pages may read. */
export const accessRules = z.strictObject({
  /** A GET that every writer may do, and that changes nothing. */
  read: z.string().startsWith('/'),
  /** Environment of a process that believes one proxy: the last address of X-Forwarded-For is its client's. */
  behindOneProxy: environment,
  /** After so many wrong keys that begin like one and the same, or of any kind, a client's address is refused. */
  lockout: z.strictObject({
    environment,
    /** S2:70 and S3:191 want no more. */
    failuresPerKey: z.int().min(1).max(5),
    failuresPerAddress: z.int().min(1).max(10),
    /** For how long. S3:192 wants an hour. */
    seconds: z.int().min(3_600).default(3_600),
  }),
  /** In this environment, a client's address may ask so often per minute and a key per hour. */
  rateLimit: z.strictObject({
    environment,
    /** S3:183 and S4:141 want 100 at most. */
    perMinute: z.int().min(1).max(100),
    /** S3:184 wants 1000 at most. */
    perHourKey: z.int().min(1).max(1_000),
    /** The keys of Redis under which is counted, as a glob of Redis, where processes count together. */
    counts: z.string().min(1).optional(),
  }),
  /** An origin whose pages may read answers in the sandbox. Without it, none may. */
  allowedOrigin: z.url().optional(),
});

/** What each role may do beside what is public, by the names of `credentials.roles`. */
export const rolesMay = z.record(
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
export const keyUse = z.strictObject({
  table,
  /** The condition that finds the row of the key $1 (text). */
  row: z.string(),
  /** The column with the time of the last use. */
  lastUsed: z.string().regex(/^\w+$/, 'a column'),
  /** How much later than the use the recorded time may lag. */
  withinSeconds: z.int().min(1).max(3_600),
});

/** A GET that answers with a page of a list, newest or oldest first. */
export const list = z.strictObject({
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
