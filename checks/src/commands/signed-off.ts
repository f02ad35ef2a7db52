import { allItems } from '../checklist/items/index.ts';
import type { Config } from '../config.ts';
import type { Profile } from '../engine/gate.ts';
import type { Severity } from '../engine/severity.ts';
import { askedOf, checkSignOffs, type SignedOff } from '../engine/signoff-faults.ts';
import { loadSignOffs } from '../engine/signoffs.ts';
import { headOf } from '../io/tree.ts';

/** What people have signed off of what a release needs. Narrower profiles ask nobody. */
export async function signedOffFor(
  profile: Profile,
  root: string,
  { governance }: Config,
  failOn: Severity,
): Promise<SignedOff | undefined> {
  if (profile !== 'release') return undefined;
  const { commit } = await headOf(root);
  const { roles, twoApprovers } = governance;
  const question = { root, commit, roles, twoApprovers, now: new Date() };
  return checkSignOffs({ ...question, asked: askedOf(allItems, failOn), signOffs: await loadSignOffs(root) });
}
