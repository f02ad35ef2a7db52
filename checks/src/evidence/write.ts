import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CheckResult, Report } from '../engine/report.ts';
import { bounded, jsonReport } from '../reporters/json.ts';
import { signFile } from './signature.ts';
import { digestOf, manifestFile, manifestText, reportFile, statementFile, statementOf } from './statement.ts';

export interface EvidenceOptions {
  /** Without secrets: it is written as it is. */
  report: Report;
  /** Must not exist yet, or be empty. */
  directory: string;
  /** As it is named inside the tree. */
  configFile: string;
  /** An SSH key. Absent: not signed. */
  signKey?: string | undefined;
  /** More files, by their path in the directory: what `prove` found, for instance. */
  more?: ReadonlyMap<string, string>;
}

/**
 * Writes what a run saw: the report, a file for each check, their SHA-256 and an in-toto statement. The directory appears
 * under its name when all of it is there, so that a killed run leaves no half of it.
 */
export async function writeEvidence(options: EvidenceOptions): Promise<void> {
  const { report, directory, configFile, signKey, more = new Map<string, string>() } = options;
  const seen = report.results.map((result) => [`seen/${result.id}.json`, seenBy(result)] as const);
  const contents = new Map([[reportFile, jsonReport(report)], ...seen, ...more]);
  const manifest = manifestText(new Map([...contents].map(([path, text]) => [path, digestOf(text)])));
  const statement = `${JSON.stringify(statementOf(report, configFile, manifest), null, 2)}\n`;
  const making = `${directory}.making-${process.pid}`;
  try {
    for (const [path, text] of [...contents, [manifestFile, manifest], [statementFile, statement]] as const) {
      await mkdir(dirname(join(making, path)), { recursive: true });
      await writeFile(join(making, path), text);
    }
    if (signKey !== undefined) await signFile(join(making, statementFile), signKey);
    await rename(making, directory);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** What one check saw may take this much; more of it is cut, and says so. */
const mostBytes = 256 * 1024;
/** From generous to tight: the first under which a check's facts fit. */
const limits = [
  { list: 1_000, text: 20_000 },
  { list: 100, text: 2_000 },
  { list: 20, text: 400 },
] as const;

function seenBy({ id, outcome, examined, unit, findings, facts }: CheckResult): string {
  const all = { id, outcome, examined, unit, findings, facts };
  const texts = limits.map((limit) => `${JSON.stringify(bounded(all, limit), null, 2)}\n`);
  const fitting = texts.find((text) => Buffer.byteLength(text) <= mostBytes);
  return fitting ?? `${JSON.stringify({ ...all, findings: findings.length, facts: 'too much to keep' }, null, 2)}\n`;
}

/** Where evidence goes that nobody gave a place. */
export const evidenceHome = join('.preflight', 'evidence');
const mostKept = 20;
const ownName = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z-(?:[0-9a-f]{12}|uncommitted)$/;

/** Time first, so that names sort as their runs began. Colons are not for every file system. */
export function evidenceName({ startedAt, commit }: Pick<Report, 'startedAt' | 'commit'>): string {
  return `${startedAt.replaceAll(/[:.]/g, '-')}-${commit.slice(0, 12) || 'uncommitted'}`;
}

/** Makes the place for a run's own evidence. The directory ignores itself, in a repository that does not know of it too. */
export async function openHome(root: string): Promise<string> {
  const home = join(root, evidenceHome);
  await mkdir(home, { recursive: true });
  await writeFile(join(root, '.preflight', '.gitignore'), '*\n');
  return home;
}

/** Forgets the oldest beyond the bound. What has another name was put there by somebody else, and stays. */
export async function forgetOldest(home: string): Promise<void> {
  const names = (await readdir(home)).filter((name) => ownName.test(name)).sort();
  await Promise.all(names.slice(0, -mostKept).map((name) => rm(join(home, name), { recursive: true, force: true })));
}
