import { describe, expect, test } from 'vitest';
import { lineDifference } from '../src/gates/database/support/line-difference.ts';
import { normaliseDump } from '../src/gates/database/support/schema-dump.ts';
import type { ScratchMigrations } from '../src/gates/database/support/scratch-migrations.ts';
import { isDifferent, walkMigrations } from '../src/gates/database/support/walk-migrations.ts';
import type { ExecResult } from '../src/io/exec.ts';

describe('the difference of two texts', () => {
  test('is nothing for equal ones', () => expect(lineDifference('a\nb', 'a\nb')).toEqual([]));
  test('names what was added and removed, each where it is', () => {
    expect(lineDifference('a\nb\nc\nd\ne', 'a\nc\nX\nd')).toEqual(['-b', '+X', '-e']);
  });
  test('is bounded', () => {
    const many = Array.from({ length: 50 }, (_, line) => `line ${line}`).join('\n');
    expect(lineDifference('', many, 3)).toEqual(['+line 0', '+line 1', '+line 2', '…']);
  });
  test('is not tied together by empty lines', () => {
    expect(lineDifference('a\n\nb\n', 'a\n\nX;\n\nb\n')).toEqual(['+X;']);
  });
  test('is told even where only empty lines differ', () => {
    expect(lineDifference('a\nb', 'a\n\nb')).toEqual(['(only in empty lines)']);
  });
});

describe('a dump', () => {
  const dump = (word: string, version: string) => `\\restrict ${word}
-- Dumped from database version ${version}
-- Dumped by pg_dump version ${version}
-- Name: f(); Type: FUNCTION; Schema: shop; Owner: ${word}
CREATE SCHEMA books;
ALTER SCHEMA books OWNER TO x;
CREATE FUNCTION shop.f() RETURNS void LANGUAGE sql AS $$
-- a comment of the function's own
$$;
\\unrestrict ${word}
`;
  test('is the same without what differs each time', () => {
    const first = normaliseDump(dump('abc', '15.1'), 'public.pgmigrations');
    expect(first).toBe(normaliseDump(dump('xyz', '15.2'), 'public.pgmigrations'));
    expect(first).toContain("-- a comment of the function's own");
    expect(first).toContain('CREATE SCHEMA books;');
  });
  test('leaves out the schema that the migration tool made for itself', () => {
    expect(normaliseDump(dump('abc', '15.1'), 'books.migrations')).not.toContain('books');
  });
});

/** A migration of a database that is a list of lines. */
interface Migration {
  up(lines: string[]): string[];
  down(lines: string[]): string[];
}

const line = (name: string): Migration => ({
  up: (lines) => {
    if (lines.includes(name)) throw new Error(`${name} already exists`);
    return [...lines, name];
  },
  down: (lines) => {
    if (!lines.includes(name)) throw new Error(`${name} does not exist`);
    return lines.filter((other) => other !== name);
  },
});

function scratchOf(migrations: readonly Migration[], stepsAtOnce = 1): ScratchMigrations {
  let [lines, applied]: [string[], number] = [[], 0];
  const step = (work: () => string[], change: number): ExecResult => {
    const result = { code: 0, stdout: '', stderr: '', timedOut: false, durationMs: 1 };
    try {
      lines = work();
      applied += change;
      return result;
    } catch (error) {
      return { ...result, code: 1, stderr: (error as Error).message };
    }
  };
  const up = () => migrations[applied]?.up(lines) ?? lines;
  const apply = async () => step(up, stepsAtOnce);
  return {
    url: '',
    apply,
    revert: async () => step(() => migrations[applied - 1]?.down(lines) ?? lines, -1),
    state: async () => ({
      applied,
      schema: lines.filter((text) => !text.startsWith('row')).join('\n'),
      contents: { 'shop.t': { rows: lines.filter((text) => text.startsWith('row')).length, hash: lines.join() } },
    }),
    rebuild: async (count) => {
      [lines, applied] = [[], 0];
      while (applied < count) await apply();
    },
    drop: async () => undefined,
  };
}

async function walk(migrations: readonly Migration[], stepsAtOnce?: number) {
  const files = migrations.map((_, index) => `${index + 1}.sql`);
  return walkMigrations(scratchOf(migrations, stepsAtOnce), files, () => undefined);
}

describe('migrations that are walked up, down and up', () => {
  const [a, b, c] = [line('a'), line('b'), line('c')];

  test('are equal at each step', async () => {
    const steps = await walk([a, b, c]);
    expect(steps.map(({ file }) => file)).toEqual(['1.sql', '2.sql', '3.sql']);
    expect(
      steps.every(({ reverted, reapplied }) => !isDifferent(reverted) && reapplied && !isDifferent(reapplied)),
    ).toBe(true);
  });

  test('are blamed each for its own, and for nothing of another one', async () => {
    const forgets: Migration = { up: (lines) => [...b.up(lines), 'left behind'], down: b.down };
    const fails: Migration = { ...c, down: () => c.down([]) };
    const seen = await walk([a, forgets, fails, line('d')]);
    expect(seen.map(({ reverted }) => reverted)).toEqual([
      { failure: null, schema: [], contents: [] },
      { failure: null, schema: ['+left behind'], contents: ['shop.t: 0 rows with other values'] },
      { failure: 'c does not exist', schema: [], contents: [] },
      { failure: null, schema: [], contents: [] },
    ]);
    expect(seen.every(({ reapplied }) => reapplied && !isDifferent(reapplied))).toBe(true);
  });

  test('are compared by what their tables hold, too', async () => {
    const forgetsRow: Migration = { up: (lines) => [...b.up(lines), 'row'], down: b.down };
    const [, second] = await walk([a, forgetsRow]);
    expect(second?.reverted).toEqual({ failure: null, schema: [], contents: ['shop.t: 1 rows, and 0 before'] });
  });

  test('are not judged beyond one that cannot be applied again', async () => {
    let times = 0;
    const once: Migration = { ...b, up: (lines) => (++times > 1 ? b.up(['b']) : b.up(lines)) };
    const seen = await walk([a, once, c]);
    expect(seen.map(({ reapplied }) => reapplied?.failure)).toEqual([null, 'b already exists', undefined]);
  });

  test('cannot be looked at when a step is more than one migration', async () => {
    await expect(walk([a, b], 2)).rejects.toThrow(/2 migrations on its books, and not 1/);
  });

  test('cannot be looked at when the first way up fails', async () => {
    await expect(walk([a, a])).rejects.toThrow(/applying 2\.sql ended with exit code 1: a already exists/);
  });
});
