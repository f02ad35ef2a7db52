import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { allChecks } from '../all.ts';
import { allItems } from '../checklist/items/index.ts';
import { loadConfig } from '../config.ts';
import { UsageError } from '../engine/errors.ts';
import type { Profile, Severity } from '../engine/gate.ts';
import { judge } from '../engine/judge.ts';
import type { Report } from '../engine/report.ts';
import { runChecks } from '../engine/run.ts';
import { select } from '../engine/select.ts';
import { exitCodes } from '../engine/verdict.ts';
import { loadWaivers } from '../engine/waivers.ts';
import { findTools } from '../io/tools.ts';
import { openTree } from '../io/tree.ts';
import { watchLive } from '../reporters/live.ts';
import { type ReporterName, reporterNames, reporters } from '../reporters/reporter.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
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
  const { checks, leftOut } = select(allChecks, { globs, skip: flags.skip, profile: flags.profile });
  const [tree, tools] = [openTree(root), findTools(root)];
  const live = watchLive(checks.length, streams.stderr, wantsColour(streams.stderr));
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
    const report = await judge({ ...run, items: allItems, startedAt, finishedAt: new Date() });
    live.stop();
    await deliver(report, destinations, streams);
    return report.exitCode;
  } finally {
    live.stop();
    await opening?.then(
      (sandbox) => sandbox.close(),
      () => undefined,
    );
    release();
  }
}

interface Destination {
  name: ReporterName;
  /** Absent: stdout. */
  file?: string;
}

/** @throws UsageError for an unknown reporter, or two that both want stdout. */
function parseReporters(specifications: readonly string[]): Destination[] {
  const destinations = specifications.map((specification): Destination => {
    const [name = '', file] = specification.split(/=(.*)/s, 2);
    if (!(reporterNames as string[]).includes(name)) {
      throw new UsageError(
        `there is no reporter ${name}`,
        `These exist: ${reporterNames.join(', ')}. NAME=FILE writes to a file.`,
      );
    }
    return { name: name as ReporterName, ...(file ? { file } : {}) };
  });
  if (destinations.filter(({ file }) => file === undefined).length > 1) {
    throw new UsageError(
      'two reporters want stdout',
      'Give all but one a file: --reporter console --reporter json=report.json',
    );
  }
  return destinations;
}

async function deliver(report: Report, destinations: readonly Destination[], streams: Streams): Promise<void> {
  for (const { name, file } of destinations) {
    const colour = file === undefined && wantsColour(streams.stdout);
    const text = reporters[name](report, colour);
    if (file === undefined) streams.stdout.write(text);
    else await writeFile(file, text);
  }
}
