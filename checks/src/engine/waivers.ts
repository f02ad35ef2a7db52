import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap, isNode, isSeq, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { type Author, authorsOf } from '../io/authors.ts';
import { checkedEntry, readLedger } from './ledger.ts';
import type { CheckResult } from './report.ts';

export const waiverFile = 'preflight.waivers.yaml';

/** The longest that a waiver may hold: what takes longer to mend is a decision of its own. */
const longestDays = 30;
const dayMs = 86_400_000;

const waiver = z
  .strictObject({
    gate: z.string(),
    /** Of one finding. Without it the waiver accepts all that the gate finds. */
    fingerprint: z.string().optional(),
    reason: z.string().min(10),
    owner: z.string().min(1),
    approver: z.string().min(1),
    created: z.iso.date(),
    expires: z.iso.date(),
  })
  .refine(({ owner, approver }) => owner !== approver, 'the approver may not be the owner')
  .refine(
    ({ created, expires }) => Date.parse(expires) - Date.parse(created) <= longestDays * dayMs,
    `it may hold for ${longestDays} days at most`,
  );

export type Waiver = z.output<typeof waiver>;

/**
 * Reads the ledger. A tree without one waives nothing.
 * @throws UsageError with every fault at once.
 */
export async function loadWaivers(root: string): Promise<Waiver[]> {
  const ledger = await readLedger(root, waiverFile, z.strictObject({ waivers: z.array(waiver) }));
  return ledger?.waivers ?? [];
}

/** @throws UsageError for an entry that does not have the shape of one. */
export function parseWaiver(value: unknown): Waiver {
  return checkedEntry(waiver, value, 'the waiver');
}

/** Everybody who wrote a line of an entry, by git, or why that cannot be known. Entries are those that were loaded. */
export async function waiverAuthors(
  root: string,
  waivers: readonly Waiver[],
): Promise<(entry: Waiver) => readonly Author[] | string> {
  if (waivers.length === 0) return () => [];
  try {
    const authorOf = await authorsOf(root, waiverFile);
    const ranges = entryLines(await readFile(join(root, waiverFile), 'utf8'));
    return (entry) => {
      const [first, last] = ranges[waivers.indexOf(entry)] ?? [1, 1];
      const authors = Array.from({ length: last - first + 1 }, (_, index) => authorOf(first + index));
      return authors.filter(({ email }, index) => authors.findIndex((other) => other.email === email) === index);
    };
  } catch (error) {
    return () => (error as Error).message;
  }
}

/** First and last line of each entry. */
function entryLines(text: string): [number, number][] {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter });
  const list = isMap(document.contents) ? document.contents.get('waivers') : undefined;
  const entries = isSeq(list) ? list.items : [];
  return entries.flatMap((entry): [number, number][] => {
    if (!isNode(entry) || !entry.range) return [];
    const [start, end] = entry.range;
    return [[lineCounter.linePos(start).line, lineCounter.linePos(Math.max(start, end - 1)).line]];
  });
}

/** How messages call an entry. */
export function waiverName({ gate, fingerprint }: Pick<Waiver, 'gate' | 'fingerprint'>): string {
  return `the waiver of ${gate}${fingerprint ? ` (${fingerprint})` : ''}`;
}

/** One that began later than today could hold for longer than {@link longestDays} from now. */
function isAhead(entry: Waiver, now: Date): boolean {
  return now.getTime() < Date.parse(entry.created);
}

/** A waiver holds through the whole of its last day, in UTC. */
export function isExpired(entry: Waiver, now: Date): boolean {
  return now.getTime() >= Date.parse(entry.expires) + dayMs;
}

/** Turns a failed result into a waived one when unexpired waivers accept every one of its findings. */
export function applyWaivers(result: CheckResult, waivers: readonly Waiver[], now: Date): CheckResult {
  if (result.outcome !== 'fail') return result;
  const valid = waivers.filter((entry) => entry.gate === result.id && !isExpired(entry, now) && !isAhead(entry, now));
  const accepts = (fingerprint: string) => valid.find((entry) => (entry.fingerprint ?? fingerprint) === fingerprint);
  const [first, ...others] = result.findings.map(({ fingerprint }) => accepts(fingerprint));
  if (!first || others.some((entry) => entry === undefined)) return result;
  const { reason, owner, approver, expires } = first;
  return { ...result, outcome: 'waived', waiver: { reason, owner, approver, expires } };
}

/** What is wrong with the ledger itself: expired waivers, those of unknown gates, and those that accept nothing any more. */
export function ledgerFaults(
  waivers: readonly Waiver[],
  knownIds: readonly string[],
  results: readonly CheckResult[],
  now: Date,
): string[] {
  return waivers.flatMap((entry) => {
    const name = waiverName(entry);
    if (!knownIds.includes(entry.gate)) return [`${name} names no gate: remove it`];
    if (isExpired(entry, now))
      return [`${name} expired on ${entry.expires}: mend what it waives, or have it approved anew`];
    if (isAhead(entry, now))
      return [`${name} is dated ${entry.created}, which is still to come: date it on the day when it is approved`];
    const result = results.find(({ id }) => id === entry.gate);
    const unused = result?.outcome === 'pass' || (result?.outcome === 'fail' && !covers(entry, result));
    return unused ? [`${name} accepts nothing that this run found: remove it`] : [];
  });
}

function covers(entry: Waiver, result: CheckResult): boolean {
  return (
    entry.fingerprint === undefined || result.findings.some(({ fingerprint }) => fingerprint === entry.fingerprint)
  );
}
