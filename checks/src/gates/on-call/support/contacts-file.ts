import { parse } from 'yaml';
import { z } from 'zod';
import { type Config, partOf } from '../../../config.ts';
import type { Tree } from '../../../io/tree.ts';

const text = z.string().trim().min(1);

/** The file of those who are called: who they are, who is on call when, who is asked next, and who does what in a recovery. */
export const contactsShape = z.strictObject({
  reviewed: z.iso.date(),
  contacts: z.array(z.strictObject({ role: text, name: text, reach: z.array(text) })),
  rota: z.array(z.strictObject({ who: text, from: z.iso.datetime(), until: z.iso.datetime() })),
  escalation: z.array(
    z.strictObject({ severity: z.int().min(1).max(4), withinMinutes: z.int().min(0), to: z.array(text) }),
  ),
  recovery: z.array(z.strictObject({ role: text, who: text, deputy: text, duties: z.array(text) })).default([]),
});

export type Contacts = z.output<typeof contactsShape>;

/** @throws when the file is not there or not of the shape, with every fault of it. */
export async function readContacts(config: Config, tree: Tree): Promise<Contacts & { file: string }> {
  const { file } = partOf(config, 'contacts');
  return { file, ...contactsShape.parse(parse(await tree.read(file))) };
}

/** Whom the deployment checklist wants to be reachable. */
export const wantedRoles: readonly string[] = [
  ...['system-administrator', 'database-administrator', 'network-administrator', 'security-officer'],
  ...['application-developer', 'cloud-provider', 'database-vendor', 'security-vendor', 'broker', 'domain-registrar'],
];

/** What has to be done in a recovery, by somebody who knows that it is theirs. */
export const recoveryRoles: readonly string[] = [
  ...['incident-commander', 'database-recovery', 'application-recovery', 'communication'],
];

const dayMs = 86_400_000;

/** People who are made up, as a file that is complete. */
export function madeUp(now = new Date()): Contacts {
  const inDays = (days: number) => new Date(now.getTime() + days * dayMs).toISOString();
  return {
    reviewed: inDays(0).slice(0, 10),
    contacts: wantedRoles.map((role) => ({ role, name: `a ${role}`, reach: [`the phone of the ${role}`] })),
    rota: [{ who: 'a broker', from: inDays(-1), until: inDays(15) }],
    escalation: [0, 30, 120, 1440].map((withinMinutes, index) => ({
      severity: index + 1,
      withinMinutes,
      to: index === 0 ? wantedRoles.slice(0, 5).map((role) => `a ${role}`) : ['a broker'],
    })),
    recovery: recoveryRoles.map((role) => ({
      ...{ role, who: 'a database-administrator', deputy: 'a system-administrator' },
      duties: [`leads what the ${role} has to do`],
    })),
  };
}
