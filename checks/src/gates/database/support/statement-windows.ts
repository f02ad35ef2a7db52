import { normaliseStatement, type StatementCount } from './statement-counts.ts';

/** How often each statement was called within a time. */
export interface Window {
  statements: { id: string; text: string; calls: number }[];
  durationMs: number;
}

/** What lies between two looks at the server's counters. */
export function windowBetween(
  before: readonly StatementCount[],
  after: readonly StatementCount[],
  durationMs: number,
): Window {
  const earlier = new Map(before.map(({ id, calls }) => [id, calls]));
  const statements = after.map(({ id, text, calls }) => ({ id, text, calls: calls - (earlier.get(id) ?? 0) }));
  return { statements: statements.filter(({ calls }) => calls > 0), durationMs };
}

/** How much livelier than in the quiet time what nobody has asked for may be, and by how many calls besides. */
const livelier = 1.5;
const besides = 3;

/**
 * Statements that each of so many requests took. What was called less often belongs to some of them alone. What the quiet
 * time explains, when only workers and probes asked, belongs to none, and neither do the texts that are known as theirs: a worker
 * that each write wakes asks as often as there are writes.
 */
export function perRequest(asked: Window, quiet: Window, requests: number, others: ReadonlySet<string>): number {
  const quietCalls = new Map(quiet.statements.map(({ id, calls }) => [id, calls]));
  return asked.statements.reduce((sum, { id, text, calls }) => {
    const expected = ((quietCalls.get(id) ?? 0) / quiet.durationMs) * asked.durationMs;
    const isOthers = calls <= expected * livelier + besides || others.has(normaliseStatement(text));
    return isOthers ? sum : sum + Math.floor(calls / requests);
  }, 0);
}
