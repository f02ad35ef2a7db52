/** Shared by every copy of this package: a configuration may import another one than the program that loads it. */
const mark = Symbol.for('preflight.blank');
const shape = Symbol.for('preflight.blank.shape');

/** What an answer is made into: itself, a command's words, a list of one, or nothing that could be typed in a line. */
export type Shape = 'text' | 'words' | 'list' | 'code';

/** What nobody has told yet, where a value belongs. The loader of the configuration names it as a fault, with the question. */
export function blank(question: string, answer: Shape = 'text'): never {
  return { [mark]: question, [shape]: answer } as never;
}

/** Fills in blanks: `asked` is given the place and the question, and null leaves it a blank. What is code is not asked for. */
export async function fillBlanks<T>(
  value: T,
  asked: (place: string, question: string) => Promise<string | null>,
  place: readonly string[] = [],
): Promise<T> {
  if (typeof value !== 'object' || value === null) return value;
  const { [mark]: question, [shape]: wanted = 'text' } = value as { [mark]?: string; [shape]?: Shape };
  if (question !== undefined) {
    const answer = wanted === 'code' ? null : await asked(place.join('.'), question);
    return answer === null ? value : (shaped(answer, wanted) as T);
  }
  if (Array.isArray(value)) return value;
  const filled: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(value))
    filled.push([name, await fillBlanks(inner, asked, [...place, name])]);
  return Object.fromEntries(filled) as T;
}

function shaped(answer: string, wanted: Shape): string | string[] {
  if (wanted === 'list') return [answer];
  if (wanted !== 'words') return answer;
  // What only a shell understands is left to one.
  return /[&|;<>$`'"*=]/.test(answer) ? ['sh', '-c', answer] : answer.split(/\s+/);
}

/** `place: question` of every blank in a value. */
export function blanksOf(value: unknown, place: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const question = (value as { [mark]?: string })[mark];
  if (question !== undefined) return [`${place.join('.')}: ${question}`];
  return Object.entries(value).flatMap(([name, inner]) => blanksOf(inner, [...place, name]));
}
