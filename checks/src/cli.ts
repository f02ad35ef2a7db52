#!/usr/bin/env node
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { sources } from './checklist/read.ts';
import { type ChecklistFlags, checklist } from './commands/checklist.ts';
import { type Completable, completion, type Shell, shells } from './commands/completion.ts';
import { type DueFlags, due } from './commands/due.ts';
import { explain } from './commands/explain.ts';
import { type InitFlags, init } from './commands/init.ts';
import { list } from './commands/list.ts';
import { newGate } from './commands/new-gate.ts';
import { prove } from './commands/prove.ts';
import { createRedactor } from './commands/redactor.ts';
import { defaultConcurrency, type RunFlags, run } from './commands/run.ts';
import { type SandboxFlags, sandbox } from './commands/sandbox.ts';
import { type SignFlags, sign } from './commands/sign.ts';
import type { Streams } from './commands/terminal.ts';
import { type VerifyFlags, verify } from './commands/verify.ts';
import { type WaiveFlags, waive } from './commands/waive.ts';
import { type WatchFlags, watch } from './commands/watch.ts';
import { profiles } from './engine/gate.ts';
import { severities } from './engine/severity.ts';
import { exitCodes } from './engine/verdict.ts';
import { UsageError } from './errors.ts';
import { reporterNames } from './reporters/reporter.ts';

const streams: Streams = { stdout: process.stdout, stderr: process.stderr };

// A reader that goes away (`preflight run | head`) must not keep the run from ending what it started.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const exitCodeHelp = `
Exit codes: 0 GO · 1 NO-GO (a gate failed) · 2 usage or configuration · 3 UNKNOWN (a blocker could not be judged)
            4 governance (waivers or sign-offs keep the release back) · 130 interrupted
