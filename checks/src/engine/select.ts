import { closest } from 'fastest-levenshtein';
import picomatch from 'picomatch';
import type { Config } from '../config.ts';
import { UsageError } from '../errors.ts';
import { filesOf } from './cache.ts';
import { type Check, type Profile, profilesOf, tagsOf } from './gate.ts';
import type { Report } from './report.ts';

export interface Selection {
  /** Globs over ids. Empty: all of the profile. */
  globs: readonly string[];
  skip: readonly string[];
  profile: Profile;
  /** One of these is enough. Absent or empty: all. */
  tags?: readonly string[];
  /** Whether what takes minutes takes part. */
  long?: boolean;
  /** Whether what has changed matters to a check. Absent: all. */
  concerns?(check: Check): boolean;
}

/**
 * Which checks to run, and which are left out and why.
 * @throws UsageError when a glob or a tag matches no check at all, or nothing is left to run.
 */
export function select(all: readonly Check[], selection: Selection): { checks: Check[]; leftOut: Report['leftOut'] } {
  const { globs, skip, profile, tags = [] } = selection;
  for (const glob of [...globs, ...skip]) {
    if (!all.some(({ id }) => picomatch.isMatch(id, glob))) throw unknown(glob, all);
  }
  for (const tag of tags) mustBeTag(tag, all);
  const checks: Check[] = [];
  const leftOut: Report['leftOut'] = [];
  for (const check of all) {
    const reason = reasonToLeaveOut(check, selection);
    if (reason) leftOut.push({ id: check.id, reason });
    else checks.push(check);
  }
  if (checks.length === 0) {
    throw new UsageError(
      'nothing is left to run',
      `Of profile ${profile}, what the command line selects and leaves out is no check: widen it, or name a wider --profile; what takes minutes wants --long.`,
    );
  }
  return { checks, leftOut };
}

function reasonToLeaveOut(
  check: Check,
  { globs, skip, profile, tags = [], long = false, concerns = () => true }: Selection,
): Report['leftOut'][number]['reason'] | undefined {
  if (!profilesOf(check).includes(profile)) return 'profile';
  if (globs.length > 0 && !picomatch.isMatch(check.id, [...globs])) return 'selection';
  if (skip.length > 0 && picomatch.isMatch(check.id, [...skip])) return 'skip';
  if (tags.length > 0 && !tagsOf(check).some((tag) => tags.includes(tag))) return 'tag';
  if (check.long && !long) return 'long';
  return concerns(check) ? undefined : 'unchanged';
}

function mustBeTag(tag: string, all: readonly Check[]): void {
  const known = [...new Set(all.flatMap(tagsOf))];
  if (known.includes(tag)) return;
  throw new UsageError(`no gate or drill has the tag ${tag}`, `Did you mean ${closest(tag, known)}?`);
}

/**
 * Whether a change of these paths matters to a check: one of its declared files is among them. What declares none may depend
 * on anything; what makes the judgement (`everything`: globs of the configuration, the checks' own code) concerns all.
 */
export function concernedBy(
  changed: readonly string[],
  everything: readonly string[],
  config: Config,
): (check: Check) => boolean {
  const all = changed.some((path) => picomatch.isMatch(path, [...everything], { dot: true }));
  return (check) => {
    const globs = filesOf(check, config);
    return all || globs === undefined || changed.some((path) => picomatch.isMatch(path, [...globs], { dot: true }));
  };
}

/** @throws UsageError that names the nearest id. */
export function findCheck(all: readonly Check[], id: string): Check {
  const check = all.find((candidate) => candidate.id === id);
  if (!check) throw unknown(id, all);
  return check;
}

function unknown(name: string, all: readonly Check[]): UsageError {
  const nearest = closest(
    name,
    all.map(({ id }) => id),
  );
  return new UsageError(
    `no gate or drill is called ${name}`,
    `Did you mean ${nearest}? \`preflight list\` shows them all.`,
  );
}
