import { z } from 'zod';
import { findTools } from '../io/tools.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Check } from './gate.ts';
import type { CheckResult } from './report.ts';
import { type RunOptions, runChecks } from './run.ts';
import { disturbs, eachByResource, type Holds, holdsOf } from './schedule.ts';

/** What became of one check under its sabotage. */
export const proofSchema = z.strictObject({
  id: z.string(),
  /** `proven`: red under its sabotage, green after. `unproven`: it stayed green, or did not recover. `not-run`: a need is absent. */
  outcome: z.enum(['proven', 'unproven', 'not-run']),
  reason: z.string(),
  durationMs: z.int().nonnegative(),
});
export type Proof = z.output<typeof proofSchema>;

export interface ProveOptions extends Omit<RunOptions, 'openSandbox'> {
  /** A sandbox on a copy of the tree. A new one is made after a check that did not recover. */
  openScratchSandbox(): Promise<Sandbox>;
  finished(proof: Proof): Promise<void>;
}

/**
 * Breaks the thing that each check guards, in a sandbox on a copy of the tree, and sees the check fire and recover. At most
 * `concurrency` at once, each in a sandbox of its own; those that measure or disturb have the machine for themselves, at last.
 */
export async function proveChecks(options: ProveOptions): Promise<Proof[]> {
  const proofs = new Map<string, Proof>();
  const idle: Sandbox[] = [];
  const proveOne = async (check: Check) => {
    options.signal.throwIfAborted();
    const startedAt = performance.now();
    const sandbox = idle.pop() ?? (await options.openScratchSandbox());
    try {
      const { outcome, reason } = await prove(check, sandbox, options);
      // What an interruption has cut short says nothing of the check.
      options.signal.throwIfAborted();
      const proof = { id: check.id, outcome, reason, durationMs: Math.round(performance.now() - startedAt) };
      proofs.set(check.id, proof);
      await options.finished(proof);
      if (outcome !== 'unproven') idle.push(sandbox);
    } finally {
      if (!idle.includes(sandbox)) await sandbox.close();
    }
  };
  const disturbing = options.checks.filter(disturbs);
  const quiet = options.checks.filter((check) => !disturbs(check));
  try {
    await eachByResource([...quiet, ...disturbing], options.concurrency, withoutTarget, proveOne);
  } finally {
    await Promise.all(idle.map((sandbox) => sandbox.close()));
  }
  return options.checks.flatMap(({ id }) => proofs.get(id) ?? []);
}

/** Each has a target of its own here. */
function withoutTarget(check: Check): Holds {
  return new Map([...holdsOf(check)].filter(([name]) => name !== 'target'));
}

async function prove(
  check: Check,
  sandbox: Sandbox,
  options: ProveOptions,
): Promise<Pick<Proof, 'outcome' | 'reason'>> {
  try {
    const red = await prepared(check, sandbox, async () => {
      const undo = await check.sabotage(sandbox);
      try {
        return await lookOnce(check, sandbox, options);
      } finally {
        await undo?.();
      }
    });
    if (red.outcome === 'not-run') return { outcome: 'not-run', reason: (red.missing ?? []).join('; ') };
    if (red.outcome !== 'fail') {
      return { outcome: 'unproven', reason: `sabotaged, it said ${red.outcome}${detail(red)}` };
    }
    const green = await prepared(check, sandbox, () => lookOnce(check, sandbox, options));
    if (green.outcome !== 'pass') {
      return { outcome: 'unproven', reason: `after the undo it said ${green.outcome}${detail(green)}` };
    }
    return { outcome: 'proven', reason: red.findings[0]?.message ?? '' };
  } catch (error) {
    return { outcome: 'unproven', reason: `its sabotage broke: ${(error as Error).message}` };
  }
}

/** Looks at a sandbox that has what the check is about, and leaves the scratch tree as it was. */
async function prepared<T>(check: Check, sandbox: Sandbox, look: () => Promise<T>): Promise<T> {
  const putBack = await check.prepare?.(sandbox);
  try {
    return await look();
  } finally {
    await putBack?.();
    await sandbox.scratch.restore();
  }
}

/** The name under which a check that looks at a named target finds the sandbox, when its `prepare` has described it. */
export const sandboxTarget = 'sandbox';

async function lookOnce(check: Check, sandbox: Sandbox, options: ProveOptions): Promise<CheckResult> {
  const tools = findTools(sandbox.scratch.root);
  // The configuration is the sandbox's: a sabotage may break a promise that is made there.
  const own = { targetName: sandboxTarget, breakName: sandboxTarget };
  const around = { ...options, ...own, config: sandbox.config, tree: sandbox.scratch, tools, checks: [check] };
  const [result] = await runChecks({ ...around, openSandbox: async () => sandbox });
  if (!result) throw new Error(`${check.id} gave no result`);
  return result;
}

function detail({ findings }: CheckResult): string {
  const [first] = findings;
  return first ? `: ${first.message}` : '';
}
