import { access } from 'node:fs/promises';
import { spelt } from '../engine/duration.ts';
import type { Profile } from '../engine/gate.ts';
import { exitCodes } from '../engine/verdict.ts';
import { UsageError } from '../errors.ts';
import { type Policy, verifyEvidence } from '../evidence/verify.ts';
import { configHashOf } from '../io/config-files.ts';
import { exec } from '../io/exec.ts';
import { headOf } from '../io/tree.ts';
import type { Streams } from './terminal.ts';

export interface VerifyFlags {
  config: string;
  /** Absent: the commit that is checked out. */
  commit?: string;
  maxAge: number;
  profile: Profile;
  requireSignature?: boolean;
}

/** Exit code 0: accepted. 4: refused, with every reason on stdout. */
export async function verify(directory: string, flags: VerifyFlags, { stdout }: Streams): Promise<number> {
  const policy = await policyOf(process.cwd(), flags);
  await mustExist(directory);
  const { refusals, report, signer } = await verifyEvidence(directory, policy);
  if (refusals.length > 0 || !report) {
    stdout.write(
      `${refusals.map((refusal) => `✗ ${refusal}\n`).join('')}refused  ${directory} (exit code ${exitCodes.governance})\n`,
    );
    return exitCodes.governance;
  }
  const age = spelt(policy.now.getTime() - Date.parse(report.finishedAt));
  const about = `profile ${report.profile}, ${report.commit.slice(0, 12)}, ${report.results.length} results, ${age} old`;
  stdout.write(`accepted  ${directory}: GO of ${about}, ${signer ? `signed by ${signer}` : 'not signed'}\n`);
  return exitCodes.go;
}

/** @throws UsageError when the configuration is not there, or the commit is none. */
export async function policyOf(root: string, flags: VerifyFlags): Promise<Policy> {
  const { config, commit, maxAge: maxAgeMs, profile, requireSignature = false } = flags;
  const configHash = await configHashOf(root, config).catch(() => {
    throw new UsageError(
      `${config} is not in ${root}`,
      'Run preflight in the root of the repository, or name the file with --config.',
    );
  });
  const asked = commit === undefined ? (await headOf(root)).commit : await fullCommit(root, commit);
  return { root, configHash, commit: asked, profile, maxAgeMs, requireSignature, now: new Date() };
}

/** A whole SHA is taken as it is: its commit need not be in this clone. */
async function fullCommit(root: string, name: string): Promise<string> {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name)) return name;
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`];
  const { code, stdout } = await exec('git', args, { cwd: root });
  if (code !== 0) throw new UsageError(`there is no commit ${name}`, 'Name one by its SHA, a branch or a tag.');
  return stdout.trim();
}

async function mustExist(directory: string): Promise<void> {
  await access(directory).catch(() => {
    throw new UsageError(
      `there is no directory ${directory}`,
      'Name one that `preflight run --evidence DIR` has written.',
    );
  });
}
