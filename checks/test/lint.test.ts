import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Config } from '../src/config.ts';
import lintIsClean from '../src/gates/code/lint-is-clean.ts';
import { lookAt, repositoryRoot } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

type Lint = NonNullable<Config['lint']>;

const opened: SmallRepository[] = [];
afterEach(() => {
  for (const made of opened.splice(0)) made.close();
});

async function lint(files: Record<string, string>, settings: Lint) {
  const repository = await createSmallRepository(files);
  opened.push(repository);
  const { outcome, examined, findings } = await lookAt(lintIsClean, repository.root, { lint: settings });
  return { outcome, examined, said: findings.map(({ file, line, message }) => [file, line, message]) };
}

const biome: Lint = {
  command: [join(repositoryRoot, 'node_modules', '.bin', 'biome'), 'lint', '--error-on-warnings'],
  report: 'biome',
};
const clean = 'export const one = 1;\n';

test('biome: files that are clean, an error, a warning that the flags do not suffer, and what is no TypeScript', async () => {
  expect(await lint({ 'a.ts': clean, 'b.ts': clean, 'c.md': '#' }, biome)).toEqual({
    outcome: 'pass',
    examined: 2,
    said: [],
  });
  expect(await lint({ 'a.ts': clean, 'b.ts': `${clean}\ndebugger;\n` }, biome)).toMatchObject({
    outcome: 'fail',
    examined: 2,
    said: [['b.ts', 3, expect.stringMatching(/^lint\/suspicious\/noDebugger: .*debugger/)]],
  });
  expect(await lint({ 'a.ts': 'export function f() {\n  const y = 1;\n}\n' }, biome)).toMatchObject({
    said: [['a.ts', 2, expect.stringMatching(/^lint\/correctness\/noUnusedVariables: /)]],
  });
  expect(await lint({ 'a.ts': 'const (\n' }, biome)).toMatchObject({
    outcome: 'fail',
    said: [['a.ts', 1, expect.stringMatching(/^parse: /)]],
  });
});

test('what the linter leaves out by its own settings is an error, and so are a tree without files and a command without a report', async () => {
  const settings = JSON.stringify({ files: { includes: ['**', '!b.ts'] } });
  expect(await lint({ 'a.ts': clean, 'b.ts': clean, 'biome.json': settings }, biome)).toMatchObject({
    outcome: 'error',
    said: [[undefined, undefined, expect.stringContaining('the linter looked at 1 of 2 files')]],
  });
  expect(await lint({ 'a.js': clean }, biome)).toMatchObject({ outcome: 'error', examined: 0 });
  expect(await lint({ 'a.ts': clean }, { ...biome, command: ['true'] })).toMatchObject({
    outcome: 'error',
    said: [[undefined, undefined, expect.stringContaining('exit code 0, and without its report')]],
  });
});

/** What ESLint 10.15.0 prints, with the file's own path, and its exit code. */
function eslint(exitCode: number, ...messages: object[]): Lint {
  const print = `console.log(JSON.stringify([{ filePath: require('node:path').resolve('a.ts'), messages: ${JSON.stringify(messages)} }])); process.exitCode = ${exitCode}`;
  return { command: ['node', '--eval', print, '--'], report: 'eslint' };
}

test.each<[string, Lint, object]>([
  ['a clean file', eslint(0), { outcome: 'pass', examined: 1 }],
  [
    'an error beside a warning',
    eslint(
      1,
      { ruleId: 'no-debugger', severity: 2, message: "Unexpected 'debugger' statement.", line: 7, column: 1 },
      { ruleId: 'no-unused-vars', severity: 1, message: "'x' is assigned a value but never used.", line: 1 },
    ),
    { outcome: 'fail', said: [['a.ts', 7, "no-debugger: Unexpected 'debugger' statement."]] },
  ],
  [
    'a warning that --max-warnings does not suffer',
    eslint(1, { ruleId: 'no-unused-vars', severity: 1, message: 'never used', line: 1 }),
    { outcome: 'fail', said: [['a.ts', 1, 'no-unused-vars: never used']] },
  ],
  [
    'a warning',
    eslint(0, { ruleId: 'no-unused-vars', severity: 1, message: 'never used', line: 1 }),
    { outcome: 'pass', examined: 1 },
  ],
  [
    'a file that cannot be parsed',
    eslint(1, { ruleId: null, fatal: true, severity: 2, message: 'Parsing error: Unexpected token (', line: 2 }),
    { outcome: 'fail', said: [['a.ts', 2, 'cannot be parsed: Parsing error: Unexpected token (']] },
  ],
  [
    'a file that is ignored',
    eslint(0, {
      ruleId: null,
      fatal: false,
      severity: 1,
      message: 'File ignored because of a matching ignore pattern.',
    }),
    { outcome: 'error', examined: 0 },
  ],
  ['a failure without a fault', eslint(2), { outcome: 'error' }],
])('eslint: %s', async (_, settings, expected) => {
  expect(await lint({ 'a.ts': clean }, settings)).toMatchObject(expected);
});
