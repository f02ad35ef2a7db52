import { availableParallelism } from 'node:os';
import { allChecks } from '../all.ts';
import { allItems } from '../checklist/items/index.ts';
import { loadConfig } from '../config.ts';
import type { Profile, Severity } from '../engine/gate.ts';
import { judge } from '../engine/judge.ts';
import { redact } from '../engine/redact.ts';
import { runChecks } from '../engine/run.ts';
import { select } from '../engine/select.ts';
import { exitCodes } from '../engine/verdict.ts';
import { loadWaivers } from '../engine/waivers.ts';
import { readHistory, recordRun } from '../io/history.ts';
import { findTools } from '../io/tools.ts';
import { openTree } from '../io/tree.ts';
import { watchLive } from '../reporters/live.ts';
import { type Sandbox, secretsOf, startSandbox } from '../sandbox/sandbox.ts';
import { deliver, makeRoom, parseReporters } from './reports.ts';
import { interruptible, type Streams, wantsColour } from './terminal.ts';

export interface RunFlags {
  config: string;
  profile: Profile;
  skip: string[];
  failOn: Severity;
  /** Empty: the console. */
  reporter: string[];
  concurrency: number;
  timeoutFactor: number;
}

/** A gate waits for other programs more than it computes. */
export const defaultConcurrency = Math.max(2, availableParallelism());

/** Judges, reports, and returns the exit code. */
export async function run(globs: string[], flags: RunFlags, streams: Streams): Promise<number> {
  const root = process.cwd();
  const destinations = parseReporters(flags.reporter.length > 0 ? flags.reporter : ['console']);
  const config = await loadConfig(root, flags.config);
  const waivers = await loadWaivers(root);
  await makeRoom(destinations);
  const { checks, leftOut } = select(allChecks, { globs, skip: flags.skip, profile: flags.profile });
  const [tree, tools] = [openTree(root), findTools(root)];
  const live = watchLive(checks.length, streams.stderr, wantsColour(streams.stderr));
  const complain = (message: string) => live.note(message);
  const startedAt = new Date();
  let opening: Promise<Sandbox> | undefined;
  const { signal, interrupted, release } = interruptible();
  try {
    const openSandbox = () => {
      opening = startSandbox({ config, tree, tools, progress: live.note });
      return opening;
    };
    const { concurrency, timeoutFactor } = flags;
    const results = await runChecks({
      checks,
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
    const { profile, failOn, config: configFile } = flags;
    const run = { root, tools, configFile, profile, failOn, waivers, all: allChecks, ran: checks, results, leftOut };
    const secrets = secretsOf(await settled(opening));
    const report = redact(await judge({ ...run, items: allItems, startedAt, finishedAt: new Date() }), secrets);
    live.stop();
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

/** A stack that could not be brought up is nobody's to close; the checks that needed it have said why. */
async function settled(opening: Promise<Sandbox> | undefined): Promise<Sandbox | undefined> {
  return opening?.catch(() => undefined);
}
