import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeOrCheck } from './generated-document.ts';

let directory: string;
const said: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'generated-document-'));
  said.length = 0;
  for (const method of ['log', 'error'] as const)
    vi.spyOn(console, method).mockImplementation((text: string) => void said.push(text));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

test('a document that is missing or old is stale; written it is not', () => {
  const file = pathToFileURL(join(directory, 'THINGS.md'));
  const run = (text: string, flag?: string) =>
    writeOrCheck({ file, text: () => text, about: '2 things' }, 'things.ts', flag);
  expect(run('one\n', '--check')).toBe(1);
  expect(run('one\n', '--write')).toBe(0);
  expect(readFileSync(file, 'utf8')).toBe('one\n');
  expect(run('one\n', '--check')).toBe(0);
  expect(run('two\n', '--check')).toBe(1);
  expect(run('two\n')).toBe(2);
  expect(said).toEqual([
    'THINGS.md does not say what its sources say: run `make docs` and commit the result',
    'THINGS.md: 2 things',
    'THINGS.md does not say what its sources say: run `make docs` and commit the result',
    'usage: node tools/things.ts --write | --check',
  ]);
});
