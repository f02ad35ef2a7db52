import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import noConsole, { findConsole } from '../src/gates/code/no-console.ts';
import typesCheck, { readCompilerOutput } from '../src/gates/code/types-check.ts';
import { lookAt, smallestConfig } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

const opened: SmallRepository[] = [];
async function repository(files: Record<string, string>): Promise<SmallRepository> {
  const made = await createSmallRepository(files);
  opened.push(made);
  return made;
}
afterEach(() => {
  for (const made of opened.splice(0)) made.close();
});

const codeConfig = (change: Partial<(typeof smallestConfig)['code']> & { consoleAllowed?: object[] }) =>
  parseConfig({ ...smallestConfig, code: { ...smallestConfig.code, ...change } }).code;

describe('no console', () => {
  test.each([
    ['console.log("a");', 'console.log("a")'],
    ["console['error'](1);", "console['error'](1)"],
    ['console?.warn(1);', 'console?.warn(1)'],
    ['globalThis.console.log(1);', 'globalThis.console.log(1)'],
    ["global['console'].log(1);", "global['console'].log(1)"],
    ['const { log } = console;', '{ log } = console'],
    ['const say = console.log.bind(console);', 'console.log.bind(console)'],
    ['const { console: out } = globalThis;', '{ console: out } = globalThis'],
    ["import { log } from 'node:console';", "import { log } from 'node:console';"],
    ["const out = require('console');", "out = require('console')"],
    ["await import('node:console');", "import('node:console')"],
    ['run({ out: console });', 'console'],
    ['run({ console });', 'console'],
    ['(console as unknown as Out).log(1);', 'console'],
    ['const { out = console } = options;', 'console'],
    ['cons\\u006fle.log(1);', 'cons\\u006fle.log(1)'],
  ])('%s', (text, code) => {
    const uses = findConsole('a.ts', `// one\n${text}\n`);
    expect(uses[0]).toEqual({ file: 'a.ts', line: 2, code: expect.stringContaining(code) });
  });

  test.each([
    '// console.log(1)',
    'const text = "console.log(1)";',
    'this.console.log(1);',
    'const reporters = { console: consoleReport };',
    'type Out = typeof console;',
    'interface Streams { console: Out }',
    "import type { Console } from 'node:console';",
    'const pattern = /console\\.log/;',
  ])('%s is none', (text) => expect(findConsole('a.ts', text)).toEqual([]));

  test('tests may print, and a file whose job it is; an allowance for nothing is a finding', async () => {
    const tree = await repository({
      'src/a.ts': "export const a = 1;\nconsole.log('a');\n",
      'src/a.test.ts': "console.log('a');\n",
      'src/cli.ts': "console.log('usage');\n",
    });
    const reason = 'it prints what it was asked for';
    const allow = (...globs: string[]) => ({
      code: codeConfig({ consoleAllowed: globs.map((glob) => ({ glob, reason })) }),
    });
    expect(await lookAt(noConsole, tree.root, allow('src/cli.ts'))).toMatchObject({
      outcome: 'fail',
      examined: 2,
      findings: [{ file: 'src/a.ts', line: 2 }],
    });
    tree.write('src/a.ts', 'export const a = 1;\n');
    expect((await lookAt(noConsole, tree.root, allow('src/cli.ts'))).outcome).toBe('pass');
    const stale = await lookAt(noConsole, tree.root, allow('src/cli.ts', 'src/gone.ts'));
    expect(stale.findings.map(({ message }) => message)).toEqual([expect.stringContaining('src/gone.ts')]);
  });

  test('what cannot be parsed is an error, and so is a tree without production code', async () => {
    const broken = await repository({ 'src/a.ts': 'console.log(' });
    expect((await lookAt(noConsole, broken.root)).outcome).toBe('error');
    const empty = await repository({ 'readme.md': 'nothing\n' });
    expect((await lookAt(noConsole, empty.root)).outcome).toBe('error');
  });
});

describe('types check', () => {
  const roots = ['/tree'];

  test('counts the files of the tree alone, and reads each fault with its place', () => {
    const stdout = [
      "src/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
      "  The expected type comes from property 'a'.",
      "error TS2688: Cannot find type definition file for 'node'.",
      '/tree/node_modules/typescript/lib/lib.es5.d.ts',
      '/elsewhere/b.ts',
      '/tree/src/a.ts',
      '/tree/src/b.ts',
      '',
    ].join('\n');
    expect(readCompilerOutput({ stdout, stderr: '' }, roots)).toEqual({
      files: 2,
      faults: [
        {
          file: 'src/a.ts',
          line: 3,
          code: 'TS2322',
          message: "Type 'string' is not assignable to type 'number'.",
        },
        { code: 'TS2688', message: "Cannot find type definition file for 'node'." },
      ],
    });
  });

  const strict = JSON.stringify({ compilerOptions: { strict: true, noEmit: true, types: [] }, include: ['src'] });
  const compiler = { code: codeConfig({ typeCheck: ['tsc'] }) };

  test('the real compiler: a fault is found in its line, and mended it is gone', async () => {
    const tree = await repository({ 'tsconfig.json': strict, 'src/a.ts': "\nexport const a: number = 'a';\n" });
    expect(await lookAt(typesCheck, tree.root, compiler)).toMatchObject({
      outcome: 'fail',
      examined: 1,
      findings: [{ file: 'src/a.ts', line: 2, message: expect.stringContaining('TS2322') }],
    });
    tree.write('src/a.ts', 'export const a: number = 1;\n');
    expect(await lookAt(typesCheck, tree.root, compiler)).toMatchObject({ outcome: 'pass', examined: 1 });
  });

  test('a compiler that looked at nothing, or is none, gives no verdict', async () => {
    const tree = await repository({ 'tsconfig.json': strict, 'readme.md': 'nothing\n' });
    expect((await lookAt(typesCheck, tree.root, compiler)).outcome).toBe('error');
    for (const command of ['true', 'false', 'no-such-compiler']) {
      const result = await lookAt(typesCheck, tree.root, { code: codeConfig({ typeCheck: [command] }) });
      expect(result.outcome, command).toBe('error');
    }
  });
});
