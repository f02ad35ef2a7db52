import { z } from 'zod';
import { profiles } from './gate.ts';
import { severities } from './severity.ts';

/**
 * - `pass`: looked at one thing or more, and found nothing.
 * - `fail`: found something. `waived`: found something that an unexpired waiver accepts.
 * - `error`: could not finish looking. `not-run`: a need is absent.
 */
export const outcomes = ['pass', 'fail', 'error', 'not-run', 'waived'] as const;
export type Outcome = (typeof outcomes)[number];

// The descriptions are part of the published schema: `make docs` writes them into report.schema.json.
const finding = z.strictObject({
  message: z.string(),
  file: z.string().describe('Path inside the tree, with /.').optional(),
  line: z.int().positive().optional(),
  fingerprint: z.string().describe('The same for the same fault next week: it does not depend on line numbers.'),
  fix: z.string(),
});

/** What became of one check. */
export const resultSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(['gate', 'drill']),
  severity: z.enum(severities),
  outcome: z.enum(outcomes),
  examined: z.int().nonnegative().describe('How many things of `unit` the check really looked at.'),
  unit: z.string(),
  findings: z.array(finding),
  missing: z.array(z.string()).describe('With not-run: what is absent, and how to get it.').optional(),
  waiver: z
    .strictObject({ reason: z.string(), owner: z.string(), approver: z.string(), expires: z.string() })
    .describe('With waived: who accepts it until when, and why.')
    .optional(),
  facts: z.unknown().describe('What it saw, in a shape of its own. `charts` in it are drawn by the HTML report.'),
  startedAtMs: z.int().nonnegative().describe('When its turn came: milliseconds from the start of the run.'),
  waitedForStackMs: z
    .int()
    .nonnegative()
    .describe('How much of its time it waited for the throwaway stack to come up.')
    .optional(),
  durationMs: z.int().nonnegative(),
  long: z.literal(true).describe('It was looked at in its long form.').optional(),
  covers: z.array(z.string()).describe('Checklist items that a pass answers.'),
  attempts: z
    .array(z.strictObject({ outcome: z.enum(outcomes), message: z.string(), durationMs: z.int().nonnegative() }))
    .describe('Of a gate that looked more than once: what each attempt came to, the last one too.')
    .optional(),
  cached: z
    .strictObject({ key: z.string(), lookedAt: z.string() })
    .describe('Not looked at in this run: a pass of then, and nothing that its key is made of has changed since.')
    .optional(),
  takenUp: z
    .strictObject({ lookedAt: z.string() })
    .describe('Not looked at in this run, but taken up from the evidence of an earlier one, which ended then.')
    .optional(),
});

const count = z.int().nonnegative();

/** What `--reporter json` writes. Its names are a contract. */
export const reportSchema = z.strictObject({
  verdict: z.enum(['GO', 'NO-GO', 'UNKNOWN']),
  exitCode: z.int(),
  profile: z.enum(profiles),
  commit: z.string(),
  dirty: z.boolean(),
  configHash: z.string(),
  startedAt: z.string(),
  finishedAt: z.string(),
  tools: z.record(z.string(), z.string()),
  results: z.array(resultSchema),
  /** Why waivers or sign-offs themselves keep the release back. */
  governance: z.array(z.string()),
  /** What this run did not look at: other profiles' checks, what the command line left out, and what has no object here. */
  leftOut: z.array(
    z.strictObject({
      id: z.string(),
      reason: z.enum(['profile', 'long', 'selection', 'skip', 'tag', 'unchanged', 'not-applicable']),
      because: z.string().describe('With not-applicable: why it has no object in this service.').optional(),
    }),
  ),
  checklist: z.strictObject({
    /** Items of the readiness checklists whose every check was ready in this run. */
    itemsCovered: z.array(z.string()),
    /** How many boxes the documents have, by what answers them. `answered`: their item is covered by this run. */
    boxes: z.strictObject({
      boxes: count,
      answered: count,
      executable: count,
      signOff: count,
      planned: count,
      notApplicable: count,
    }),
    /** In a release: items without an answer, because the check that would give it is only planned. */
    failed: z.array(z.strictObject({ id: z.string(), severity: z.enum(severities), planned: z.string() })),
  }),
});

export type Report = z.output<typeof reportSchema>;
export type CheckResult = z.output<typeof resultSchema>;
export type ReportedFinding = z.output<typeof finding>;
