import picomatch from 'picomatch';
import { type Config, partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { type ExecResult, execOrThrow, lastLines } from '../../../io/exec.ts';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';

/** One commit since the last release, and who looked at it. People are known by their addresses, in lower case. */
export interface Change {
  commit: string;
  subject: string;
  author: string;
  /** Those named in trailers, and those who merged it, but for its author. */
  reviewers: string[];
  /** Of its files, those that are critical; at most {@link mostFilesShown}. */
  critical: string[];
}

export interface Changes {
  /** The tag of the last release, or null: then it is the whole history. */
  since: string | null;
  changes: Change[];
}

/** More commits than this between two releases cannot have been looked at, and are not. */
const mostCommits = 5_000;
const mostFilesShown = 5;
const [recordEnd, fieldEnd] = ['\x1e', '\x1f'];

/**
 * Everything that came since the last release, merges apart: they are how a change arrives, and who made them looked at it.
 * @throws when git cannot tell, the history is cut off, or it is longer than {@link mostCommits}.
 */
export async function changesSinceRelease(context: Context): Promise<Changes> {
  const { releases, trailers, critical } = partOf(context.config, 'review');
  const shallow = await git(context, 'rev-parse', '--is-shallow-repository');
  if (shallow.trim() === 'true') throw new Error('the history is cut off here, fetch all of it: git fetch --unshallow');
  const since = await lastRelease(context, releases);
  const range = since === null ? 'HEAD' : `${since}..HEAD`;
  const count = Number(await git(context, 'rev-list', '--count', range));
  if (count > mostCommits)
    throw new Error(`${count} commits since ${since ?? 'the beginning'}: ${mostCommits} are the most`);
  const [log, mergers] = await Promise.all([readLog(context, range, trailers), readMergers(context, range)]);
  const isCritical = picomatch(critical, { dot: true });
  const changes = log.map(({ files, named, ...change }) => {
    const others = [...named, ...(mergers.get(change.commit) ?? [])].filter((person) => person !== change.author);
    return {
      ...change,
      reviewers: [...new Set(others)],
      critical: files.filter((file) => isCritical(file)).slice(0, mostFilesShown),
    };
  });
  return { since, changes };
}

/** The tag of the release before this one: a tag of HEAD itself is the release that is being judged. */
async function lastRelease(context: Context, releases: string): Promise<string | null> {
  const args = ['describe', '--tags', '--abbrev=0', '--match', releases, 'HEAD^'];
  const result = await context.exec('git', args);
  return result.code === 0 ? result.stdout.trim() : null;
}

interface Logged extends Omit<Change, 'reviewers' | 'critical'> {
  named: string[];
  files: string[];
}

async function readLog(context: Context, range: string, trailers: readonly string[]): Promise<Logged[]> {
  const keys = trailers.map((key) => `%(trailers:key=${key},valueonly,separator=%x1f)`).join('%x1f');
  const format = `--format=%x1e%H%x1f%ae%x1f%s%x1f${keys}%x1f%n`;
  const text = await git(context, 'log', '--no-merges', '--name-only', '-z', format, range);
  return text.split(recordEnd).slice(1).map(parseRecord);
}

/** The fields, and after the last of them the paths, each ended by a NUL. */
function parseRecord(record: string): Logged {
  const at = record.lastIndexOf(fieldEnd);
  const [commit = '', author = '', subject = '', ...named] = record.slice(0, at).split(fieldEnd);
  const files = record
    .slice(at + 1)
    .split('\0')
    .map((path) => path.replace(/^\n+/, ''))
    .filter(Boolean);
  return { commit, author: author.toLowerCase(), subject, named: named.flatMap(addressOf), files };
}

/** `Grace Hopper <grace@example.com>` → grace@example.com. A trailer without an address names nobody who could be asked. */
function addressOf(person: string): string[] {
  const address = /<([^<>\s]+@[^<>\s]+)>\s*$/.exec(person)?.[1] ?? /^\s*([^<>\s]+@[^<>\s]+)\s*$/.exec(person)?.[1];
  return address === undefined ? [] : [address.toLowerCase()];
}

/** Who merged what: of each commit that came by a merge, the authors of the merges that brought it. */
async function readMergers(context: Context, range: string): Promise<Map<string, string[]>> {
  const text = await git(context, 'log', '--merges', '--format=%ae%x1f%P', range);
  const mergers = new Map<string, string[]>();
  for (const line of text.split('\n').filter(Boolean)) {
    const [author = '', parents = ''] = line.split(fieldEnd);
    const [first = '', ...brought] = parents.split(' ');
    const commits = await git(context, 'rev-list', '--no-merges', `^${first}`, ...brought);
    for (const commit of commits.split('\n').filter(Boolean))
      mergers.set(commit, [...(mergers.get(commit) ?? []), author.toLowerCase()]);
  }
  return mergers;
}

async function git(context: Context, ...args: string[]): Promise<string> {
  const result: ExecResult = await context.exec('git', args);
  if (result.code !== 0) throw new Error(`git ${args[0]} ended with exit code ${result.code}: ${lastLines(result, 2)}`);
  return result.stdout;
}

/** Findings name at most so many commits; the rest are counted. */
const mostNamed = 50;

/** One sentence for each commit, and one for those beyond the first {@link mostNamed}. */
export function named<T extends Change>(changes: readonly T[], sentence: (change: T) => string) {
  const findings = changes.slice(0, mostNamed).map((change) => ({
    message: `${change.commit.slice(0, 12)} ${change.subject}: ${sentence(change)}`,
    identity: change.commit,
  }));
  const more = changes.length - findings.length;
  return more > 0 ? [...findings, { message: `and ${more} more commits`, identity: 'more' }] : findings;
}

const criticalFile = 'preflight-critical.txt';
const [grace, ada] = ['Reviewed-by: Grace <grace@example.com>', 'Reviewed-by: Ada <ada@example.com>'];

/** A release, and after it one change that two people have looked at, in the copy alone. */
export async function reviewedHistory(sandbox: Sandbox): Promise<Undo> {
  const before: Config['review'] = sandbox.config.review;
  const tag = 'preflight-proves-0';
  await sandbox.scratch.commit('the release before');
  await tagHead(sandbox, tag);
  sandbox.config.review = { releases: tag, trailers: ['Reviewed-by'], critical: [criticalFile] };
  await changeIn(sandbox, [grace, ada]);
  return async () => {
    if (before) sandbox.config.review = before;
    else delete sandbox.config.review;
  };
}

/** A critical change of which nobody says that they have looked at it, or one alone. */
export async function unreviewedChange(sandbox: Sandbox, reviewers: 'nobody' | 'one'): Promise<undefined> {
  await changeIn(sandbox, reviewers === 'one' ? [grace] : []);
  return undefined;
}

let edits = 0;

async function changeIn({ scratch }: Sandbox, trailers: readonly string[]): Promise<void> {
  edits += 1;
  await scratch.write(criticalFile, `${edits}\n`);
  await scratch.commit(['a change', trailers.join('\n')].filter(Boolean).join('\n\n'));
}

async function tagHead({ scratch }: Sandbox, tag: string): Promise<void> {
  await execOrThrow('git', ['tag', '--force', tag], { cwd: scratch.root });
}
