import type { Severity } from '../engine/severity.ts';
import type { Ask } from './read.ts';
import type { Role } from './role.ts';

/**
 * The one answer to an item.
 * - `gate`, `drill`: it goes red when the item is not so. `also` are further checks that have to be green for it.
 * - `planned`: the gate or drill of this id is still to be written. Until then a release has no answer.
 * - `sign-off`: a person of this role says so and shows the evidence; it holds for `holdsDays` days.
 * - `not-applicable`: what it asks about does not exist here, and why that is so.
 */
export type Answer =
  | { readonly kind: 'gate' | 'drill'; readonly id: string; readonly also?: readonly string[] }
  | { readonly kind: 'planned'; readonly id: string }
  | { readonly kind: 'sign-off'; readonly role: Role; readonly holdsDays: number; readonly evidence: string }
  | { readonly kind: 'not-applicable'; readonly reason: string };

export const answerKinds = [
  'gate',
  'drill',
  'sign-off',
  'planned',
  'not-applicable',
] as const satisfies Answer['kind'][];

/** One question of the readiness checklists, wherever and however often the documents ask it. */
export interface Item {
  /** `area.what`. Gates and drills name it in `covers`. */
  readonly id: string;
  readonly severity: Severity;
  readonly answer: Answer;
  /** Checks that look at a part of it: it is not answered by them. */
  readonly partly?: readonly string[];
  /** Where it is asked, word for word. Empty: no document asks; a gate of this repository holds it all the same. */
  readonly asks: readonly Ask[];
}

export function gate(id: string, ...also: string[]): Answer {
  return also.length > 0 ? { kind: 'gate', id, also } : { kind: 'gate', id };
}

export function drill(id: string, ...also: string[]): Answer {
  return also.length > 0 ? { kind: 'drill', id, also } : { kind: 'drill', id };
}

export function planned(id: string): Answer {
  return { kind: 'planned', id };
}

export function signOff(role: Role, holdsDays: number, evidence: string): Answer {
  return { kind: 'sign-off', role, holdsDays, evidence };
}

export function notApplicable(reason: string): Answer {
  return { kind: 'not-applicable', reason };
}

/** The first part of an item's id, which is the name of its file too. */
export function areaOf({ id }: Pick<Item, 'id'>): string {
  return id.split('.')[0] ?? id;
}
