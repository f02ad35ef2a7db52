import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spelt } from '../engine/duration.ts';
import { type Profile, profiles } from '../engine/gate.ts';
import { type Report, reportSchema } from '../engine/report.ts';
import { checkSignature, signersFile } from './signature.ts';
import {
  contradictions,
  digestOf,
  manifestFile,
  parseManifest,
  reportFile,
  type Statement,
  signatureFile,
  statementFile,
  statementSchema,
} from './statement.ts';

/** What evidence has to be about, to be accepted. */
export interface Policy {
  commit: string;
  /** SHA-256 of the configuration as it is now. */
  configHash: string;
  /** The narrowest profile that will do. */
  profile: Profile;
  maxAgeMs: number;
  now: Date;
  /** The tree whose preflight.signers says who may sign. */
  root: string;
  requireSignature: boolean;
}

export interface Verification {
  /** Empty: accepted. */
  refusals: string[];
  /** Present when every file is as it was written. */
  report?: Report;
  signer?: string;
}

/**
 * Accepts evidence, or says everything that speaks against it. When a file is missing or altered nothing that it claims is
 * worth a look, and only that is said.
 */
export async function verifyEvidence(directory: string, policy: Policy): Promise<Verification> {
  const text = await readOptional(join(directory, statementFile));
  if (text === undefined)
    return { refusals: [`missing file: ${statementFile}; it is no evidence, or was not written to its end`] };
  const statement = parsed(text, (value) => statementSchema.parse(value));
  if (!statement) return { refusals: [`altered file: ${statementFile} is no statement of a preflight run`] };
  const signed = await signatureOf(directory, text, policy);
  const faults = [...(signed.refusal ? [signed.refusal] : []), ...(await alteredFiles(directory, statement))];
  if (faults.length > 0) return { refusals: faults };
  const report = parsed(await readFile(join(directory, reportFile), 'utf8'), (value) => reportSchema.parse(value));
  if (!report) return { refusals: [`altered file: ${reportFile} is no report of this version of preflight`] };
  const denied = contradictions(statement, report);
  if (denied.length > 0)
    return { refusals: [`altered file: ${statementFile} and ${reportFile} differ in ${denied.join(', ')}`] };
  return { refusals: unfit(report, policy), report, ...(signed.signer ? { signer: signed.signer } : {}) };
}

async function signatureOf(
  directory: string,
  statement: string,
  { root, requireSignature }: Policy,
): Promise<{ signer?: string; refusal?: string }> {
  const signature = join(directory, signatureFile);
  if ((await readOptional(signature)) !== undefined)
    return checkSignature(statement, signature, join(root, signersFile));
  return requireSignature ? { refusal: `missing file: ${signatureFile}; a signature is required` } : {};
}

/** Every file that is not as the manifest says, and the manifest if it is not as the statement says. */
async function alteredFiles(directory: string, { predicate }: Statement): Promise<string[]> {
  const text = await readOptional(join(directory, manifestFile));
  if (text === undefined) return [`missing file: ${manifestFile}`];
  const digests = digestOf(text) === predicate.preflight.manifestSha256 ? parseManifest(text) : undefined;
  if (!digests?.has(reportFile)) return [`altered file: ${manifestFile} is not the one that ${statementFile} names`];
  const there = await filesIn(directory);
  const faults: string[] = [];
  for (const [path, digest] of digests) {
    if (!there.delete(path)) faults.push(`missing file: ${path}`);
    else if (digestOf(await readFile(join(directory, path))) !== digest) faults.push(`altered file: ${path}`);
  }
  for (const own of [manifestFile, statementFile, signatureFile]) there.delete(own);
  return [...faults, ...[...there].map((path) => `altered file: ${path} is not in ${manifestFile}`)];
}

/** Paths with `/`. A link is none: what it points to may change. */
async function filesIn(directory: string): Promise<Set<string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return new Set(files.map(({ parentPath, name }) => join(parentPath, name).slice(join(directory, '/').length)));
}

/** Why a whole and true report does not answer the question that is asked now. */
function unfit(report: Report, policy: Policy): string[] {
  const { commit, dirty, configHash, verdict, exitCode, profile } = report;
  return [
    ...(commit === policy.commit
      ? []
      : [`another commit: it is about ${commit || 'no commit'}, and asked for is ${policy.commit || 'no commit'}`]),
    ...(dirty ? ['dirty tree: it was made with uncommitted changes, so no commit tells what it saw'] : []),
    ...(configHash === policy.configHash
      ? []
      : ['changed configuration: it was made with another preflight.config.ts']),
    ...ageFaults(report, policy),
    ...(verdict === 'GO' ? [] : [`not GO: its verdict is ${verdict} (exit code ${exitCode})`]),
    ...partial(report),
    ...(profiles.indexOf(profile) >= profiles.indexOf(policy.profile)
      ? []
      : [`narrow profile: it is of profile ${profile}, and ${policy.profile} is asked for`]),
    ...endedWaivers(report, policy.now),
  ];
}

/** Two machines' clocks may differ by this much. */
const clockSkewMs = 60_000;

/** The age of the oldest thing that it rests on: what one run takes up from another does not become younger by that. */
function ageFaults({ finishedAt, results }: Report, { now, maxAgeMs }: Policy): string[] {
  const times = [finishedAt, ...results.flatMap(({ takenUp }) => takenUp?.lookedAt ?? [])].map((at) => Date.parse(at));
  const ageMs = now.getTime() - Math.min(...times);
  if (Math.max(...times) > now.getTime() + clockSkewMs)
    return [`too new: it ended at ${finishedAt}, which is still to come`];
  // Not "at most", so that an unreadable time is refused too.
  if (!(ageMs <= maxAgeMs))
    return [`too old: what it rests on was seen ${spelt(ageMs)} ago, and ${spelt(maxAgeMs)} is the most`];
  return [];
}

const namedIds = 3;

function partial({ leftOut }: Report): string[] {
  const ids = leftOut
    .filter(({ reason }) => !['profile', 'long', 'not-applicable'].includes(reason))
    .map(({ id }) => id);
  if (ids.length === 0) return [];
  const more = ids.length > namedIds ? ` and ${ids.length - namedIds} more` : '';
  return [`partial run: it left out ${ids.slice(0, namedIds).join(', ')}${more}`];
}

const dayMs = 86_400_000;

function endedWaivers({ results }: Report, now: Date): string[] {
  const ended = results.filter(({ waiver }) => waiver && now.getTime() >= Date.parse(waiver.expires) + dayMs);
  return ended.map(({ id, waiver }) => `ended waiver: that of ${id} expired on ${waiver?.expires}`);
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** @returns undefined for what is not JSON, or not of the shape. */
function parsed<T>(text: string, read: (value: unknown) => T): T | undefined {
  try {
    return read(JSON.parse(text));
  } catch {
    return undefined;
  }
}
