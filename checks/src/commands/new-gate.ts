import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Streams } from './terminal.ts';

const gatesDirectory = join(import.meta.dirname, '..', 'gates');

/** Writes a gate that cannot pass yet, and its place in the index. @throws UsageError for a name that is no statement, or is taken. */
export async function newGate(id: string, { stdout }: Streams): Promise<number> {
  const [, area, statement] = /^([a-z][a-z-]*)\/([a-z][a-z0-9-]+)$/.exec(id) ?? [];
  if (!area || !statement) {
    throw new UsageError(
      `${id} is not AREA/STATEMENT`,
      'Use small letters and dashes, and say what must be true: database/required-indexes-exist',
    );
  }
  if (!existsSync(join(gatesDirectory, 'index.ts'))) {
    throw new UsageError(
      'this preflight is an installed package, whose gates are compiled',
      "Write the gate in preflight's own repository, and install what is packed there.",
    );
  }
  const path = join(gatesDirectory, area, `${statement}.ts`);
  if (existsSync(path)) throw new UsageError(`${id} exists already`, `Open ${path}`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, template(id));
  await enterIntoIndex(area, statement);
  stdout.write(
    `${path}\nIt throws until its observe() looks at something. Then: npx preflight run ${id}; npx preflight prove ${id}\n`,
  );
  return 0;
}

async function enterIntoIndex(area: string, statement: string): Promise<void> {
  const path = join(gatesDirectory, 'index.ts');
  const name = statement.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const text = await readFile(path, 'utf8');
  const entered = text
    .replace('\n\n/**', `\nimport ${name} from './${area}/${statement}.ts';\n\n/**`)
    .replace('\n];', `\n  ${name},\n];`);
  await writeFile(path, entered);
}

function template(id: string): string {
  return `import { defineGate } from '../../engine/gate.ts';

interface Facts {
  wrong: string[];
}

export default defineGate<Facts>({
  id: '${id}',
  severity: 'blocker',
  profile: 'commit',
  needs: [],
  // Items that a pass answers: preflight checklist --json has their ids, and checks/src/checklist/items/ takes new ones.
  covers: [],
  unit: 'things',
  why: 'What goes wrong in production when this is not so.',
  fix: 'What to do when it is red.',
  source: 'Where the rule comes from.',

  // I/O only: look, count what was looked at, judge nothing.
  async observe() {
    throw new Error('${id} does not look at anything yet');
  },

  // Pure: facts in, findings out.
  judge: ({ wrong }) => wrong.map((message) => ({ message })),

  samples: { good: [{ wrong: [] }], bad: [{ wrong: ['an example'] }] },

  // Break the thing in the sandbox, and return what mends it; edits of sandbox.scratch are taken back by themselves.
  async sabotage() {
    throw new Error('${id} has no sabotage yet');
  },
});
`;
}
