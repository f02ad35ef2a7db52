import { z } from 'zod';

/** A program and its arguments, run without a shell in the root of the tree. */
export const command = z.array(z.string().min(1)).min(1);

export const request = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: z.string().startsWith('/'),
  body: z.record(z.string(), z.unknown()).optional(),
});

/** A table, by the schema that it is in. */
export const table = z.string().regex(/^\w+\.\w+$/, 'schema.table is wanted');

/** On a clock, to the minute. */
export const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'HH:MM');

/** Variables of a process, by name. */
export const environment = z.record(z.string(), z.string());
