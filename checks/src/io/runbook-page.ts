import { dirname, join } from 'node:path';
import { execOrThrow } from './exec.ts';
import type { Tree } from './tree.ts';

const heading = /^## Recovery$/m;
const fence = /^```bash\n([\s\S]*?)^```$/gm;
const timeoutMs = 30_000;

/** The commands under the heading `Recovery` of a page. @throws when there are none. */
export function recoveryOf(page: string): string {
  const [, after] = page.split(heading);
  const [section = ''] = (after ?? '').split(/^## /m);
  const blocks = [...section.matchAll(fence)].map(([, block = '']) => block);
  if (blocks.length === 0) throw new Error('there are no commands under the heading "Recovery"');
  return blocks.join('\n');
}

/**
 * Runs the commands of a page as whoever is on call would: in the directory of the page, one after the other, ended by the first
 * that fails. @throws with what it printed.
 */
export async function followPage(
  tree: Tree,
  path: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  const commands = recoveryOf(await tree.read(path));
  try {
    const args = ['-e', '-u', '-o', 'pipefail', '-c', commands];
    await execOrThrow('bash', args, { cwd: join(tree.root, dirname(path)), env: environment, timeoutMs, signal });
  } catch (cause) {
    const reason = (cause as Error).message.replace(commands, '…');
    throw new Error(`the commands of ${path} do not recover it: ${reason}`, { cause });
  }
}
