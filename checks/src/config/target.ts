import { z } from 'zod';
import { targetDatabase } from './database.ts';
import { command } from './shapes.ts';

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
export const target = z.strictObject({
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
  database: targetDatabase.optional(),
  /** Its faults may be struck, by whoever types its name: `--break NAME`. */
  safeToBreak: z.boolean().default(false),
  faults: z.array(fault).default([]),
});
