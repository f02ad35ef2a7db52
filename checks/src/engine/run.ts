import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { defaultTarget, partOf } from '../config.ts';
import { takeBack, writeDown } from '../io/drill-journal.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Cache } from './cache.ts';
import { nothingCleared } from './cleared-files.ts';
import { type Context, createContext } from './context.ts';
import { type Check, type Drill, type Finding, hasLongForm, type Observation } from './gate.ts';
import { missingNeeds, needStack, type Surroundings } from './needs.ts';
import { findingsOfPages, recoveryOf, timesFollowed } from './recover.ts';
import type { CheckResult, ReportedFinding } from './report.ts';
import { disturbs, eachByResource, holdsOf, ownResources, wantsAnyStack } from './schedule.ts';

/** Whoever watches a run while it goes on. */
export interface Watcher {
  started(check: Check): void;
  progress(check: Check, message: string): void;
  finished(check: Check, result: CheckResult): void;
}

export interface RunOptions extends Surroundings {
  checks: readonly Check[];
  /** Brings up a stack; called only when a check needs one, and once more when two can be disturbed side by side. */
  openSandbox(): Promise<Sandbox>;
  concurrency: number;
  timeoutFactor: number;
  signal: AbortSignal;
  watcher: Watcher;
  /** `--long`: checks with a long form take it. Default: false. */
  long?: boolean;
  /** Of the environment that is `config.target`. Default: `production`. */
  targetName?: string | undefined;
  /** `--break`: the name of the target on which faults may be struck, as it was typed. */
  breakName?: string | undefined;
  /** Absent: every check is looked at. */
  cache?: Cache | undefined;
}

const defaultTimeoutMs = 30_000;
/** A drill waits more than it computes, but for bounds of milliseconds: more at once would strike one another's measures. */
const stacksAtOnce = 2;

/**
 * Looks at everything, in the order of the list: checks that disturb nobody side by side, then each that measures alone, and
 * at last those that disturb their stack, the drills among them, each on a stack that no other uses meanwhile.
 * Never throws for what a check does: that is its outcome.
 */
export async function runChecks(options: RunOptions): Promise<CheckResult[]> {
  const turns: Turns = { openOnce: once(options.openSandbox), runStartedAt: performance.now() };
  const results = new Map<string, CheckResult>();
  const examineInto = async (check: Check, { openOnce }: Pick<Turns, 'openOnce'> = turns) => {
    options.watcher.started(check);
    const result = await examineOrRecall(check, options, { ...turns, openOnce });
    results.set(check.id, result);
    options.watcher.finished(check, result);
  };
  const disturbing = options.checks.filter(wantsAnyStack);
  const measuring = options.checks.filter((check) => disturbs(check) && !wantsAnyStack(check));
  const quiet = options.checks.filter((check) => !disturbs(check));
  await eachByResource([...quiet, ...measuring], options.concurrency, holdsOf, (check) => examineInto(check));
  const atOnce = Math.min(stacksAtOnce, options.concurrency, disturbing.length);
  // The first goes on with the stack that is there; another is brought up while it does.
  const idle = [turns, ...Array.from({ length: atOnce - 1 }, () => ({ openOnce: once(options.openSandbox) }))];
  await eachByResource(disturbing, atOnce, ownResources, async (check) => {
    const stack = idle.shift() ?? turns;
    await examineInto(check, stack);
    idle.push(stack);
  });
  return options.checks.flatMap(({ id }) => results.get(id) ?? []);
}

/** A pass of an earlier run, where nothing has changed since; else a look. Only a pass is kept. */
async function examineOrRecall(check: Check, options: RunOptions, turns: Turns): Promise<CheckResult> {
  const startedAt = performance.now();
  const { cache } = options;
  const key = await cache?.keyOf(check);
  const kept = key === undefined ? undefined : await cache?.find(key);
  if (key === undefined || !kept) {
    const result = await examineAgain(check, options, turns);
    if (key !== undefined && result.outcome === 'pass') await cache?.keep(key, result);
    return result;
  }
  const times = {
    startedAtMs: Math.round(startedAt - turns.runStartedAt),
    durationMs: Math.round(performance.now() - startedAt),
  };
  return { ...kept.result, ...times, cached: { key, lookedAt: kept.lookedAt } };
}

/** As often as the gate says, until it passes. What it came to is the last attempt; all of them are told. */
async function examineAgain(check: Check, options: RunOptions, turns: Turns): Promise<CheckResult> {
  const times = check.kind === 'gate' ? (check.retry?.times ?? 0) : 0;
  const attempts: NonNullable<CheckResult['attempts']> = [];
  for (;;) {
    const result = await examine(check, options, turns);
    const { outcome, findings, durationMs } = result;
    attempts.push({ outcome, message: findings[0]?.message ?? '', durationMs });
    const settled = outcome === 'pass' || outcome === 'not-run' || options.signal.aborted;
    if (settled || attempts.length > times) return attempts.length > 1 ? { ...result, attempts } : result;
  }
}

/** What all checks of one run share. */
interface Turns {
  openOnce(): Promise<Sandbox>;
  /** By the monotonic clock, in milliseconds. */
  runStartedAt: number;
}

