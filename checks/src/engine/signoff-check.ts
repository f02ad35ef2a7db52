import { randomUUID } from 'node:crypto';
import { access, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { Answer } from '../checklist/item.ts';
import type { Role } from '../checklist/role.ts';
import { checkSignature, signersFile } from '../evidence/signature.ts';
import { exec } from '../io/exec.ts';
import { type SignOff, signedText, signOffFile } from './signoffs.ts';

const dayMs = 86_400_000;

/** An item of the checklists that a person has to answer. */
export interface Asked {
  id: string;
  answer: Extract<Answer, { kind: 'sign-off' }>;
}

export interface SignOffRules {
  root: string;
  /** The commit that a release is about. */
  commit: string;
  /** Who may sign for a role, as principals of preflight.signers. */
  roles: Partial<Record<Role, readonly string[]>>;
  now: Date;
}

/** Why a sign-off does not answer the item that it names, or `undefined` when it does. */
export async function refusalOf(entry: SignOff, asked: Asked, rules: SignOffRules): Promise<string | undefined> {
  return (
    roleRefusal(entry, asked, rules) ??
    timeRefusal(entry, asked, rules.now) ??
    (await commitRefusal(entry, rules)) ??
    (await evidenceRefusal(entry, rules.root)) ??
    (await signatureRefusal(entry, rules.root))
  );
}

function roleRefusal({ role, who }: SignOff, { answer }: Asked, { roles }: SignOffRules): string | undefined {
  if (role !== answer.role) return `wrong role: ${answer.role} has to sign it, and ${who} signed as ${role}`;
  if (!roles[role]?.includes(who)) return `wrong role: governance.roles does not name ${who} for ${role}`;
  return undefined;
}

function timeRefusal({ when, expires }: SignOff, { answer }: Asked, now: Date): string | undefined {
  if (Date.parse(when) > now.getTime()) return `it is dated ${when}, which is still to come`;
  const ends = Date.parse(when) + answer.holdsDays * dayMs;
  if (now.getTime() >= ends)
    return `expired: it holds for ${answer.holdsDays} days, and ended at ${new Date(ends).toISOString()}`;
  if (expires !== undefined && now.getTime() >= Date.parse(expires) + dayMs) return `expired: it ended on ${expires}`;
  return undefined;
}

/** A sign-off is committed after what it is about: the file of sign-offs alone may differ. */
async function commitRefusal({ commit }: SignOff, rules: SignOffRules): Promise<string | undefined> {
  if (commit === undefined || commit === rules.commit) return undefined;
  const args = ['diff', '--quiet', commit, rules.commit, '--', '.', `:(exclude)${signOffFile}`];
  const { code } = await exec('git', args, { cwd: rules.root });
  return code === 0 ? undefined : `other commit: it is about ${commit}, and this is ${rules.commit}`;
}

async function evidenceRefusal({ evidence }: SignOff, root: string): Promise<string | undefined> {
  if (/^https:\/\/[^/\s]+\S*$/.test(evidence) || /^sha256:[0-9a-f]{64}$/.test(evidence)) return undefined;
  const inside = relative(root, resolve(root, evidence));
  const found =
    !inside.startsWith('..') &&
    (await access(join(root, inside)).then(
      () => true,
      () => false,
    ));
  return found ? undefined : `its evidence ${evidence} is no file here, no https address and no sha256 digest`;
}

async function signatureRefusal(entry: SignOff, root: string): Promise<string | undefined> {
  if (entry.signature === undefined) return `unsigned: ${entry.who} has to sign it, \`preflight sign ${entry.item}\``;
  const file = join(tmpdir(), `preflight-${randomUUID()}.sig`);
  try {
    await writeFile(file, entry.signature, { mode: 0o600 });
    const signed = await checkSignature(signedText(entry), file, join(root, signersFile));
    if ('refusal' in signed) return signed.refusal;
    return signed.signer === entry.who ? undefined : `wrong signer: ${signed.signer} signed it, and not ${entry.who}`;
  } finally {
    await rm(file, { force: true });
  }
}
