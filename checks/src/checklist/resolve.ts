import type { Check } from '../engine/gate.ts';
import type { Answer, Item } from './item.ts';

/** What is known of a check here. */
export type Known = Pick<Check, 'id' | 'kind' | 'covers'>;

/**
 * The answer as it stands with these checks. A planned check that has arrived answers by itself as soon as it says in
 * `covers` that it does; until then the item stays planned, because nobody has claimed that its pass is the answer.
 */
export function resolve(item: Pick<Item, 'id' | 'answer'>, checks: readonly Known[]): Answer {
  const { id, answer } = item;
  if (answer.kind !== 'planned') return answer;
  const arrived = checks.find((check) => check.id === answer.id);
  return arrived?.covers.includes(id) ? { kind: arrived.kind, id: arrived.id } : answer;
}

/** The checks that have to be green for an answer; none for an answer that no program gives. */
export function checksOf(answer: Answer): string[] {
  if (answer.kind !== 'gate' && answer.kind !== 'drill') return [];
  return [answer.id, ...(answer.also ?? [])];
}

/** Whether a program answers it today. */
export function isExecutable(answer: Answer): boolean {
  return checksOf(answer).length > 0;
}
