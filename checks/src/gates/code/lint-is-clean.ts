import { relative } from 'node:path';
import { z } from 'zod';
import { type Config, partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { type ExecResult, lastLines } from '../../io/exec.ts';

/** What the linter says of one place. */
interface Fault {
  file: string;
  line: number;
  rule: string;
  message: string;
}

interface Facts {
  faults: Fault[];
  /** Beyond those that are listed. */
  more: number;
}

/** What a linter saw: of how many files, and whatever it would have stopped a build for. */
interface Linted {
  files: number;
  faults: Fault[];
}

const listedFaults = 100;
/** Where the rules stand: with others, the same files are looked at again. */
const rulesFiles = ['**/biome.{json,jsonc}', '**/eslint.config.*', '**/package.json', '**/tsconfig*.json'];

export default defineGate<Facts>({
  id: 'code/lint-is-clean',
  severity: 'blocker',
  profile: 'commit',
  needs: ['config:lint'],
  files: (config) => [...globsOf(config), ...rulesFiles],
  covers: ['code.lint'],
  unit: 'files',
  why: 'What a linter refuses is what compiles and goes wrong: a promise that nobody awaits, a variable that nobody reads, a value of any type.',
  fix: 'Mend the code; the linter alone: the command lint.command of preflight.config.ts.',
  source: 'https://biomejs.dev/linter/',
  timeoutMs: 120_000,

  async observe({ config, tree, exec }) {
    const { command, report } = partOf(config, 'lint');
    const files = await tree.files(...globsOf(config));
    if (files.length === 0) throw new Error(`no file of the tree matches ${globsOf(config).join(', ')}`);
    const [program = '', ...args] = command;
    const result = await exec(program, [...args, ...linters[report].args, ...files]);
    if (result.timedOut) throw new Error(`${command.join(' ')} did not end in time`);
    const seen = linters[report].read(result, tree.root);
    if (seen.files !== files.length) {
      throw new Error(
        `the linter looked at ${seen.files} of ${files.length} files: its own settings leave out the rest of lint.files`,
      );
    }
    if ((result.code === 0) !== (seen.faults.length === 0)) {
      throw new Error(
        `the linter ended with exit code ${result.code} and ${seen.faults.length} faults: ${lastLines(result)}`,
      );
    }
    const faults = seen.faults.slice(0, listedFaults);
    return { examined: seen.files, facts: { faults, more: seen.faults.length - faults.length } };
  },

  judge: ({ faults, more }) => [
    ...faults.map(({ file, line, rule, message }) => ({
      message: `${rule}: ${message}`,
      file,
      line: Math.max(line, 1),
      identity: `${rule} ${message}`,
    })),
    ...(more > 0 ? [{ message: `the linter names ${more} more faults`, identity: 'more' }] : []),
  ],

  samples: {
    good: [{ faults: [], more: 0 }],
    bad: [
      { faults: [{ file: 'src/app.ts', line: 3, rule: 'no-debugger', message: 'Unexpected debugger.' }], more: 0 },
      { faults: [], more: 12 },
    ],
  },

  async sabotage({ config, scratch }) {
    const [victim] = await scratch.files(...globsOf(config));
    if (victim === undefined) throw new Error('lint.files matches no file');
    await scratch.write(victim, `${await scratch.read(victim)}\ndebugger;\n`);
    return undefined;
  },
});

function globsOf({ code, lint }: Config): readonly string[] {
  return lint?.files ?? code.production;
}

interface Linter {
  /** With these it prints all that it sees, as JSON. The files come after them. */
  args: readonly string[];
  /** @throws when it printed something else. */
  read(result: ExecResult, root: string): Linted;
}

const biomeReport = z.object({
  summary: z.object({ changed: z.int(), unchanged: z.int(), diagnosticsNotPrinted: z.int().default(0) }),
  diagnostics: z.array(
    z.object({
      severity: z.string(),
      message: z.string(),
      category: z.string(),
      location: z.object({ path: z.string(), start: z.object({ line: z.int() }) }).optional(),
    }),
  ),
});

const eslintReport = z.array(
  z.object({
    filePath: z.string(),
    messages: z.array(
      z.object({
        ruleId: z.string().nullable(),
        severity: z.int(),
        message: z.string(),
        line: z.int().optional(),
      }),
    ),
  }),
);

const linters: Record<'biome' | 'eslint', Linter> = {
  biome: {
    args: ['--reporter=json', '--max-diagnostics=none'],
    read(result) {
      const { summary, diagnostics } = parse(biomeReport, result);
      if (summary.diagnosticsNotPrinted > 0) {
        throw new Error(`biome kept ${summary.diagnosticsNotPrinted} of its diagnostics to itself`);
      }
      const said = diagnostics.map(({ severity, category, message, location }) => ({
        ...{ severity, file: location?.path ?? '', line: location?.start.line ?? 1, rule: category, message },
      }));
      return { files: summary.changed + summary.unchanged, faults: thoseThatStop(said, result) };
    },
  },
  eslint: {
    args: ['--format=json', '--'],
    read(result, root) {
      // A file that is ignored is listed too, with a warning that belongs to no rule.
      const seen = parse(eslintReport, result).filter(
        ({ messages }) => !messages.some(({ ruleId, severity }) => ruleId === null && severity === 1),
      );
      const said = seen.flatMap(({ filePath, messages }) =>
        messages.map(({ ruleId, severity, message, line = 1 }) => ({
          ...{ severity: severity === 2 ? 'error' : 'warning', file: relative(root, filePath) },
          ...{ line, rule: ruleId ?? 'cannot be parsed', message },
        })),
      );
      return { files: seen.length, faults: thoseThatStop(said, result) };
    },
  },
};

/** @throws with the linter's own last words when it printed something else. */
function parse<T>(shape: z.ZodType<T>, result: ExecResult): T {
  try {
    return shape.parse(JSON.parse(result.stdout));
  } catch {
    throw new Error(`the linter ended with exit code ${result.code}, and without its report: ${lastLines(result)}`);
  }
}

/** Errors; where there is none and it failed all the same, its flags do not suffer warnings. */
function thoseThatStop(said: readonly (Fault & { severity: string })[], { code }: ExecResult): Fault[] {
  const errors = said.filter(({ severity }) => severity === 'error' || severity === 'fatal');
  const stopping = errors.length > 0 || code === 0 ? errors : said.filter(({ severity }) => severity === 'warning');
  return stopping.map(({ severity: _, ...fault }) => fault);
}
