import { describe, expect, test } from 'vitest';
import { perRequest, type Window, windowBetween } from '../src/gates/database/support/statement-windows.ts';
import { statementsIn } from '../src/gates/database/support/trace-witness.ts';

const count = (id: string, calls: number) => ({ id, text: `SELECT ${id}`, calls, pages: 0, totalMs: 0 });
const window = (calls: Record<string, number>, durationMs = 1_000): Window =>
  windowBetween(
    [],
    Object.entries(calls).map(([id, each]) => count(id, each)),
    durationMs,
  );
const nobody = new Set<string>();

describe('statements per request', () => {
  test('are those that each of the requests took', () => {
    expect(perRequest(window({ a: 20, b: 40, c: 7 }), window({}), 20, nobody)).toBe(3);
  });
  test('are counted from the first look on', () => {
    expect(windowBetween([count('a', 5)], [count('a', 25), count('b', 0)], 10).statements).toEqual([
      { id: 'a', text: 'SELECT a', calls: 20 },
    ]);
  });
  test('are none of what is asked all the time, however long the requests took', () => {
    expect(perRequest(window({ probe: 200, a: 20 }, 10_000), window({ probe: 8 }, 400), 20, nobody)).toBe(1);
  });
  test('are those that are asked all the time and once more for each request', () => {
    expect(perRequest(window({ state: 30 }), window({ state: 4 }, 400), 20, nobody)).toBe(1);
  });
  test('are none of a worker that each of them wakes', () => {
    expect(perRequest(window({ worker: 20, a: 20 }), window({}), 20, new Set(['select worker']))).toBe(1);
  });
});

describe('the statements of a text', () => {
  test.each([
    ['SELECT 1', 1],
    ['COMMIT', 0],
    ['BEGIN ISOLATION LEVEL READ COMMITTED; \n SELECT 1', 1],
    ["SELECT ';' AS a; SELECT 2;", 2],
    ["-- it's; two\nSELECT 1", 1],
    ['', 0],
  ])('%j', (text, statements) => expect(statementsIn(text)).toHaveLength(statements));
});
