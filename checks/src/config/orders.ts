import { z } from 'zod';
import { quote } from './market.ts';
import { request, table } from './shapes.ts';

/** The write that matters: the one that must never be lost, doubled, or accepted while the kill switch is engaged. */
export const write = z.strictObject({
  request,
  idempotencyHeader: z.string(),
  acceptedStatus: z.int(),
  /** Where the answer's JSON names what was made. */
  idField: z.string(),
  /** Selects the ids of all that were made, one text column. */
  storedIds: z.string(),
});

/** The states that the thing that is written goes through, and the raw SQL that tries them. All of it is rolled back. */
export const stateMachine = z.strictObject({
  table,
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

/** Orders at a limit: writes as `write` describes them, and what becomes of them. */
export const orders = z.strictObject({
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
export const portfolio = z.strictObject({
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

/** Money, as `database.invariants` says it must add up. Both statements must be harmless after one another. */
export const books = z.strictObject({
  /** Makes a cent from nothing, in one row. */
  misplace: z.string(),
  /** Takes it away again. */
  restore: z.string(),
});
