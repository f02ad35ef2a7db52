import { stringify } from 'yaml';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';
import { type Contacts, madeUp } from './contacts-file.ts';

const file = 'preflight.contacts.yaml';

/** Gives the copy people who are made up: what is proven must not depend on who is on call today, or on whether anybody is. */
export async function withPeople(
  sandbox: Sandbox,
  change: (contacts: Contacts) => void = () => undefined,
): Promise<Undo> {
  const before = sandbox.config.contacts;
  const contacts = madeUp();
  change(contacts);
  await sandbox.scratch.write(file, stringify(contacts));
  sandbox.config.contacts = { file, reviewedWithinDays: 30 };
  return async () => {
    if (before) sandbox.config.contacts = before;
    else delete sandbox.config.contacts;
  };
}
