import { z } from 'zod';
import { calendarNames } from '../calendars/market.ts';
import { roles } from '../checklist/role.ts';
import { time } from './shapes.ts';

/** How people may overrule a gate. */
export const governance = z.strictObject({
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
export const window = z.strictObject({
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
export const review = z.strictObject({
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

/** Whom to call: their file, and how old their last review may be. */
export const contacts = z.strictObject({
  file: z.string().min(1),
  reviewedWithinDays: z.int().min(1).max(90).default(30),
});
