import picomatch from 'picomatch';
import type { Config } from '../config.ts';
import { type Author, isSamePerson } from '../io/authors.ts';
import type { Check } from './gate.ts';
import { type Waiver, waiverName } from './waivers.ts';

const dayMs = 86_400_000;

export interface WaiverPolicy {
  governance: Config['governance'];
  checks: readonly Pick<Check, 'id' | 'unwaivable'>[];
  /** Everybody who wrote a line of the entry, or why that cannot be known. */
  authorsOf(entry: Waiver): readonly Author[] | string;
}

/** Whether no waiver is accepted of this gate: it says so itself, or the configuration does. */
export function isUnwaivable(check: Pick<Check, 'id' | 'unwaivable'>, { unwaivable }: Config['governance']): boolean {
  return check.unwaivable === true || (unwaivable.length > 0 && picomatch.isMatch(check.id, unwaivable));
}

/** Entries that are well written and may not be there all the same, each with the reason. They accept nothing. */
export function refusedWaivers(waivers: readonly Waiver[], policy: WaiverPolicy): Map<Waiver, string> {
  return new Map(
    waivers.flatMap((entry) => {
      const reason = reasonToRefuse(entry, policy);
      return reason === undefined ? [] : [[entry, `${waiverName(entry)} ${reason}`] as const];
    }),
  );
}

function reasonToRefuse(entry: Waiver, { governance, checks, authorsOf }: WaiverPolicy): string | undefined {
  const check = checks.find(({ id }) => id === entry.gate);
  if (check && isUnwaivable(check, governance)) return 'is of a gate that nobody may waive: mend what it found';
  const days = (Date.parse(entry.expires) - Date.parse(entry.created)) / dayMs;
  if (days > governance.waiverDays)
    return `holds for ${days} days, and governance.waiverDays lets it hold for ${governance.waiverDays}: have it end earlier`;
  const authors = authorsOf(entry);
  if (typeof authors === 'string') return `has an author that git cannot tell (${authors})`;
  const author = authors.find((each) => isSamePerson(entry.approver, each));
  return author && `is approved by who wrote it, ${author.name} <${author.email}>: have somebody else approve it`;
}

/** One fault when there are more waivers than the configuration allows: what is waived by habit is not held any more. */
export function budgetFaults(waivers: readonly Waiver[], { waiverBudget }: Config['governance']): string[] {
  if (waivers.length <= waiverBudget) return [];
  return [
    `${waivers.length} waiver(s) stand, and governance.waiverBudget allows ${waiverBudget}: mend what some of them accept`,
  ];
}
