import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { documentOf, readAll, readChecklist, type Source, sources } from '../src/checklist/read.ts';

const read = readAll();

/** The documents as they were handed to us. */
const hashes: Record<Source, string> = {
  S0: '5d3308dd144fd6efe0e8e18c296738003968f2f90db4ae254e45693dfed3e517',
  S1: 'aa99555f1fe2075784b8e7c0be9214546dfe5946ea4fa54de72f6f076e35a928',
  S2: '834207f0d878103028af78f32dceee79273f3326cdaf2405865dc295f17ae2d6',
  S3: '2f99cfd13fe31fd9a7ea794a2c5ddda6ca4e74931d65fa07eaff57cd8d455a10',
  S4: '03a47528c67b38fe45a230fd1cbfa03b311549f8f69b7a0498054b77e4971341',
};

test.each(sources)('%s is kept byte for byte', (source) => {
  const bytes = readFileSync(new URL(`../src/checklist/sources/${source}.md`, import.meta.url));
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(hashes[source]);
});

/** As grep would count them: line by line, with nothing known about headings, depth or code blocks. */
function linesLike(pattern: RegExp, source: Source): number {
  return documentOf(source)
    .split('\n')
    .filter((line) => pattern.test(line)).length;
}

describe('none is dropped', () => {
  test.each([
    ['S0', 111],
    ['S1', 44],
    ['S2', 318],
    ['S3', 123],
    ['S4', 96],
  ] as const)('%s has %i boxes, by the reader and by a count of its lines', (source, boxes) => {
    expect(read.boxes.filter((box) => box.source === source)).toHaveLength(boxes);
    expect(linesLike(/^ *[-*] \[[ xX]\]/, source)).toBe(boxes);
  });

  test('there are 692, and 22 titles with a box, and no box anywhere else', () => {
    expect(read.boxes).toHaveLength(692);
    expect(read.titles).toHaveLength(22);
    const anywhere = sources.reduce((sum, source) => sum + documentOf(source).split(/\[[ xX]\]/).length - 1, 0);
    expect(anywhere).toBe(692 + 22);
  });

  test('each title has boxes below it, which say what it sums up', () => {
    const titles = read.titles.map(({ line }) => line);
    for (const [index, from] of titles.entries()) {
      const until = titles[index + 1] ?? Number.POSITIVE_INFINITY;
      const below = read.boxes.filter(({ source, line }) => source === 'S0' && line > from && line < until);
      expect(below.length, `below S0:${from}`).toBeGreaterThan(0);
    }
  });

  test('each percentage, latency and bound of a line under boxes is read as a figure', () => {
    // Written down by reading the documents, not by running the reader.
    const seen = [
      ...['S1:40', 'S3:44', 'S3:45', 'S3:46', 'S3:47', 'S3:86', 'S3:88', 'S3:104', 'S3:105', 'S3:106'],
      ...['S3:183', 'S3:184', 'S3:191', 'S3:192', 'S3:209', 'S3:210', 'S3:212', 'S3:400', 'S3:401', 'S3:402'],
      ...['S3:403', 'S3:404', 'S3:405', 'S3:406', 'S4:14', 'S4:15', 'S4:25', 'S4:45', 'S4:47', 'S4:79', 'S4:80'],
      ...['S4:92', 'S4:109', 'S4:110', 'S4:111', 'S4:112', 'S4:141', 'S4:146', 'S4:196', 'S4:202', 'S4:208'],
      ...['S4:230', 'S4:249', 'S4:259', 'S4:265', 'S4:316', 'S4:318', 'S4:346'],
    ];
    const places = read.thresholds.map(({ source, line }) => `${source}:${line}`);
    expect(places).toEqual(expect.arrayContaining(seen));
    expect(new Set(places).size).toBe(places.length);
  });
});

describe('the reader', () => {
  const texts = (document: string) => readChecklist('S0', document).boxes.map(({ line, text }) => `${line} ${text}`);

  test('takes every list mark, ticked or not, at any depth', () => {
    const document = ['- [ ] a', '  * [x] b  ', '    + [X] c', '1. [ ] d', '12) [ ] e', '- [ ] **f**: <5 ms'].join(
      '\n',
    );
    expect(texts(document)).toEqual(['1 a', '2 b', '3 c', '4 d', '5 e', '6 **f**: <5 ms']);
  });

  test('takes no heading, no link, no example and no plain entry for a box', () => {
    const document = ['# [ ] title', '- [a link](b)', '- []', '- plain [ ] box', '```', '- [ ] example', '```'].join(
      '\n',
    );
    expect(texts(document)).toEqual([]);
    expect(readChecklist('S0', document).titles).toEqual([{ source: 'S0', line: 1, text: 'title' }]);
  });

  test('takes a figure only from below a box, up to the next heading, and not from an estimate', () => {
    const lines = ['- 5 minutes', '- [ ] a', '  - 5 minutes', '  - ETA: 4-6 hours', '  - soon', '# b', '- 5 minutes'];
    const { thresholds } = readChecklist('S0', lines.join('\n'));
    expect(thresholds).toEqual([{ source: 'S0', line: 3, text: '5 minutes' }]);
  });

  test('finds each box of a list that was made from texts, with its line', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    const entry = fc.record({
      depth: fc.nat(3),
      mark: fc.constantFrom('-', '*', '+', '7.'),
      boxed: fc.boolean(),
      word,
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
        const lines = entries.map(
          (each) => `${'  '.repeat(each.depth)}${each.mark} ${each.boxed ? '[ ] ' : ''}${each.word}`,
        );
        const wanted = entries.flatMap((each, index) => (each.boxed ? [`${index + 1} ${each.word}`] : []));
        expect(texts(lines.join('\n'))).toEqual(wanted);
      }),
      { numRuns: 200 },
    );
  });
});
