import { z } from 'zod';
import { request } from './shapes.ts';

export const killSwitch = z.strictObject({
  engage: request,
  clear: request,
  /** Selects when the latest change was committed, one timestamptz. */
  committedAt: z.string(),
});

/** The same switch as operators throw it in Redis: each a command in its words. */
export const killSwitchInRedis = z.strictObject({
  engage: z.array(z.string()).min(1),
  clear: z.array(z.string()).min(1),
  /** What takes the memory of a Redis, and must count as engaged. */
  forget: z.array(z.string()).min(1).default(['FLUSHALL']),
});

const limitChange = z.record(z.string(), z.unknown());

/** Limits that orders are held against, on the account of `credentials.limited`. The order is the configured write. */
export const risk = z.strictObject({
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

/** Asks what would become of an order, and changes nothing: one that is beyond every limit, and one that is within. */
export const riskDryRun = z.strictObject({
  tooLarge: request,
  small: request,
  /** Where the answer says what was decided, how it says that it denies, and where it says why: names, separated by dots. */
  decision: z.string(),
  denied: z.string(),
  reason: z.string(),
  /** Reasons that are limits: an empty account denies too, and shows none of them. */
  limitReasons: z.array(z.string()).min(1),
});
