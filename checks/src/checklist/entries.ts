import type { Severity } from '../engine/severity.ts';
import { type Answer, areaOf, type Item } from './item.ts';
import { type Asked, parseAsk } from './read.ts';
import { type Known, resolve } from './resolve.ts';

/** A line of a document with its item. */
export interface Entry extends Asked {
  /** Of the item. Entries that ask the same thing have the same. */
  id: string;
  area: string;
  severity: Severity;
  answer: Answer;
}

/** One entry for each line, in the order of the documents, and the lines that no item names. */
export function entriesOf(
  lines: readonly Asked[],
  items: readonly Item[],
  checks: readonly Known[],
): { entries: Entry[]; uncovered: Asked[] } {
  const byPlace = new Map(items.flatMap((item) => item.asks.map((ask) => [placeOf(parseAsk(ask)), item] as const)));
  const entries: Entry[] = [];
  const uncovered: Asked[] = [];
  for (const line of lines) {
    const item = byPlace.get(placeOf(line));
    if (!item) uncovered.push(line);
    else {
      const { id, severity } = item;
      entries.push({ ...line, id, area: areaOf(item), severity, answer: resolve(item, checks) });
    }
  }
  return { entries, uncovered };
}

/** `S1:112`. */
export function placeOf({ source, line }: Pick<Asked, 'source' | 'line'>): string {
  return `${source}:${line}`;
}

/** An entry as `checklist --json` prints it. Its names are a contract. */
export interface PrintedEntry {
  id: string;
  source: string;
  line: number;
  text: string;
  severity: Severity;
  answer: { kind: Answer['kind']; id?: string; reason?: string };
}

export function printedEntry({ id, source, line, text, severity, answer }: Entry): PrintedEntry {
  return { id, source, line, text, severity, answer: printedAnswer(answer) };
}

function printedAnswer(answer: Answer): PrintedEntry['answer'] {
  const { kind } = answer;
  if (kind === 'sign-off' || kind === 'not-applicable') return { kind, reason: reasonOf(answer) };
  return { kind, id: answer.id };
}

/** An answer in words, for those that no check gives. */
export function reasonOf(answer: Extract<Answer, { kind: 'sign-off' | 'not-applicable' }>): string {
  if (answer.kind === 'not-applicable') return answer.reason;
  const { role, holdsDays, evidence } = answer;
  return `${role} signs, for ${holdsDays} ${holdsDays === 1 ? 'day' : 'days'}: ${evidence}`;
}
