import { z } from 'zod';
import { roles } from '../checklist/role.ts';
import { checkedEntry, readLedger } from './ledger.ts';

export const signOffFile = 'preflight.signoffs.yaml';

/** What is signed is one field in a line, so that no field may hold a second line. */
const oneLine = z
  .string()
  .trim()
  .regex(/^[^\r\n]+$/, 'one line is wanted');

const signOff = z
  .strictObject({
    /** Of the readiness checklists, one that a sign-off answers. */
    item: oneLine,
    role: z.enum(roles),
    /** A principal of preflight.signers. */
    who: oneLine,
    when: z.iso.datetime(),
    /** What was looked at: a path in the tree, an https address, or sha256: and a digest. */
    evidence: oneLine,
    /** What it is about: this commit, or all until the end of this day, in UTC. */
    commit: z
      .string()
      .regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'a whole SHA is wanted')
      .optional(),
    expires: z.iso.date().optional(),
    /** Made by `ssh-keygen -Y sign -n preflight`. */
    signature: z.string().optional(),
  })
  .refine(
    ({ commit, expires }) => (commit === undefined) !== (expires === undefined),
    'either `commit` or `expires` is wanted',
  );

const signOffs = z.strictObject({ signoffs: z.array(signOff) });

export type SignOff = z.output<typeof signOff>;

/** The text that is signed: every field but the signature, each in a line of its own. */
export function signedText({ item, role, who, when, evidence, commit, expires }: SignOff): string {
  const bound = commit === undefined ? `expires: ${expires}` : `commit: ${commit}`;
  return `preflight sign-off\nitem: ${item}\nrole: ${role}\nwho: ${who}\nwhen: ${when}\nevidence: ${evidence}\n${bound}\n`;
}

/**
 * Reads what people have signed. A tree without the file has no sign-off.
 * @throws UsageError with every fault at once.
 */
export async function loadSignOffs(root: string): Promise<SignOff[]> {
  const ledger = await readLedger(root, signOffFile, signOffs);
  return ledger?.signoffs ?? [];
}

/** @throws UsageError for an entry that does not have the shape of one. */
export function parseSignOff(value: unknown): SignOff {
  return checkedEntry(signOff, value, 'the sign-off');
}
