import { closest } from 'fastest-levenshtein';
import picomatch from 'picomatch';
import { UsageError } from './errors.ts';
import { type Check, type Profile, profilesOf } from './gate.ts';
import type { Report } from './report.ts';

export interface Selection {
  /** Globs over ids. Empty: all of the profile. */
  globs: readonly string[];
  skip: readonly string[];
  profile: Profile;
}

/**
 * Which checks to run, and which are left out and why.
 * @throws UsageError when a glob matches no check at all, or nothing is left to run.
 */
export function select(
  all: readonly Check[],
  { globs, skip, profile }: Selection,
): { checks: Check[]; leftOut: Report['leftOut'] } {
  for (const glob of [...globs, ...skip]) {
    if (!all.some(({ id }) => picomatch.isMatch(id, glob))) throw unknown(glob, all);
  }
  const checks: Check[] = [];
  const leftOut: Report['leftOut'] = [];
  for (const check of all) {
    const reason = reasonToLeaveOut(check, { globs, skip, profile });
    if (reason) leftOut.push({ id: check.id, reason });
    else checks.push(check);
  }
  if (checks.length === 0) {
    throw new UsageError(
      'nothing is left to run',
      `Of profile ${profile}, these globs and --skip leave no check: widen them, or name a wider --profile.`,
    );
  }
  return { checks, leftOut };
}

function reasonToLeaveOut(
  check: Check,
  { globs, skip, profile }: Selection,
): Report['leftOut'][number]['reason'] | undefined {
  if (!profilesOf(check).includes(profile)) return 'profile';
  if (globs.length > 0 && !picomatch.isMatch(check.id, [...globs])) return 'selection';
  if (skip.length > 0 && picomatch.isMatch(check.id, [...skip])) return 'skip';
  return undefined;
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
