import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { readPage } from '../documentation/support/page.ts';

interface Facts {
  file: string;
  headings: string[];
  /** Cells of the heads of its tables. */
  columns: string[];
}

/** What has to be asked when it is over, while people still remember. */
const questions: readonly (readonly [string, RegExp])[] = [
  ['what happened, in short', /\bsummary|\bin short/i],
  ['whom it cost what', /\bimpact/i],
  ['when what was seen and done', /\btimeline/i],
  ['how it was noticed', /\bdetect|\bnoticed/i],
  ['what it came from', /\bcause/i],
  ['what mended it', /\bresol|\bmended|\brecover/i],
  ['what went well, and what did not', /\blearn|\bwent well/i],
  ['what is done so that it does not happen again', /\baction/i],
];
/** An action without these two is a wish. */
const actionColumns: readonly (readonly [string, RegExp])[] = [
  ['who does it', /\bowner|\bwho\b/i],
  ['until when', /\bdue|\buntil|\bwhen\b/i],
];

const good: Facts = {
  file: 'post-mortem.md',
  headings: ['Summary', 'Impact', 'Timeline', 'Detection', 'Root cause', 'Resolution', 'What we learnt', 'Actions'],
  columns: ['Action', 'Owner', 'Due'],
};

export default defineGate<Facts>({
  id: 'runbooks/post-mortem-template-is-there',
  severity: 'advisory',
  profile: 'static',
  needs: ['config:onCall'],
  files: ({ onCall }) => (onCall ? [onCall.postMortem] : []),
  covers: ['runbooks.post-mortem'],
  unit: 'headings and columns',
  why: 'Without a form, what is written after an outage says who it was; with one, it says what will be otherwise.',
  fix: 'Add the section, or the column of the table of actions.',
  source: 'https://sre.google/sre-book/example-postmortem/',

  async observe({ config, tree }) {
    const { postMortem: file } = partOf(config, 'onCall');
    const text = await tree.read(file);
    const { headings } = readPage(text);
    const heads = [...text.matchAll(/^\|(.+)\|\s*\n\|[\s:|-]+\|\s*$/gm)];
    const columns = heads.flatMap(([, head = '']) => head.split('|').map((cell) => cell.trim())).filter(Boolean);
    return { examined: headings.length + columns.length, facts: { file, headings, columns } };
  },

  judge: ({ file, headings, columns }) => [
    ...questions
      .filter(([, pattern]) => !headings.some((title) => pattern.test(title)))
      .map(([what]) => ({ file, message: `no section asks ${what}` })),
    ...actionColumns
      .filter(([, pattern]) => !columns.some((cell) => pattern.test(cell)))
      .map(([what]) => ({ file, message: `no column of the actions says ${what}` })),
  ],

  samples: {
    good: [good],
    bad: [
      { ...good, headings: good.headings.slice(1) },
      { ...good, columns: ['Action', 'Due'] },
    ],
  },

  async sabotage({ scratch, config }) {
    const { postMortem } = partOf(config, 'onCall');
    await scratch.write(postMortem, '# Post-mortem\n');
    return undefined;
  },
});
