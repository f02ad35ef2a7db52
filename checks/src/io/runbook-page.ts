import { dirname, join } from 'node:path';
import { exec, lastLines } from './exec.ts';
import type { Tree } from './tree.ts';

/** The headings of a page that a drill ends with: what somebody sees, what they do, and what is true when it is over. */
export const drillSections = {
  see: 'What you see',
  mend: 'Recovery',
  over: 'How you know that it is over',
} as const;

/** What came of a page when its commands were run word for word. */
export interface FollowedPage {
  path: string;
  /** What keeps it from being followed: no such page, a section without words or without commands. */
  missing: string[];
  /** The section whose commands ended otherwise than with 0, and the last lines that they printed; null: none did. */
  failed: { section: string; code: number; said: string } | null;
}

const fence = /^( *)```bash\b[^\n]*\n([\s\S]*?)^ *```$/gm;
/** Of the commands of one section. They wait for what comes back by itself, each for no longer than it says. */
const timeoutMs = 30_000;
const linesShown = 4;
/** What a command printed before the error of the next one often is its reason. */
const inOneStream = 'exec 2>&1';

/** What stands under a heading of the second level; undefined when there is none. */
export function sectionOf(page: string, heading: string): string | undefined {
  const after = page.split(`\n## ${heading}\n`)[1];
  return after?.split(/^## /m)[0]?.trim();
}

/** The commands of a section, all its blocks as one; undefined when it has none. */
export function commandsOf(page: string, heading: string): string | undefined {
  const section = sectionOf(page, heading);
  if (section === undefined) return undefined;
  const blocks = [...section.matchAll(fence)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
  const commands = blocks.join('\n');
  return commands.trim() === '' ? undefined : commands;
}

/** What a drill's page has none of. Empty: it can be followed. */
export function missingIn(page: string): string[] {
  const { see, mend, over } = drillSections;
  return [
    ...(sectionOf(page, see) ? [] : [`nothing under "${see}"`]),
    ...[mend, over].flatMap((heading) =>
      commandsOf(page, heading) === undefined ? [`no commands under "${heading}"`] : [],
    ),
  ];
}

/**
 * Runs the commands of a page as whoever is on call would: in the directory of the page, those that mend and then those that
 * tell that it is over, ended by the first that fails. @throws when the signal fires or bash cannot be started.
 */
export async function followPage(
  tree: Tree,
  path: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<FollowedPage> {
  const page = await tree.read(path).catch(() => undefined);
  if (page === undefined) return { path, missing: ['no such page'], failed: null };
  const missing = missingIn(page);
  for (const section of [drillSections.mend, drillSections.over]) {
    const commands = commandsOf(page, section);
    if (commands === undefined) continue;
    // A shell whose input is a pipe reads start files otherwise, as if somebody had come by the network.
    const args = ['--noprofile', '--norc', '-euo', 'pipefail', '-c', `${inOneStream}\n${commands}`];
    const options = { cwd: join(tree.root, dirname(path)), env: environment, timeoutMs, signal };
    const result = await exec('bash', args, options);
    if (result.code === 0) continue;
    const said = result.timedOut ? `they were not done after ${timeoutMs / 1000} s` : lastLines(result, linesShown);
    return { path, missing, failed: { section, code: result.code, said } };
  }
  return { path, missing, failed: null };
}
