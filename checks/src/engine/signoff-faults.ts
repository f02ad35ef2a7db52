import picomatch from 'picomatch';
import type { Item } from '../checklist/item.ts';
import { type Severity, severities } from './severity.ts';
import { type Asked, refusalOf, type SignOffRules } from './signoff-check.ts';
import type { SignOff } from './signoffs.ts';

/** What a release knows of its sign-offs. */
export interface SignedOff {
  /** Items that the right people have answered. */
  items: string[];
  /** Why the release is kept back. */
  faults: string[];
}

/** Items that a person has to answer, of those that count. */
export function askedOf(items: readonly Item[], failOn: Severity): Asked[] {
  const weight = (severity: Severity) => severities.indexOf(severity);
  return items.flatMap(({ id, severity, answer }) =>
    answer.kind === 'sign-off' && weight(severity) <= weight(failOn) ? [{ id, answer }] : [],
  );
}

export interface SignOffQuestion extends SignOffRules {
  asked: readonly Asked[];
  signOffs: readonly SignOff[];
  /** Globs of items that two people have to sign. */
  twoApprovers: readonly string[];
}

/** Holds what people have signed against what has to be signed. */
export async function checkSignOffs(question: SignOffQuestion): Promise<SignedOff> {
  const { asked, signOffs } = question;
  const [items, faults, missing]: [string[], string[], Asked[]] = [[], [], []];
  for (const item of asked) {
    const entries = signOffs.filter((entry) => entry.item === item.id);
    if (entries.length === 0) missing.push(item);
    const own = await faultsOf(item, entries, question);
    if (entries.length > 0 && own.length === 0) items.push(item.id);
    faults.push(...own);
  }
  return { items, faults: [...missingFaults(missing), ...faults] };
}

/** None when enough people have signed: entries that have aged out beside them are history. */
async function faultsOf(item: Asked, entries: readonly SignOff[], question: SignOffQuestion): Promise<string[]> {
  if (entries.length === 0) return [];
  const refusals: string[] = [];
  const people = new Set<string>();
  for (const entry of entries) {
    const refusal = await refusalOf(entry, item, question);
    if (refusal === undefined) people.add(entry.who);
    else refusals.push(`the sign-off of ${item.id} by ${entry.who}: ${refusal}`);
  }
  const critical = question.twoApprovers.length > 0 && picomatch.isMatch(item.id, [...question.twoApprovers]);
  if (people.size >= (critical ? 2 : 1)) return [];
  const [alone] = people;
  const second = alone === undefined ? [] : [`${item.id} needs two approvers, and ${alone} alone has signed it off`];
  return [...second, ...refusals];
}

/** One for each role: whom to ask, and for what. */
function missingFaults(missing: readonly Asked[]): string[] {
  return Object.entries(Object.groupBy(missing, ({ answer }) => answer.role)).map(([role, asked = []]) => {
    const names = asked.map(({ id }) => id).join(', ');
    return `missing: ${role} has not signed off ${names} (\`preflight sign ITEM\` writes an entry)`;
  });
}
