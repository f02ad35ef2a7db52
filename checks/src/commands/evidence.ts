import { access, readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Report } from '../engine/report.ts';
import { UsageError } from '../errors.ts';
import { evidenceName, forgetOldest, openHome, writeEvidence } from '../evidence/write.ts';
import type { Streams } from './terminal.ts';

export interface EvidenceFlags {
  /** Absent: a directory of its own under .preflight/evidence. */
  evidence?: string;
  signKey?: string;
}

/**
 * What can be known to be wrong before a long run.
 * @throws UsageError for a directory that has something in it, and for a key that is not there.
 */
export async function checkEvidenceFlags({ evidence, signKey }: EvidenceFlags): Promise<void> {
  if (evidence !== undefined && (await namesIn(evidence)).length > 0)
    throw new UsageError(
      `${evidence} is not empty`,
      'Each run writes its evidence into a directory of its own: name another.',
    );
  if (signKey !== undefined) {
    await access(signKey).catch(() => {
      throw new UsageError(`there is no key ${signKey}`, 'Name an SSH key: `ssh-keygen -t ed25519 -f FILE` makes one.');
    });
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new UsageError(`${directory} is no directory for evidence: ${message}`, 'Name one that does not exist yet.');
  }
}

/**
 * Writes a run's evidence.
 * @throws when it was asked for and cannot be written. A run that was asked for none says so on stderr, and is not less true.
 */
export async function keepEvidence(
  root: string,
  report: Report,
  { evidence, signKey, config: configFile }: EvidenceFlags & { config: string },
  more: ReadonlyMap<string, string>,
  { stderr }: Streams,
): Promise<void> {
  const asked = evidence !== undefined || signKey !== undefined;
  const options = { report, configFile, signKey, more };
  try {
    const home = evidence === undefined ? await openHome(root) : undefined;
    const directory = resolve(evidence ?? join(home ?? root, evidenceName(report)));
    await writeEvidence({ ...options, directory });
    if (home !== undefined) await forgetOldest(home);
    if (asked || stderr.isTTY) stderr.write(`evidence: ${relative(root, directory)}\n`);
  } catch (error) {
    if (asked) throw new Error(`the evidence could not be written: ${(error as Error).message}`, { cause: error });
    stderr.write(`this run's evidence could not be written: ${(error as Error).message}\n`);
  }
}
