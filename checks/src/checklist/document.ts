import { entriesOf, placeOf, reasonOf } from './entries.ts';
import { type Figures, figuresBy, figuresOf, percentOf } from './figures.ts';
import { type Answer, areaOf, type Item } from './item.ts';
import { parseAsk, type Read } from './read.ts';
import { checksOf, type Known, resolve } from './resolve.ts';
import { overruled, type Said, strictest, type Threshold } from './thresholds.ts';

/** CHECKLIST.md as text: how much is executable, where the documents disagree, and every line with its answer. */
export function checklistDocument(
  read: Read,
  items: readonly Item[],
  checks: readonly Known[],
  thresholds: readonly Threshold[],
): string {
  const { entries } = entriesOf(read.boxes, items, checks);
  return [
    '# The readiness checklists',
    summary(figuresOf(entries), read),
    figuresTable('document', figuresBy(entries, 'source'), figuresOf(entries)),
    '## By area',
    figuresTable('area', figuresBy(entries, 'area')),
    '## Figures that several lines state',
    'The strictest holds by default. What it overrules stays on record here.',
    thresholdTable(thresholds),
    '## Every line and its answer',
    howToRead,
    ...areas(items).flatMap((area) => [
      `### ${area}`,
      itemTable(
        items.filter((item) => areaOf(item) === area),
        checks,
      ),
    ]),
  ]
    .join('\n\n')
    .concat('\n');
}

function summary({ boxes, executable, planned }: Figures, { titles, thresholds }: Read): string {
  return `Five documents (\`checks/src/checklist/sources/\`, kept as they were written) have ${boxes} boxes to tick. Today ${executable} of them
(${percentOf(executable, boxes)} %) are answered by a gate or drill that runs; ${planned} more (${percentOf(planned, boxes)} %) have one that is named and still to be written, and a
release fails each of these. \`make docs\` writes this file; \`npx preflight checklist\` prints the same figures.

**How it is counted.** A box is an entry of a list that begins with \`[ ]\` or \`[x]\`, at any depth. The ${titles.length} headings of S0 that
carry a box sum up the boxes below them and are not counted. ${thresholds.length} more lines have no box and state a figure for the boxes above
them, or are rows of a table of targets: each has an answer below, and none is in the figures. By other means:

\`\`\`
grep -cE '^ *[-*] \\[[ xX]\\]' checks/src/checklist/sources/S?.md
\`\`\``;
}

function figuresTable(title: string, rows: readonly { name: string; figures: Figures }[], all?: Figures): string {
  const row = (name: string, { boxes, executable, signOff, planned, notApplicable }: Figures) =>
    `| ${name} | ${boxes} | ${executable} | ${percentOf(executable, boxes)} % | ${signOff} | ${planned} | ${notApplicable} |`;
  return [
    `| ${title} | boxes | executable | share | sign-off | planned | not applicable |`,
    '|---|---:|---:|---:|---:|---:|---:|',
    ...rows.map(({ name, figures }) => row(name, figures)),
    ...(all ? [row('**all**', all)] : []),
  ].join('\n');
}

function thresholdTable(thresholds: readonly Threshold[]): string {
  const rows = thresholds.map((threshold) => {
    const holds = strictest(threshold);
    const at = (said: readonly Said[]) => said.flatMap((each) => each.at.map((ask) => placeOf(parseAsk(ask))));
    const others = overruled(threshold).map((said) => `${said.value} (${at([said]).join(', ')})`);
    const source = at(threshold.said.filter(({ value }) => value === holds)).join(', ');
    const bound = threshold.stricter === 'lower' ? 'at most' : 'at least';
    return `| ${threshold.what} | ${bound} ${holds} ${threshold.unit} | ${source} | ${others.join('; ') || '–'} | \`${threshold.item}\` |`;
  });
  return ['| what | holds | stated in | overruled | item |', '|---|---|---|---|---|', ...rows].join('\n');
}

const howToRead = `\`S2:60\` is line 60 of the third document. What asks the same thing is one item, with one answer and one severity. A gate answers
only when it would go red if the item were not so; one that looks at a part is named as such. An item without a place is asked by
no document: a gate of this repository holds it of its own accord.`;

function areas(items: readonly Item[]): string[] {
  return [...new Set(items.map(areaOf))].sort();
}

function itemTable(items: readonly Item[], checks: readonly Known[]): string {
  const rows = items.map((item) => {
    const asks = item.asks.map((ask) => {
      const asked = parseAsk(ask);
      return `${placeOf(asked)} ${cell(asked.text)}`;
    });
    const { partly = [] } = item;
    const part = partly.length > 0 ? `; in part: ${partly.map(code).join(', ')}` : '';
    return `| \`${item.id}\` | ${item.severity} | ${asks.join('<br>') || '–'} | ${inWords(resolve(item, checks))}${part} |`;
  });
  return ['| item | severity | asked by | answer |', '|---|---|---|---|', ...rows].join('\n');
}

/** Words of the documents are text here: neither a column's end nor emphasis that is never closed. */
function cell(text: string): string {
  return text.replaceAll(/[\\|*_<>]/g, '\\$&');
}

function inWords(answer: Answer): string {
  if (answer.kind === 'planned') return `planned: ${code(answer.id)}`;
  if (answer.kind === 'sign-off') return `sign-off: ${reasonOf(answer)}`;
  if (answer.kind === 'not-applicable') return `not applicable: ${answer.reason}`;
  return `${answer.kind} ${checksOf(answer).map(code).join(', ')}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