async function examine(check: Check, options: RunOptions, { openOnce, runStartedAt }: Turns): Promise<CheckResult> {
  const startedAt = performance.now();
  let waited: Pick<CheckResult, 'waitedForStackMs'> = {};
  const { id, kind, severity, unit, covers } = check;
  const conclude = (rest: Partial<CheckResult> & Pick<CheckResult, 'outcome'>): CheckResult => ({
    ...{ id, kind, severity, examined: 0, unit, findings: [], facts: null },
    ...rest,
    startedAtMs: Math.round(startedAt - runStartedAt),
    ...waited,
    ...(options.long && hasLongForm(check) ? { long: true as const } : {}),
    durationMs: Math.round(performance.now() - startedAt),
    covers: [...covers],
  });
  try {
    // After an interruption nothing is begun any more: no stack, no look, and above all no drill.
    options.signal.throwIfAborted();
    const missing = await missingNeeds(check.needs, options);
    if (missing.length > 0) return conclude({ outcome: 'not-run', missing });
    const askedAt = performance.now();
    const sandbox = needStack(check.needs) ? await openOnce() : undefined;
    if (sandbox) waited = { waitedForStackMs: Math.round(performance.now() - askedAt) };
    const { examined, facts, ofPages = [] } = await lookInTime(check, options, sandbox);
    if (!(examined > 0)) throw new Error(`it examined no ${unit}: a gate that looked at nothing has no verdict`);
    const findings = [...check.judge(facts), ...ofPages].map((finding) => reported(check, finding));
    return conclude({ outcome: findings.length > 0 ? 'fail' : 'pass', examined, findings, facts });
  } catch (error) {
    return conclude({ outcome: 'error', findings: [couldNotLook(check, error)] });
  }
}

/** What a check saw, and of a drill what is wrong with the runbook page that it followed. */
interface Looked extends Observation<unknown> {
  ofPages?: Finding[];
}

/** @throws when the check's time is up or the run is interrupted; whatever the check had started is told to end. */
async function lookInTime(check: Check, options: RunOptions, sandbox: Sandbox | undefined): Promise<Looked> {
  const { long = false } = options;
  const ownLimitMs = (long ? check.longTimeoutMs : undefined) ?? check.timeoutMs ?? defaultTimeoutMs;
  const limitMs = ownLimitMs * options.timeoutFactor;
  const timeUp = new AbortController();
  const timer = setTimeout(() => timeUp.abort(new Error(`it was not done after ${limitMs / 1000} s`)), limitMs);
  const signal = AbortSignal.any([options.signal, timeUp.signal]);
  const progress = (message: string) => options.watcher.progress(check, message);
  const cleared = options.cache?.clearedBy(check) ?? nothingCleared;
  const context = createContext({ ...options, long, sandbox, cleared, signal, progress });
  try {
    const work = check.kind === 'drill' ? carryOut(check, context, options) : check.observe(context);
    return await untilAborted(work, signal);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What keeps faults from the drill's target. The throwaway stack is ours to break. Any other must be marked as safe to break,
 * and whoever runs the drill must have typed its name.
 */
function refusalToBreak(drill: Drill, context: Context, options: RunOptions): string | undefined {
  const { targetName = defaultTarget, breakName } = options;
  const elsewhere = drill.needs.includes('config:target');
  const name = elsewhere ? targetName : context.target.name;
  const { safeToBreak } = elsewhere ? partOf(context.config, 'target') : context.target;
  if (!safeToBreak) return `the target ${name} is not marked as safe to break`;
  if (elsewhere && breakName !== name) return `${name} is broken only when its name is typed: --break ${name}`;
  return undefined;
}

/**
 * Steady state → fault → observe → recovery by the runbook's page → undo → steady state. The undo is done whatever happened before
 * it: it is the net below the page, on which whoever is on call has to be able to rely.
 */
async function carryOut(drill: Drill, context: Context, options: RunOptions): Promise<Looked> {
  const refusal = refusalToBreak(drill, context, options);
  if (refusal !== undefined) throw new Error(refusal);
  await drill.steadyState(context);
  const undo = drill.undoCommands?.(context) ?? [];
  const { targetName: target = defaultTarget } = options;
  const forget = undo.length > 0 ? writeDown(context.tree.root, { drill: drill.id, target, undo }) : () => undefined;
  const recovery = recoveryOf(context, drill.id);
  let seen: Awaited<ReturnType<Drill['strike']>>;
  try {
    seen = await drill.strike(context, recovery);
    const follows = drill.needs.includes('sandbox') && recovery.followed.length === 0;
    if (follows) await recovery.byThePage(async () => undefined);
  } finally {
    await takeBack(context.tree.root, undo);
    await drill.undo(context);
    forget();
  }
  await drill.steadyState(context);
  if (!(seen.struckInFlight > 0)) throw new Error('its fault struck while no work was in flight: it proves nothing');
  const { followed } = recovery;
  const facts = {
    struckInFlight: seen.struckInFlight,
    ...(followed.length > 0 ? { pages: timesFollowed(followed) } : {}),
  };
  return {
    examined: seen.examined,
    facts: { ...facts, ...(seen.facts as object) },
    ofPages: findingsOfPages(followed, drill.id),
  };
}

function reported(check: Check, finding: Finding): ReportedFinding {
  const { message, file, line, identity = message, fix = check.fix } = finding;
  const fingerprint = createHash('sha256')
    .update([check.id, file ?? '', identity].join('\n'))
    .digest('hex')
    .slice(0, 16);
  return {
    message,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    fingerprint,
    fix,
  };
}

function couldNotLook(check: Check, error: unknown): ReportedFinding {
  const message = error instanceof Error ? error.message : String(error);
  return reported(check, {
    message: `could not finish looking: ${message}`,
    fix: `Mend what kept the gate from looking, then run it alone: npx preflight run ${check.id}`,
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** What an aborted check may take to put back what it had stopped or changed, before the next one looks at the same target. */
const tidyUpMs = 10_000;

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => {
    const tidied = work.then(
      () => undefined,
      () => undefined,
    );
    void Promise.race([tidied, delay(tidyUpMs, undefined, { ref: false })]).then(() => aborted.reject(signal.reason));
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
