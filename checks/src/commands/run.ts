import { availableParallelism } from 'node:os';
import { allChecks } from '../all.ts';
import { allItems } from '../checklist/items/index.ts';
import { loadConfig } from '../config.ts';
import type { Check, Profile, Severity } from '../engine/gate.ts';
import { judge } from '../engine/judge.ts';
import type { CheckResult } from '../engine/report.ts';
import { runChecks } from '../engine/run.ts';
import { select } from '../engine/select.ts';
import { exitCodes } from '../engine/verdict.ts';
import { loadWaivers } from '../engine/waivers.ts';
import { readHistory, recordRun } from '../io/history.ts';
import { findTools } from '../io/tools.ts';
import { openTree } from '../io/tree.ts';
import { watchLive } from '../reporters/live.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { earlierResults } from './earlier.ts';
import { checkEvidenceFlags, type EvidenceFlags, keepEvidence } from './evidence.ts';
import { createRedactor } from './redactor.ts';
import { deliver, makeRoom, parseReporters } from './reports.ts';
import { interruptible, type Streams, wantsColour } from './terminal.ts';

export interface RunFlags extends EvidenceFlags {
  config: string;
  profile: Profile;
  skip: string[];
  failOn: Severity;
  /** Empty: the console. */
  reporter: string[];
  concurrency: number;
  timeoutFactor: number;
  /** Evidence of an earlier run, whose passes need not be looked at again. */
  from?: string;
  /** Of that evidence, in milliseconds. */
  maxAge: number;
}

/** A gate waits for other programs more than it computes. */
export const defaultConcurrency = Math.max(2, availableParallelism());

/** Judges, reports, and returns the exit code. */
export async function run(globs: string[], flags: RunFlags, given: Streams): Promise<number> {
  const root = process.cwd();
  const redactor = createRedactor();
  const streams = redactor.guard(given);
  const destinations = parseReporters(flags.reporter.length > 0 ? flags.reporter : ['console']);
  const config = await loadConfig(root, flags.config);
  const waivers = await loadWaivers(root);
  await makeRoom(destinations);
  await checkEvidenceFlags(flags);
  const { checks, leftOut } = select(allChecks, { globs, skip: flags.skip, profile: flags.profile });
  const [tree, tools] = [openTree(root), findTools(root)];
  const earlier = await earlierResults(root, checks, flags, streams);
  const toLookAt = checks.filter(({ id }) => !earlier.has(id));
  const live = watchLive(toLookAt.length, streams.stderr, wantsColour(streams.stderr));
  const complain = (message: string) => live.note(message);
  const startedAt = new Date();
  let opening: Promise<Sandbox> | undefined;
  const { signal, interrupted, release } = interruptible();
  try {
    const openSandbox = () => {
      opening = startSandbox({ config, tree, tools, progress: live.note, made: redactor.add });
      return opening;
    };
    const { concurrency, timeoutFactor } = flags;
    const seen = await runChecks({
      checks: toLookAt,
      config,
      tree,
      tools,
      openSandbox,
      concurrency,
      timeoutFactor,
      signal,
      watcher: live,
    });
    if (interrupted()) return exitCodes.interrupted;
    const results = inOrder(checks, [...earlier.values(), ...seen]);
    const { profile, failOn, config: configFile } = flags;
    const run = { root, tools, configFile, profile, failOn, waivers, all: allChecks, ran: checks, results, leftOut };
    const report = redactor.clean(await judge({ ...run, items: allItems, startedAt, finishedAt: new Date() }));
    live.stop();
    await keepEvidence(root, report, flags, new Map(), streams);
    const history = await readHistory(root, complain);
    const described = new Map(checks.map((check) => [check.id, check]));
    await deliver(report, destinations, { described, history }, streams);
    await recordRun(root, report, complain);
    return report.exitCode;
  } finally {
    live.stop();
    await (await settled(opening))?.close();
    release();
  }
}

function inOrder(checks: readonly Check[], results: readonly CheckResult[]): CheckResult[] {
  const byId = new Map(results.map((result) => [result.id, result]));
  return checks.flatMap(({ id }) => byId.get(id) ?? []);
}

/** A stack that could not be brought up is nobody's to close; the checks that needed it have said why. */
async function settled(opening: Promise<Sandbox> | undefined): Promise<Sandbox | undefined> {
  return opening?.catch(() => undefined);
}
