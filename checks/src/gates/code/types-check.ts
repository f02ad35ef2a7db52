import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { defineGate } from '../../engine/gate.ts';
import { type ExecResult, lastLines } from '../../io/exec.ts';

/** One diagnostic. Without a file it is about the compilation as a whole. */
interface TypeFault {
  file?: string;
  line?: number;
  code: string;
  message: string;
}

interface Facts {
  faults: TypeFault[];
  /** Diagnostics beyond those that are listed. */
  more: number;
}

/** Files first, then the rest: nobody mends more than this from one report. */
const listedFaults = 100;

export default defineGate<Facts>({
  id: 'code/types-check',
  severity: 'blocker',
  profile: 'static',
  needs: [],
  files: ['**/*.{ts,tsx,mts,cts,js,mjs,cjs,json}'],
  covers: ['code.types'],
  unit: 'files',
  why: 'Node runs TypeScript without looking at its types: what the compiler would have refused fails in production, on the path that nobody tested.',
  fix: 'Mend the type where the fault is, without any, casts or @ts-ignore; the compiler alone: the command code.typeCheck of preflight.config.ts.',
  source: 'https://www.typescriptlang.org/docs/handbook/compiler-options.html',

  async observe({ config, tree, exec }) {
    const [program = '', ...args] = config.code.typeCheck;
    const result = await exec(program, [...args, '--listFiles', '--pretty', 'false']);
    if (result.timedOut) throw new Error(`${config.code.typeCheck.join(' ')} did not end in time`);
    const { files, faults } = readCompilerOutput(result, [tree.root, await realpath(tree.root)]);
    if (files === 0) throw new Error(`the compiler looked at no file of this tree: ${lastLines(result)}`);
    if (result.code !== 0 && faults.length === 0) {
      throw new Error(`the compiler ended with exit code ${result.code} and named no fault: ${lastLines(result)}`);
    }
    const listed = faults.slice(0, listedFaults);
    return { examined: files, facts: { faults: listed, more: faults.length - listed.length } };
  },

  judge: ({ faults, more }) => [
    ...faults.map(({ file, line, code, message }) => ({
      message: `${code}: ${message}`,
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
      identity: `${code} ${message}`,
    })),
    ...(more > 0 ? [{ message: `the compiler names ${more} more faults`, identity: 'more' }] : []),
  ],

  samples: {
    good: [{ faults: [], more: 0 }],
    bad: [
      {
        faults: [{ file: 'src/app.ts', line: 3, code: 'TS2322', message: "Type 'string' is not assignable." }],
        more: 0,
      },
      { faults: [{ code: 'TS2688', message: "Cannot find type definition file for 'node'." }], more: 0 },
      { faults: [], more: 12 },
    ],
  },

  async sabotage({ config, scratch }) {
    const victim = (await scratch.files(...config.code.production)).find((path) => /\.[cm]?tsx?$/.test(path));
    if (!victim) throw new Error('code.production holds no TypeScript file');
    await scratch.write(victim, `${await scratch.read(victim)}\nexport const planted: number = 'not a number';\n`);
    return undefined;
  },
});

const placed = /^(.+?)\((\d+),\d+\): error (TS\d+): (.*)$/;
const unplaced = /^error (TS\d+): (.*)$/;

/**
 * Counts the files of the tree that were compiled (not those of its dependencies) and reads each diagnostic. Lines that
 * begin with white space continue the diagnostic above them: its first line alone says what is wrong.
 */
export function readCompilerOutput(
  { stdout, stderr }: Pick<ExecResult, 'stdout' | 'stderr'>,
  roots: readonly string[],
): { files: number; faults: TypeFault[] } {
  const files = new Set<string>();
  const faults: TypeFault[] = [];
  for (const line of `${stdout}\n${stderr}`.split('\n').map((text) => text.trimEnd())) {
    const [, path, number, code, message] = placed.exec(line) ?? [];
    if (path !== undefined && code !== undefined && message !== undefined) {
      faults.push({ file: inside(path, roots) ?? path, line: Number(number), code, message });
      continue;
    }
    const [, generalCode, general] = unplaced.exec(line) ?? [];
    if (generalCode !== undefined && general !== undefined) faults.push({ code: generalCode, message: general });
    else if (isAbsolute(line)) {
      const own = inside(line, roots);
      if (own !== undefined) files.add(own);
    }
  }
  return { files: files.size, faults };
}

/** The path inside the tree, or undefined for a dependency or a file elsewhere. */
function inside(path: string, roots: readonly string[]): string | undefined {
  for (const root of new Set(roots)) {
    const own = relative(root, resolve(root, path)).split(sep).join('/');
    if (!own.startsWith('../') && !isAbsolute(own) && !/(^|\/)node_modules\//.test(own)) return own;
  }
  return undefined;
}