Each option can be given by PREFLIGHT_<OPTION> too; a flag outweighs it.`;

const checklistExitCodeHelp = `
Exit codes: 0 · 1 --uncovered found a box · 2 usage`;
const dueExitCodeHelp = `
Exit codes: 0 nothing is overdue · 1 something is · 2 usage or configuration`;
const verifyExitCodeHelp = `
Exit codes: 0 accepted · 2 usage · 4 refused, with every reason`;
const ledgerExitCodeHelp = `
Exit codes: 0 written · 2 usage · 4 refused, with every reason; nothing is written`;

const sandboxHelp = `
A command finds the stack by BASE_URL, DATABASE_URL, REDIS_URL, OPERATOR_API_KEY and WRITER_KEYS (separated by commas):
  npx preflight sandbox -- sh -c 'psql "$DATABASE_URL"'`;

function program(): Command {
  const root = new Command('preflight')
    .description('May this release go live? Looks, shows what it saw, and says GO, NO-GO or UNKNOWN.')
    .showHelpAfterError('(preflight --help shows all commands)')
    .addHelpText('after', exitCodeHelp)
    .exitOverride();
  const finish = async (code: Promise<number> | number) => {
    process.exitCode = await code;
  };

  root
    .command('run [globs...]')
    .description('judge: all of a profile, or the gates that the globs name')
    .addOption(configOption())
    .addOption(
      env('--profile <name>', 'static reads files only; commit adds a throwaway stack; release adds a real target')
        .choices(profiles)
        .default('commit'),
    )
    .addOption(env('--target <name>', 'which of the configured targets a release asks (default: production)'))
    .addOption(
      env('--skip <glob>', 'leave these out; the verdict says so (may be given again)').argParser(collect).default([]),
    )
    .addOption(
      env('--tag <tag>', 'only what has it: an area, gate, drill, a severity, or a tag (may be given again)')
        .argParser(collect)
        .default([]),
    )
    .addOption(longOption())
    // Not from the environment: whoever strikes a fault types where.
    .option('--break <name>', 'strike faults on that target: its name, typed again')
    .addOption(
      env('--changed [base]', 'only what depends on files that differ from a commit (default: the one checked out)'),
    )
    .addOption(
      env('--fail-on <severity>', 'the least severity that stops a release').choices(severities).default('blocker'),
    )
    .addOption(
      env('--reporter <name[=file]>', `${reporterNames.join(', ')} (may be given again)`)
        .argParser(collect)
        .default([], 'console'),
    )
    .addOption(
      env('--concurrency <n>', 'how many gates look at once').argParser(positiveInteger).default(defaultConcurrency),
    )
    .addOption(timeoutFactorOption())
    .addOption(env('--no-cache', 'look again at gates whose files have not changed since they passed'))
    .addOption(env('--evidence <dir>', 'where all that was seen goes (default: a new one in .preflight/evidence)'))
    .addOption(env('--sign-key <file>', 'an SSH key that signs the evidence'))
    .addOption(
      env(
        '--from <dir>',
        'take up what an earlier run of this commit saw, if verify accepts it, instead of looking again',
      ),
    )
    .addOption(maxAgeOption())
    .addHelpText('after', exitCodeHelp)
    .action((globs: string[], flags: RunFlags) => finish(run(globs, flags, streams)));
  root
    .command('list')
    .description('every gate and drill')
    .addOption(configOption())
    .option('--json', 'as an array of objects')
    .action((flags: { json?: boolean; config: string }) => finish(list(flags, streams)));
  root
    .command('explain <id>')
    .description('why a gate is there, and what to do when it is red')
    .addOption(configOption())
    .action((id: string, flags: { config: string }) => finish(explain(id, flags, streams)));
  root
    .command('checklist')
    .description('what the five readiness checklists ask, and what answers each box')
    .option('--json', 'one entry for each box, with its place, text, severity and answer')
    .addOption(new Option('--source <name>', 'of one document only').choices(sources))
    .option('--uncovered', 'only the boxes that nothing answers: there should be none')
    .addHelpText('after', checklistExitCodeHelp)
    .action((flags: ChecklistFlags) => finish(checklist(flags, streams)));
  root
    .command('prove [globs...]')
    .description('sabotage what each gate guards, in a throwaway copy: it must go red, then green again')
    .addOption(configOption())
    .addOption(timeoutFactorOption())
    .addOption(env('--concurrency <n>', 'how many stacks are broken at once').argParser(positiveInteger).default(1))
    .addOption(longOption())
    .addOption(env('--resume', 'leave out what is proven of this very tree already'))
    .action((globs: string[], flags) => finish(prove(globs, flags, streams)));
  root
    .command('verify <dir>')
    .description('accept or refuse the evidence of a run')
    .addOption(configOption())
    .addOption(env('--commit <sha>', 'what it has to be about (default: the commit that is checked out)'))
    .addOption(maxAgeOption())
    // Not from the environment: what is set there for runs would lower what is asked of their evidence.
    .addOption(new Option('--profile <name>', 'the narrowest that will do').choices(profiles).default('commit'))
    .addOption(env('--require-signature', 'refuse what nobody in preflight.signers has signed'))
    .addHelpText('after', verifyExitCodeHelp)
    .action((directory: string, flags: VerifyFlags) => finish(verify(directory, flags, streams)));
  root
    .command('sign <item>')
    .description('sign an item of the checklists off with your SSH key')
    .addOption(configOption())
    .option('--role <name>', 'as which you sign (default: the one that is asked)')
    .option('--who <name>', 'your name in preflight.signers')
    .option('--evidence <what>', 'a path in the tree, an https address, or sha256: and a digest')
    .option('--key <file>', 'your SSH key')
    .option('--expires <date>', 'the last day on which it holds (default: it is about this commit)')
    .addHelpText('after', ledgerExitCodeHelp)
    .action((item: string, flags: SignFlags) => finish(sign(item, flags, streams)));
  root
    .command('waive <gate>')
    .description('accept what a gate finds, for a while')
    .addOption(configOption())
    .option('--fingerprint <hash>', 'of one finding (default: all that the gate finds)')
    .option('--reason <text>', 'why it may be so for a while')
    .option('--owner <name>', 'who mends it')
    .option('--approver <name>', 'who else accepts it')
    .addOption(new Option('--days <n>', 'for how long (default: as long as the configuration lets it)').argParser(days))
    .addHelpText('after', ledgerExitCodeHelp)
    .action((gate: string, flags: WaiveFlags) => finish(waive(gate, flags, streams)));
  root
    .command('due')
    .description('which maintenance is due, what is overdue first')
    .addOption(configOption())
    .option('--json', 'one entry for each task, with what last showed that it was done')
    .addHelpText('after', dueExitCodeHelp)
    .action((flags: DueFlags) => finish(due(flags, streams)));
  root
    .command('sandbox [command...]')
    .description('the throwaway stack, left running; with `-- COMMAND` for as long as that runs')
    .addOption(configOption())
    .option('--json', 'addresses and keys as one line of JSON')
    .addHelpText('after', sandboxHelp)
    .action((command: string[], flags: SandboxFlags) => finish(sandbox(command, flags, streams)));
  root
    .command('watch <globs...>')
    .description('run gates now, and again whenever a file has changed: for whoever writes one')
    .addOption(configOption())
    .addOption(new Option('--profile <name>', 'as in run').choices(profiles).default('commit'))
    .action((globs: string[], flags: WatchFlags) => finish(watch(globs, flags, streams)));
  root
    .command('completion')
    .description("a script that completes preflight's words")
    .addArgument(new Argument('<shell>').choices(shells))
    .action((shell: Shell) => finish(completion(shell, root.commands.map(completable), streams)));
  root
    .command('init')
    .description('a configuration for this repository, from what it shows')
    .addOption(configOption())
    .option('--force', 'write over one that is there')
    .action((flags: InitFlags) => finish(init(flags, streams)));
  root
    .command('new')
    .description('begin a new gate')
    .command('gate <area/statement>')
    .description('a file, its samples and its place in the index')
    .action((id: string) => finish(newGate(id, streams)));
  return root;
}

function completable(command: Command): Completable {
  const options = command.options.map(({ long, description, argChoices = [] }) => {
    return { flag: long ?? '', description, choices: argChoices };
  });
  const name = command.name();
  return {
    name,
    description: command.description(),
    options,
    takesIds: ['run', 'explain', 'prove', 'watch'].includes(name),
  };
}

/** An option that the environment can give too. */
function env(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`PREFLIGHT_${option.name().replaceAll('-', '_').toUpperCase()}`);
}

function configOption(): Option {
  return env('--config <file>', 'what the target is, and what it promises').default('preflight.config.ts');
}

function timeoutFactorOption(): Option {
  return env('--timeout-factor <x>', 'multiplies every time limit, for a slower machine')
    .argParser(positiveNumber)
    .default(1);
}

function longOption(): Option {
  return env('--long', 'what takes minutes takes part, and drills take their long forms').default(false);
}

function maxAgeOption(): Option {
  return env('--max-age <duration>', 'how old evidence may be: 90m, 24h, 7d')
    .argParser(duration)
    .default(24 * hourMs, '24h');
}

const hourMs = 3_600_000;
const unitsMs: Record<string, number> = { m: hourMs / 60, h: hourMs, d: 24 * hourMs };

/** In milliseconds. */
function duration(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? [];
  const unitMs = unitsMs[unit];
  if (unitMs === undefined) throw new InvalidArgumentError('minutes, hours or days are wanted: 90m, 24h, 7d.');
  return Number(count) * unitMs;
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 64)
    throw new InvalidArgumentError('a whole number from 1 to 64 is wanted.');
  return value;
}

function days(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 30)
    throw new InvalidArgumentError('a whole number from 1 to 30 is wanted.');
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100)) throw new InvalidArgumentError('a number above 0 and up to 100 is wanted.');
  return value;
}

/** Whatever ends the program early: the caller's mistake is 2, and a fault of our own is never mistaken for a verdict. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  const { stderr } = createRedactor().guard(streams);
  if (error instanceof UsageError) {
    stderr.write(`preflight: ${error.message}\n${error.suggestion}\n`);
    return exitCodes.usage;
  }
  const { message = String(error), stack } = error instanceof Error ? error : {};
  stderr.write(`preflight: ${message}\n${process.env.PREFLIGHT_DEBUG ? stack : 'PREFLIGHT_DEBUG=1 shows where.'}\n`);
  return exitCodes.unknown;
}

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
