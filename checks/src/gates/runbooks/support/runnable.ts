import { anchorOf } from '../../documentation/support/page.ts';

/** A block of a page that somebody types, word for word. */
export interface Runnable {
  /** The anchor of the heading that it stands under. */
  section: string;
  line: number;
  text: string;
  /** The exit code that the page says it ends with. */
  exit: number;
}

/** A fence with `bash run`, or with `bash run exit=5` where another end is what the page is about. */
const marked = /^( *)```bash run(?: exit=(\d{1,3}))?\s*$/;
const heading = /^#{1,6}\s+(.+?)\s*$/;

/** Reads the blocks of a page that are marked as runnable, and its headings' anchors. */
export function readRunnables(text: string): { sections: string[]; blocks: Runnable[] } {
  const [sections, blocks]: [string[], Runnable[]] = [[], []];
  let fenced: { indent: number; block: Runnable | undefined } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (fenced) {
      if (line.trim() === '```') fenced = undefined;
      else if (fenced.block) fenced.block.text += `${line.slice(fenced.indent)}\n`;
      continue;
    }
    const title = heading.exec(line)?.[1];
    if (title !== undefined) sections.push(anchorOf(title));
    if (!/^\s*```/.test(line)) continue;
    const [, indent = '', exit = '0'] = marked.exec(line) ?? [];
    const block = { section: sections.at(-1) ?? '', line: index + 1, text: '', exit: Number(exit) };
    fenced = { indent: indent.length, block: marked.test(line) ? block : undefined };
    if (fenced.block) blocks.push(fenced.block);
  }
  return { sections, blocks };
}

/** Puts values in the places of words such as ORDER_ID. */
export function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  const names = Object.keys(values);
  if (names.length === 0) return text;
  return text.replaceAll(new RegExp(`\\b(?:${names.join('|')})\\b`, 'g'), (name) => values[name] ?? name);
}
