import type { Entry } from './entries.ts';
import { isExecutable } from './resolve.ts';

/** How many boxes there are, by what answers them. The parts add up to `boxes`. */
export interface Figures {
  boxes: number;
  /** By a gate or a drill. */
  executable: number;
  signOff: number;
  planned: number;
  notApplicable: number;
}

export function figuresOf(entries: readonly Pick<Entry, 'answer'>[]): Figures {
  const count = (kind: Entry['answer']['kind']) => entries.filter(({ answer }) => answer.kind === kind).length;
  return {
    boxes: entries.length,
    executable: entries.filter(({ answer }) => isExecutable(answer)).length,
    signOff: count('sign-off'),
    planned: count('planned'),
    notApplicable: count('not-applicable'),
  };
}

/** Rows of a table: one for each source, one for each area, and all. */
export function figuresBy(
  entries: readonly Entry[],
  property: 'source' | 'area',
): { name: string; figures: Figures }[] {
  const names = [...new Set(entries.map((entry) => entry[property]))].sort();
  return names.map((name) => ({ name, figures: figuresOf(entries.filter((entry) => entry[property] === name)) }));
}

/** In whole per cent, rounded down: 54.9 % is not 55 %. Of nothing it is 0. */
export function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((part / whole) * 100);
}
