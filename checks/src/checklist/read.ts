import { readFileSync } from 'node:fs';

/** The five readiness checklists that this product answers, as they were written. Their bytes are kept (`sources/`). */
export const sources = ['S0', 'S1', 'S2', 'S3', 'S4'] as const;
export type Source = (typeof sources)[number];

/** A place in a document and the words that stand there: `S1:112 p95 latency < 150ms`. Lines are counted from 1. */
export type Ask = `${Source}:${number} ${string}`;

/** A line of a document that wants something. */
export interface Asked {
  source: Source;
  line: number;
  /** Without its list mark and its box. */
  text: string;
}

/** What a document asks, in its order. */
export interface Read {
  /** List entries with a box to tick: `- [ ]`, `- [x]`, `* [ ]`, `1. [ ]`, at any depth. */
  boxes: Asked[];
  /** Lines that state a figure for the boxes they belong to, and rows of a table of targets. They have no box of their own. */
  thresholds: Asked[];
  /** Headings with a box: a title over boxes, done when each box below it is, and therefore no item of its own. */
  titles: Asked[];
}

const fence = /^\s*(```|~~~)/;
const heading = /^#{1,6} +(.*)$/;
const emptyOrTicked = /^\[[ xX]\] +(.*)$/;
const listEntry = /^\s*(?:[-*+]|\d+[.)]) +(.*)$/;
/** The second cell of a table is the target. */
const tableRow = /^\|[^|]+\|([^|]+)\|/;

/** What is known about an entry, and not wanted of anybody: `ETA: 4-6 hours`. */
const aside = /^(ETA|Estimate|File|Status|Current|Impact|Search)\b/;
/** A bound, a figure with its unit, a rhythm, or a count of people. */
const figure =
  /[<>≤≥]\s*\d|\$\d|\b\d[\d,.]*\+?[\s-]*(%|(ms|s|sec|min|hour|day|week|month|year|retr|consecutive|concurrent|req|calls|failed|KB|MB|GB|results|high|successful|queued|SSE)\w*)|\bversion: \d|\bfails \d|\b(zero|two)\s|\b(hourly|daily|weekly|monthly|quarterly)\b/i;

/**
 * Reads one checklist. A box is an entry of a list that begins with `[ ]` or `[x]`: the five documents have 111, 44, 318, 123
 * and 96 of them, 692 in all. The 22 headings of S0 that carry a box as well are not counted among them: they sum up.
 * What stands in a code block is an example, and asks nothing.
 */
export function readChecklist(source: Source, document: string): Read {
  const read: Read = { boxes: [], thresholds: [], titles: [] };
  let fenced = false;
  let underBoxes = false;
  for (const [index, raw] of document.split('\n').entries()) {
    const at = (text: string): Asked => ({ source, line: index + 1, text: text.trim() });
    if (fence.test(raw)) fenced = !fenced;
    if (fenced) continue;
    const title = heading.exec(raw)?.[1];
    const entry = listEntry.exec(raw)?.[1];
    const box = emptyOrTicked.exec(entry ?? title ?? '')?.[1];
    if (title !== undefined) {
      underBoxes = false;
      if (box !== undefined) read.titles.push(at(box));
    } else if (box !== undefined) {
      underBoxes = true;
      read.boxes.push(at(box));
    } else if (states(entry, underBoxes) || states(tableRow.exec(raw)?.[1], true)) {
      read.thresholds.push(at(entry ?? raw));
    }
  }
  return read;
}

/** A line belongs to the boxes above it up to the next heading. */
function states(text: string | undefined, underBoxes: boolean): boolean {
  return text !== undefined && underBoxes && !aside.test(text) && figure.test(text);
}

/** The text of a document, byte for byte as it was written (its broken characters too). */
export function documentOf(source: Source): string {
  return readFileSync(new URL(`sources/${source}.md`, import.meta.url), 'utf8');
}

/** What all five ask, in the order of the documents. */
export function readAll(): Read {
  const read = sources.map((source) => readChecklist(source, documentOf(source)));
  return {
    boxes: read.flatMap(({ boxes }) => boxes),
    thresholds: read.flatMap(({ thresholds }) => thresholds),
    titles: read.flatMap(({ titles }) => titles),
  };
}

/** @throws for a text that is no place in a document: the data is ours, so that it is a fault of ours. */
export function parseAsk(ask: Ask): Asked {
  const [, source, line, text] = /^(S[0-4]):(\d+) (.+)$/.exec(ask) ?? [];
  if (source === undefined || line === undefined || text === undefined)
    throw new Error(`no place in a document: ${ask}`);
  return { source: source as Source, line: Number(line), text };
}
