import { z } from 'zod';

/** What a run of all tests leaves: a report in the form of Jest's, and beside it which commit it is about. */
export const tests = z.strictObject({
  report: z.string().min(1),
  stamp: z.string().min(1),
  /** How many may be skipped, because a machine cannot run them: what did not run has not passed. */
  mostSkipped: z.int().min(0).default(0),
});

/** What is written down for those who are called at night. */
export const onCall = z.strictObject({
  /** The page to begin with. */
  guide: z.string().min(1),
  /** The form of what is written when it is over. */
  postMortem: z.string().min(1),
});

/** What people do by hand in an emergency, described by pages whose commands are typed word for word. */
export const procedures = z.strictObject({
  /** Globs of the pages. A block that begins with ```bash run (or ```bash run exit=5) is run in the page's directory. */
  pages: z.array(z.string()).min(1),
  /** Where each procedure stands: its page and the anchor of its heading, `runbooks/orders.md#reconcile`. */
  required: z.record(z.string(), z.string().regex(/^[^#]+#[^#]+$/, 'page.md#anchor')).default({}),
  /** Words of the commands that stand for something, each with the query that gives it: `ORDER_ID`. */
  values: z.record(z.string().regex(/^[A-Z][A-Z_]+$/), z.string()).default({}),
  /** `{url}`, `{databaseUrl}`, `{redisUrl}`, `{operatorKey}`, `{writerKey}` and `{processingKey}` are filled in. */
  environment: z.record(z.string(), z.string()).default({}),
});

/** What is written down for those who come new. */
export const documentation = z.strictObject({ readme: z.string().min(1).default('README.md') });

/** Where known vulnerabilities and newer versions are asked for. Default: npm's own configuration. */
export const dependencies = z.strictObject({ registry: z.url().optional() });

export const runbooks = z.strictObject({
  /** Globs of the on-call scripts, and of what they source. */
  scripts: z.array(z.string()).min(1),
  /** What a script cannot do without in a dry run, by its path. */
  dryRunArguments: z.record(z.string(), z.array(z.string())).default({}),
});
