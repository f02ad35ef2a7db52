import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { blanksOf, fillBlanks } from '../blank.ts';
import { UsageError } from '../errors.ts';
import { openTree, type Tree } from '../io/tree.ts';
import { configText } from '../survey/config-text.ts';
import { type Names, type Survey, survey } from '../survey/survey.ts';
import type { Streams } from './terminal.ts';

export interface InitFlags {
  config: string;
  force?: boolean;
}

/**
 * Writes a configuration from what the repository shows. What it does not show is asked for on a terminal; what is not
 * answered is left as a blank with its question, which `preflight run` names until it is filled in.
 * @throws UsageError when there is one already, unless --force is given.
 */
export async function init(
  { config: file, force = false }: InitFlags,
  { stdout, stderr }: Streams,
  input: NodeJS.ReadStream = process.stdin,
): Promise<number> {
  const root = process.cwd();
  if (!force && (await isThere(join(root, file))))
    throw new UsageError(`${file} is there already`, 'Mend it by hand, or write it anew with --force.');
  const tree = openTree(root);
  const found = input.isTTY ? await surveyAndAsk(tree, input, stderr) : await survey(tree);
  await writeFile(join(root, file), configText(found));
  const blanks = blanksOf(found);
  const rest =
    blanks.length === 0 ? 'nothing is left open' : `${blanks.length} blanks are left:\n  ${blanks.join('\n  ')}`;
  stdout.write(`${file} is written; ${rest}\nThen: npx preflight run --profile static\n`);
  return 0;
}

/** The questions whose answer names a variable, and what it is called in the survey. */
const variables: Readonly<Record<string, keyof Names>> = {
  'service.environment.DATABASE_URL': 'databaseUrl',
  'service.environment.PORT': 'port',
};

/** Asks on stderr for each blank; an empty line leaves it one. */
async function surveyAndAsk(tree: Tree, input: NodeJS.ReadStream, stderr: NodeJS.WriteStream): Promise<Survey> {
  const terminal = createInterface({ input, output: stderr });
  const lines = terminal[Symbol.asyncIterator]();
  const question = async (place: string, text: string): Promise<string | null> => {
    stderr.write(`${place}: ${text}\n> `);
    const { value, done } = await lines.next();
    const answer = done ? '' : value.trim();
    return answer === '' ? null : answer;
  };
  try {
    stderr.write('What the repository does not show is asked for. An empty line leaves it open.\n');
    const names: Names = {};
    const first = await survey(tree);
    await fillBlanks({ service: { environment: first.service.environment } }, async (place, text) => {
      const name = variables[place];
      const answer = name === undefined ? null : await question(place, text.replace(/ Give it .*/, ''));
      if (name !== undefined && answer !== null) names[name] = answer;
      return null;
    });
    const found = await survey(tree, names);
    return await fillBlanks(found, (place, text) =>
      place in variables ? Promise.resolve(null) : question(place, text),
    );
  } finally {
    terminal.close();
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
