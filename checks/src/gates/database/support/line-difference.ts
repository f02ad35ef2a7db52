/** How far ahead the two texts are searched for the place where they agree again. */
const lookahead = 400;

/**
 * The first lines in which two texts differ, `-` for one that is only in `before`, `+` for one that is only in `after`.
 * Empty lines and lone `--` are passed over: they agree everywhere and would tie unrelated places together.
 * Empty when the texts are equal.
 */
export function lineDifference(before: string, after: string, most = 8): string[] {
  if (before === after) return [];
  const [a, b] = [tellingLines(before), tellingLines(after)];
  const seen: string[] = [];
  let [i, j] = [0, 0];
  while ((i < a.length || j < b.length) && seen.length <= most) {
    if (a[i] === b[j]) {
      i += 1;
      j += 1;
      continue;
    }
    const [removed, added] = nextAgreement(a, i, b, j);
    for (const line of a.slice(i, i + removed)) seen.push(`-${line}`);
    for (const line of b.slice(j, j + added)) seen.push(`+${line}`);
    i += removed;
    j += added;
  }
  if (seen.length === 0) return ['(only in empty lines)'];
  return seen.length > most ? [...seen.slice(0, most), '…'] : seen;
}

/** The nearest place at which a line of one is a line of the other: how many lines of each come before it. */
function nextAgreement(a: readonly string[], i: number, b: readonly string[], j: number): [number, number] {
  for (let distance = 1; distance <= lookahead; distance += 1) {
    for (let removed = 0; removed <= distance; removed += 1) {
      const added = distance - removed;
      const inBoth = i + removed < a.length && j + added < b.length;
      if (inBoth && a[i + removed] === b[j + added]) return [removed, added];
    }
  }
  return [a.length - i, b.length - j];
}

function tellingLines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '' && line.trim() !== '--');
}
