import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { ClearedFiles } from './cleared-files.ts';
import type { Check } from './gate.ts';
import { needStack } from './needs.ts';
import { type CheckResult, resultSchema } from './report.ts';

/** What earlier runs have seen of files that have not changed since. */
export interface Cache {
  /** Of all that a check's answer depends on; undefined for a check whose answer is never kept. */
  keyOf(check: Check): Promise<string | undefined>;
  find(key: string): Promise<Kept | undefined>;
  /** @param result A pass. */
  keep(key: string, result: CheckResult): Promise<void>;
  /** For a check that looks at each file by itself: a single edit is no reason to look through all the others again. */
  clearedBy(check: Check): ClearedFiles;
}

export const keptSchema = z.strictObject({ lookedAt: z.string(), result: resultSchema });
export type Kept = z.output<typeof keptSchema>;

/** Only what reads declared files, or commits, and neither a stack nor a target, can be known from those alone. */
export function isCacheable(check: Check): boolean {
  const { kind, profile, needs, files, readsCommits = false } = check;
  const isKnown = files !== undefined && (readsCommits || !needs.includes('git'));
  return kind === 'gate' && profile !== 'release' && isKnown && !needStack(needs);
}

/** The globs of a check, of which the configuration may be asked. */
export function filesOf(check: Check, config: Config): readonly string[] | undefined {
  return typeof check.files === 'function' ? check.files(config) : check.files;
}

/** A digest of parts none of which can run into the next. */
export function keyOfParts(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
}

/** The configuration as text: functions by their source, so that another function is another configuration. */
export function configText(config: Config): string {
  return JSON.stringify(config, (_, value: unknown) => (typeof value === 'function' ? String(value) : value));
}
