import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Context } from '../../engine/context.ts';
import { type ExecResult, lastLines } from '../../io/exec.ts';

/** One place where gitleaks sees a secret. The secret itself is in none of the fields. */
export interface Leak {
  rule: string;
  description: string;
  file: string;
  line: number;
  endLine: number;
  /** The empty strings where no history was looked at. */
  commit: string;
  author: string;
  date: string;
}

/** Files that gitleaks did not read, by its own reason. */
export interface Skipped {
  reason: string;
  files: string[];
}

export interface Scan {
  leaks: Leak[];
  /** What gitleaks says that it read. */
  bytes: number;
  /** Commits whose patch it read; undefined for a directory. */
  commits: number | undefined;
  /** What it passed over: single files, and directories whose whole content it left out. */
  skipped: { path: string; reason: string; directory: boolean }[];
}

/** Its exit code for leaks is set apart from 1, which it uses for its own failures too (gitleaks#1439). */
const leakExitCode = 77;
const archiveDepth = 2;

/** What holds for every scan: nothing of the secrets is printed, and no comment in the tree silences a rule. */
const commonArguments = [
  ...['--report-format', 'json', '--report-path', '-', '--redact=100', '--exit-code', String(leakExitCode)],
  ...['--ignore-gitleaks-allow', '--max-archive-depth', String(archiveDepth)],
  ...['--no-banner', '--no-color', '--log-level', 'debug'],
];

const report = z.array(
  z.object({
    RuleID: z.string(),
    Description: z.string(),
    StartLine: z.int(),
    EndLine: z.int(),
    File: z.string(),
    Commit: z.string(),
    Author: z.string(),
    Date: z.string(),
  }),
);

/** gitleaks's own list of exceptions. It has no expiry and no approver, and hides a new secret on an old line (gitleaks#2239). */
export const ignoreFile = '.gitleaksignore';
/** The rules of the tree, by gitleaks's own convention. */
export const rulesFile = '.gitleaks.toml';

/** Selects the tree's own rules where it has some; gitleaks's own where it has none. */
export function rulesOf(directory: string): string[] {
  return existsSync(join(directory, rulesFile)) ? ['--config', join(directory, rulesFile)] : [];
}

/**
 * Runs gitleaks in `cwd`, which holds no ignore file.
 * @throws when it could not read all that it was given: it reports most such cases by a line in its log and exit code 0.
 */
export async function scan(
  { exec, tools }: Pick<Context, 'exec' | 'tools'>,
  args: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<Scan> {
  const { GITLEAKS_CONFIG: _, GITLEAKS_CONFIG_TOML: __, ...inherited } = tools.environment;
  const env = { ...inherited, ...environment };
  const result = await exec(tools.path('gitleaks'), [...args, ...commonArguments], { cwd, env });
  if (result.timedOut) throw new Error('gitleaks did not end in time');
  if (result.code !== 0 && result.code !== leakExitCode)
    throw new Error(`gitleaks ended with exit code ${result.code}: ${reasonIn(result)}`);
  const leaks = parseReport(result.stdout);
  if (leaks.length > 0 !== (result.code === leakExitCode))
    throw new Error(`gitleaks ended with exit code ${result.code} and ${leaks.length} leaks in its report`);
  return { leaks, ...parseLog(result.stderr) };
}

/** Its own last word, or that of the Go runtime, whose stack says nothing to the reader. */
function reasonIn(result: ExecResult): string {
  const lines = result.stderr.replaceAll(escapeSequence, '').split('\n');
  const fatal = lines.flatMap(parseLine).find(({ level }) => level === 'FTL' || level === 'ERR')?.said;
  return fatal ?? lines.find((line) => line.startsWith('panic: ')) ?? lastLines(result);
}

/** @throws without repeating what gitleaks printed, for a part of a report may be a part of a secret. */
export function parseReport(text: string): Leak[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('gitleaks printed a report that is not JSON');
  }
  const parsed = report.safeParse(value);
  if (!parsed.success) throw new Error('gitleaks printed a report of a shape that this gate does not know');
  return parsed.data.map((leak) => ({
    rule: leak.RuleID,
    description: leak.Description,
    file: leak.File,
    line: leak.StartLine,
    endLine: leak.EndLine,
    commit: leak.Commit,
    author: leak.Author,
    date: leak.Date,
  }));
}

// The console colours of its first lines, which come before it reads --no-color.
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with a control character.
const escapeSequence = /\u001b\[\d+m/g;
const logLine = /^\S+ (DBG|INF|WRN|ERR|FTL) (.*)$/;
const expectedWarning = /^leaks found: \d+$/;
/** What it skipped, and why. The path is quoted when it has more than plain characters. */
const skipLine =
  /^skipping (empty file|binary file|archive|file|directory)(?:: ([a-z ]+?))? (?:\w+=\S+ )*path=(".*"|\S+)/;

/** @throws for every warning or error: what gitleaks warns of is something that it did not read. */
export function parseLog(text: string): Omit<Scan, 'leaks'> {
  const lines = text.replaceAll(escapeSequence, '').split('\n').flatMap(parseLine);
  const trouble = lines.filter(({ level, said }) => 'WRN ERR FTL'.includes(level) && !expectedWarning.test(said));
  if (trouble.length > 0) throw new Error(`gitleaks did not read everything: ${trouble[0]?.said}`);
  const said = lines.map((line) => line.said);
  const bytes = numberIn(said, /^scanned ~(\d+) bytes/);
  if (bytes === undefined) throw new Error('gitleaks did not say how much it scanned');
  return { bytes, commits: numberIn(said, /^(\d+) commits scanned/), skipped: said.flatMap(parseSkip) };
}

function parseLine(line: string): { level: string; said: string }[] {
  const [, level, said] = logLine.exec(line) ?? [];
  return level === undefined || said === undefined ? [] : [{ level, said }];
}

function numberIn(lines: readonly string[], pattern: RegExp): number | undefined {
  const [found] = lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
  return found === undefined ? undefined : Number(found);
}

function parseSkip(said: string): Scan['skipped'] {
  const [, kind, why, path] = skipLine.exec(said) ?? [];
  if (kind === undefined || path === undefined) return [];
  const reason = why ?? kind;
  return [{ path: path.startsWith('"') ? unquoted(path) : path, reason, directory: kind === 'directory' }];
}

/** Go's quoting is JSON's for the paths that occur; another one stays as it is, and the count of bytes then tells. */
function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}
