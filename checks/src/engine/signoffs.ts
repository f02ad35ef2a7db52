import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { roles } from '../checklist/item.ts';
import { UsageError } from './errors.ts';

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
  let text: string;
  try {
    text = await readFile(join(root, signOffFile), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return checked(signOffs.safeParse(parseYaml(text)), signOffFile).signoffs;
}

/** @throws UsageError for an entry that does not have the shape of one. */
export function parseSignOff(value: unknown): SignOff {
  return checked(signOff.safeParse(value), 'the sign-off');
}

function checked<T>(parsed: z.ZodSafeParseResult<T>, what: string): T {
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw new UsageError(`${what} has ${faults.length} fault(s):\n  ${faults.join('\n  ')}`, 'Mend each of them.');
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    const [reason] = (cause as Error).message.split(/:?\n/);
    throw new UsageError(`${signOffFile} is not YAML: ${reason}`, 'Mend it, or remove the file.');
  }
}
