import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { allChecks } from '../all.ts';
import { allItems } from '../checklist/items/index.ts';
import { type Config, loadConfig, pointAt } from '../config.ts';
import type { Check, Profile } from '../engine/gate.ts';
import { judge } from '../engine/judge.ts';
import { setAside } from '../engine/not-applicable.ts';
import type { CheckResult } from '../engine/report.ts';
import { runChecks } from '../engine/run.ts';
import { concernedBy, type Selection, select } from '../engine/select.ts';
import type { Severity } from '../engine/severity.ts';
import { exitCodes } from '../engine/verdict.ts';
import { loadWaivers, waiverAuthors } from '../engine/waivers.ts';
import { configFilesOf } from '../io/config-files.ts';
import { takeBackWhatIsLeft } from '../io/drill-journal.ts';
import { readHistory, recordRun } from '../io/history.ts';
import { proofsOfTree } from '../io/prove-journal.ts';
import { openCache } from '../io/result-cache.ts';
import { findTools } from '../io/tools.ts';
import { changedSince, openTree } from '../io/tree.ts';
import { checksOf } from '../plugins.ts';
import { watchLive } from '../reporters/live.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { earlierResults } from './earlier.ts';
import { checkEvidenceFlags, type EvidenceFlags, keepEvidence } from './evidence.ts';
import { createRedactor } from './redactor.ts';
import { deliver, makeRoom, parseReporters } from './reports.ts';
import { signedOffFor } from './signed-off.ts';
import { interruptible, type Streams, wantsColour } from './terminal.ts';

export interface RunFlags extends EvidenceFlags {
  config: string;
  profile: Profile;
  skip: string[];
  failOn: Severity;
  /** Of `targets`. Absent: `production`, where there is one. */
  target?: string;
  /** Empty: the console. */
  reporter: string[];
  concurrency: number;
  timeoutFactor: number;
  tag: string[];
  /** What takes minutes takes part, and drills take their long forms. */
  long: boolean;
  /** The target's name once more: faults may be struck there. */
  break?: string;
  /** A commit, or true: the one that is checked out. Absent: whether something has changed does not matter. */
  changed?: string | true;
  /** False: every check is looked at, whatever is kept of earlier runs. */
  cache: boolean;
  /** Evidence of an earlier run, whose passes need not be looked at again. */
  from?: string;
  /** Of that evidence, in milliseconds. */
  maxAge: number;
}

/** A gate waits for other programs more than it computes: one more than there are processors keeps these at work. */
export const defaultConcurrency = availableParallelism() + 1;

/** Judges, reports, and returns the exit code. */
export async function run(globs: string[], flags: RunFlags, given: Streams): Promise<number> {
  const root = process.cwd();
  const redactor = createRedactor();
  const streams = redactor.guard(given);
  const destinations = parseReporters(flags.reporter.length > 0 ? flags.reporter : ['console']);
  const config = pointAt(await loadConfig(root, flags.config), flags.target);
  redactor.add(
    Object.values(config.targets).flatMap(({ keys }) => Object.values(keys).filter((key) => key !== undefined)),
  );
  const waivers = await loadWaivers(root);
  await makeRoom(destinations);
  await checkEvidenceFlags(flags);
  await takeBackWhatIsLeft(root, (message) => streams.stderr.write(`${message}\n`));
  const { skip, profile, tag: tags, long } = flags;
  const all = await checksOf(root, config);
  const concerns = await concernedChecks(root, config, flags);
  const selected = select(all, { globs, skip, profile, tags, long, ...concerns });
  const { checks, leftOut } = setAside(selected, all, config);
  const [tree, tools] = [openTree(root), findTools(root)];
  const earlier = await earlierResults(root, checks, flags, streams);
  const toLookAt = checks.filter(({ id }) => !earlier.has(id));
  const live = watchLive(toLookAt.length, streams.stderr, wantsColour(streams.stderr));
  const complain = (message: string) => live.note(message);
  const startedAt = new Date();
  const openings: Promise<Sandbox>[] = [];
  const { signal, interrupted, release } = interruptible();
  try {
    const openSandbox = () => {
      const opening = startSandbox({ config, tree, tools, progress: live.note, made: redactor.add });
      openings.push(opening);
      return opening;
    };
    const { concurrency, timeoutFactor } = flags;
    const kept = { sources: [sourceDirectory], own: allChecks, clean: redactor.clean, now: () => new Date() };
    const seen = await runChecks({
      checks: toLookAt,
      config,
      tree,
      tools,
      openSandbox,
      concurrency,
      timeoutFactor,
      long,
      targetName: flags.target,
      breakName: flags.break,
      signal,
      watcher: live,
      // A release is looked at, whatever earlier runs have seen; evidence that verify accepts is the way to spare it.
      cache: flags.cache && profile !== 'release' ? openCache({ ...kept, config, tree, tools }) : undefined,
    });
    if (interrupted()) return exitCodes.interrupted;
    const results = inOrder(checks, [...earlier.values(), ...seen]);
    const { failOn, config: configFile } = flags;
    const ledger = { waivers, governance: config.governance, authorsOf: await waiverAuthors(root, waivers) };
    const signedOff = await signedOffFor(profile, root, config, failOn);
    const people = signedOff === undefined ? ledger : { ...ledger, signedOff };
    const run = { root, tools, configFile, profile, failOn, ...people, all, ran: checks, results, leftOut };
    const report = redactor.clean(await judge({ ...run, items: allItems, startedAt, finishedAt: new Date() }));
    live.stop();
    const proofs = await proofsOfTree(tree);
    await keepEvidence(root, report, flags, new Map(proofs === undefined ? [] : [['proofs.json', proofs]]), streams);
    const history = await readHistory(root, complain);
    const described = new Map(checks.map((check) => [check.id, check]));
    await deliver(report, destinations, { described, history }, streams);
    await recordRun(root, report, complain);
    return report.exitCode;
  } finally {
    live.stop();
    await Promise.all(openings.map(closeWhenSettled));
    release();
  }
}

/** The checks' own code, by which an answer that is kept is known to be of the same question. */
const sourceDirectory = join(import.meta.dirname, '..');

/** With `--changed`: what concerns what has changed. */
async function concernedChecks(
  root: string,
  config: Config,
  { changed, config: configFile }: RunFlags,
): Promise<Pick<Selection, 'concerns'>> {
  if (changed === undefined) return {};
  const paths = await changedSince(root, changed === true ? 'HEAD' : changed);
  const own = relative(root, sourceDirectory);
  const everything = [...(await configFilesOf(root, configFile)), ...(own.startsWith('..') ? [] : [`${own}/**`])];
  return { concerns: concernedBy(paths, everything, config) };
}

function inOrder(checks: readonly Check[], results: readonly CheckResult[]): CheckResult[] {
  const byId = new Map(results.map((result) => [result.id, result]));
  return checks.flatMap(({ id }) => byId.get(id) ?? []);
}

/** A stack that could not be brought up is nobody's to close; the checks that needed it have said why. */
async function closeWhenSettled(opening: Promise<Sandbox>): Promise<void> {
  const sandbox = await opening.catch(() => undefined);
  await sandbox?.close();
}
