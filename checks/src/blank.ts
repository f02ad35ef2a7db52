/** Shared by every copy of this package: a configuration may import another one than the program that loads it. */
const mark = Symbol.for('preflight.blank');

/** What nobody has told yet, where a value belongs. The loader of the configuration names it as a fault, with the question. */
export function blank(question: string): never {
  return { [mark]: question } as never;
}

/** `place: question` of every blank in a value. */
export function blanksOf(value: unknown, place: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const question = (value as { [mark]?: string })[mark];
  if (question !== undefined) return [`${place.join('.')}: ${question}`];
  return Object.entries(value).flatMap(([name, inner]) => blanksOf(inner, [...place, name]));
}
