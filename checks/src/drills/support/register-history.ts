/** One operation on a switch that is on or off, as its client saw it. Times are milliseconds of one clock. */
export interface Operation {
  kind: 'write' | 'read';
  /** What was written, or what was read. */
  on: boolean;
  startedAtMs: number;
  /** Infinity: nobody knows whether and when it took effect. */
  endedAtMs: number;
}

/** More than any history here needs; past it, the search is given up. */
const mostStates = 2_000_000;

/**
 * Whether there is one order of all operations that respects every "ended before the other began", and in which each read sees
 * the write before it: the switch is then as good as a single variable. https://cs.brown.edu/~mph/HerlihyW90/p463-herlihy.pdf
 * The search is that of Wing and Gong, which remembers where it has been.
 * @throws when it takes more than two million steps.
 */
export function isLinearizable(operations: readonly Operation[], initial: boolean): boolean {
  const all = [...operations].sort((one, other) => one.startedAtMs - other.startedAtMs);
  const seen = new Set<string>();
  const done = new Array<boolean>(all.length).fill(false);
  let steps = 0;
  const search = (from: number, on: boolean): boolean => {
    let first = from;
    while (first < all.length && done[first]) first += 1;
    if (first === all.length) return true;
    const key = `${on ? 1 : 0}${first}:${done.slice(first).map(Number).join('').replace(/0+$/, '')}`;
    if (seen.has(key)) return false;
    seen.add(key);
    steps += 1;
    if (steps > mostStates) throw new Error('the history is too long to be searched');
    return candidates(all, done, first).some((index) => {
      const operation = all[index];
      if (!operation || (operation.kind === 'read' && operation.on !== on)) return false;
      done[index] = true;
      if (search(first, operation.kind === 'write' ? operation.on : on)) return true;
      done[index] = false;
      return false;
    });
  };
  return search(0, initial);
}

/** Those that may come next: none that is still to come ended before they began. */
function candidates(all: readonly Operation[], done: readonly boolean[], first: number): number[] {
  const found: number[] = [];
  let earliestEnd = Number.POSITIVE_INFINITY;
  for (let index = first; index < all.length; index += 1) {
    const operation = all[index];
    if (!operation || done[index]) continue;
    if (operation.startedAtMs > earliestEnd) break;
    found.push(index);
    earliestEnd = Math.min(earliestEnd, operation.endedAtMs);
  }
  return found;
}
