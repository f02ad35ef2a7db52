import type { Profile } from '../engine/gate.ts';
import type { CheckResult, Report } from '../engine/report.ts';
import type { Severity } from '../engine/severity.ts';
import { entriesOf } from './entries.ts';
import { figuresOf } from './figures.ts';
import type { Item } from './item.ts';
import { readAll } from './read.ts';
import { type Known, resolve } from './resolve.ts';

/** An item that a release fails: its answer is still to be written. */
export interface FailedItem {
  id: string;
  severity: Severity;
  /** The check that would answer it. */
  planned: string;
}

/** What the checklist says of a run. `all` are all checks that there are, whether or not they took part; `signedOff` are items that people answered. */
export function checklistOfRun(
  items: readonly Item[],
  all: readonly Known[],
  results: readonly Pick<CheckResult, 'id' | 'outcome'>[],
  profile: Profile,
  signedOff: readonly string[] = [],
): Report['checklist'] {
  const covered = [...new Set([...itemsCovered(all, results), ...signedOff])].sort();
  const { entries } = entriesOf(readAll().boxes, items, all);
  const answered = entries.filter(({ id }) => covered.includes(id)).length;
  return {
    itemsCovered: covered,
    boxes: { answered, ...figuresOf(entries) },
    failed: failedItems(items, all, profile),
  };
}

/** An item is covered when every check that covers it was ready; one that was not looked at is not ready. */
export function itemsCovered(all: readonly Known[], results: readonly Pick<CheckResult, 'id' | 'outcome'>[]): string[] {
  const ready = new Set(
    results.filter(({ outcome }) => outcome === 'pass' || outcome === 'waived').map(({ id }) => id),
  );
  const covers = (isReady: boolean) =>
    all.filter(({ id }) => ready.has(id) === isReady).flatMap((check) => check.covers);
  const open = new Set(covers(false));
  return [...new Set(covers(true))].filter((id) => !open.has(id)).sort();
}

/** A release needs an answer to everything; before that, a plan is no failure. */
export function failedItems(items: readonly Item[], all: readonly Known[], profile: Profile): FailedItem[] {
  if (profile !== 'release') return [];
  return items.flatMap((item) => {
    const answer = resolve(item, all);
    return answer.kind === 'planned' ? [{ id: item.id, severity: item.severity, planned: answer.id }] : [];
  });
}
