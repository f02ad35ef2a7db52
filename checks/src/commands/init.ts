import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { blanksOf } from '../blank.ts';
import { UsageError } from '../engine/errors.ts';
import { openTree } from '../io/tree.ts';
import { configText } from '../survey/config-text.ts';
import { survey } from '../survey/survey.ts';
import type { Streams } from './terminal.ts';

export interface InitFlags {
  config: string;
  force?: boolean;
}

/**
 * Writes a configuration from what the repository shows. What it does not show is left as a blank with its question, which
 * `preflight run` names until it is filled in.
 * @throws UsageError when there is one already, unless --force is given.
 */
export async function init({ config: file, force = false }: InitFlags, { stdout }: Streams): Promise<number> {
  const root = process.cwd();
  if (!force && (await isThere(join(root, file))))
    throw new UsageError(`${file} is there already`, 'Mend it by hand, or write it anew with --force.');
  const found = await survey(openTree(root));
  await writeFile(join(root, file), configText(found));
  const blanks = blanksOf(found);
  const rest =
    blanks.length === 0 ? 'nothing is left open' : `${blanks.length} blanks are left:\n  ${blanks.join('\n  ')}`;
  stdout.write(`${file} is written; ${rest}\nThen: npx preflight run --profile static\n`);
  return 0;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
