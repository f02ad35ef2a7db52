import { allChecks } from '../all.ts';
import { type Entry, entriesOf, placeOf, printedEntry } from '../checklist/entries.ts';
import { type Figures, figuresBy, figuresOf, percentOf } from '../checklist/figures.ts';
import { allItems } from '../checklist/items/index.ts';
import { type Asked, readAll, type Source } from '../checklist/read.ts';
import type { Streams } from './terminal.ts';

export interface ChecklistFlags {
  json?: boolean;
  source?: Source;
  uncovered?: boolean;
}

/** Boxes that nothing answers. A wrong flag is 2, as everywhere. */
const someUncovered = 1;

/**
 * What the five documents ask, and what answers it.
 * @returns 0; with `--uncovered` 1 when a box is without any answer.
 */
export function checklist(flags: ChecklistFlags, { stdout }: Streams): number {
  const boxes = readAll().boxes.filter(({ source }) => flags.source === undefined || source === flags.source);
  const { entries, uncovered } = entriesOf(boxes, allItems, allChecks);
  if (flags.uncovered) {
    stdout.write(flags.json ? printed(uncovered) : uncovered.map(line).join(''));
    return uncovered.length > 0 ? someUncovered : 0;
  }
  stdout.write(flags.json ? printed(entries.map(printedEntry)) : tables(entries));
  return 0;
}

function printed(items: readonly unknown[]): string {
  return `${JSON.stringify({ items }, null, 2)}\n`;
}

function line(asked: Asked): string {
  return `${placeOf(asked)}  ${asked.text}\n`;
}

function tables(entries: readonly Entry[]): string {
  const sources = figuresBy(entries, 'source');
  const areas = figuresBy(entries, 'area');
  const all = { name: 'all', figures: figuresOf(entries) };
  const width = Math.max(...areas.map(({ name }) => name.length));
  const table = (title: string, rows: readonly { name: string; figures: Figures }[]) =>
    [
      `${title.padEnd(width)}  ${heads.join('  ')}`,
      ...rows.map(({ name, figures }) => row(name.padEnd(width), figures)),
    ].join('\n');
  return `${table('source', [...sources, all])}\n\n${table('area', areas)}\n\n${legend}\n`;
}

const heads = ['boxes', 'executable', 'sign-off', 'planned', 'not applicable'] as const;
const legend = `executable: by a gate or drill that runs today; planned: by one that is still to be written, which fails a release.
CHECKLIST.md has every box with its answer; so has --json.`;

function row(name: string, { boxes, executable, signOff, planned, notApplicable }: Figures): string {
  const share = `${executable} (${percentOf(executable, boxes)} %)`;
  const cells = [boxes, share, signOff, planned, notApplicable].map((cell, index) =>
    String(cell).padStart(heads[index]?.length ?? 0),
  );
  return `${name}  ${cells.join('  ')}`;
}
