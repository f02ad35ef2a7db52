import type { Check } from './gate.ts';
import { needStack } from './needs.ts';

/** Others may use it at the same time, or nobody may. */
export type Hold = 'shared' | 'alone';
export type Holds = ReadonlyMap<string, Hold>;

/**
 * What a check uses while it looks. `target`: the running stack, which a drill or a gate that disturbs it has for itself.
 * `machine`: its processors, which those have for themselves too, so that no other work is mistaken for what they measure.
 */
export function holdsOf(check: Check): Holds {
  const hold = disturbs(check) ? 'alone' : 'shared';
  const stack = needStack(check.needs) || disturbs(check) ? [['target', hold] as const] : [];
  return new Map<string, Hold>([['machine', hold], ...stack, ...ownResources(check)]);
}

/** What it uses beside the target and the machine. */
export function ownResources(check: Check): Holds {
  const shared = (check.reliesOn ?? []).map((name) => [name, 'shared'] as const);
  return new Map<string, Hold>([...shared, ...(check.resources ?? []).map((name) => [name, 'alone'] as const)]);
}

/** It disturbs a throwaway stack and nothing else: it may go beside another one that has a stack of its own. */
export function wantsAnyStack(check: Check): boolean {
  return disturbs(check) && needStack(check.needs) && !check.measures;
}

export function disturbs(check: Check): boolean {
  return check.kind === 'drill' || check.alone;
}

/**
 * Does the work of every item, at most `bound` at once, none beside one that it cannot share with. They begin in their order,
 * except that an item may overtake those whose resources it does not touch; nobody waits for ever.
 */
export async function eachByResource<T>(
  items: readonly T[],
  bound: number,
  holds: (item: T) => Holds,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const running = new Map<T, Promise<void>>();
  const begin = (item: T) => {
    waiting.splice(waiting.indexOf(item), 1);
    running.set(
      item,
      work(item).finally(() => running.delete(item)),
    );
  };
  try {
    while (waiting.length > 0 || running.size > 0) {
      for (const item of startable(waiting, [...running.keys()], bound, holds)) begin(item);
      await Promise.race(running.values());
    }
  } finally {
    // Work that breaks ends the rest in order: nothing of it goes on behind its caller's back.
    await Promise.allSettled(running.values());
  }
}

/** Those that may begin now. One that has to wait keeps its resources from all that come after it. */
function startable<T>(
  waiting: readonly T[],
  running: readonly T[],
  bound: number,
  holds: (item: T) => Holds,
): readonly T[] {
  const claims = running.map(holds);
  const started: T[] = [];
  for (const item of waiting) {
    if (running.length + started.length >= bound) break;
    const wanted = holds(item);
    if (claims.every((claim) => goTogether(claim, wanted))) started.push(item);
    claims.push(wanted);
  }
  return started;
}

function goTogether(one: Holds, other: Holds): boolean {
  return [...one].every(([name, hold]) => {
    const theirs = other.get(name);
    return theirs === undefined || (hold === 'shared' && theirs === 'shared');
  });
}
