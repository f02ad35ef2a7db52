import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allChecks } from '../src/all.ts';
import { entriesOf, placeOf } from '../src/checklist/entries.ts';
import { figuresBy, figuresOf, percentOf } from '../src/checklist/figures.ts';
import { areaOf, gate, type Item, planned, signOff } from '../src/checklist/item.ts';
import { allItems } from '../src/checklist/items/index.ts';
import { checklistOfRun, failedItems, itemsCovered } from '../src/checklist/of-run.ts';
import { documentOf, parseAsk, readAll, type Source } from '../src/checklist/read.ts';
import { checksOf, isExecutable, resolve } from '../src/checklist/resolve.ts';
import { overruled, strictest, thresholds } from '../src/checklist/thresholds.ts';
import { repositoryRoot } from './support/look.ts';

const read = readAll();
const asks = allItems.flatMap((item) => item.asks.map((ask) => ({ item: item.id, ...parseAsk(ask) })));
const checkIds = allChecks.map(({ id }) => id);

function lineAt(source: Source, line: number): string {
  return documentOf(source).split('\n')[line - 1] ?? '';
}

describe('every line of the documents has one item', () => {
  test('no box and no figure is without an answer', () => {
    const { entries, uncovered } = entriesOf([...read.boxes, ...read.thresholds], allItems, allChecks);
    expect(uncovered).toEqual([]);
    expect(entries).toHaveLength(read.boxes.length + read.thresholds.length);
  });

  test('no line is asked by two items', () => {
    const places = asks.map(placeOf);
    expect(places.filter((place, index) => places.indexOf(place) !== index)).toEqual([]);
  });

  test('an item says word for word what stands at its lines', () => {
    const readAt = new Map([...read.boxes, ...read.thresholds].map((line) => [placeOf(line), line.text]));
    for (const ask of asks) {
      const wanted =
        readAt.get(placeOf(ask)) ??
        lineAt(ask.source, ask.line)
          .replace(/^\s*- /, '')
          .trim();
      expect(ask.text, placeOf(ask)).toBe(wanted);
    }
  });
});

describe('an item', () => {
  test('has an id of its own, which begins with the name of its file', async () => {
    const ids = allItems.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    const directory = join(import.meta.dirname, '../src/checklist/items');
    const files = readdirSync(directory).filter((file) => file !== 'index.ts');
    let found = 0;
    for (const file of files) {
      const module = (await import(join(directory, file))) as Record<string, readonly Item[]>;
      const items = Object.values(module).flat();
      for (const item of items) {
        expect(areaOf(item)).toBe(file.replace(/\.ts$/, ''));
        expect(item.id).toMatch(/^[a-z][a-z-]*(\.[a-z0-9][a-z0-9-]*)+$/);
      }
      found += items.length;
    }
    expect(found).toBe(allItems.length);
  });

  test('that no check answers says who signs on what evidence, or why it has no object', () => {
    for (const { id, severity, answer } of allItems) {
      if (answer.kind === 'sign-off') {
        expect(answer.evidence.length, id).toBeGreaterThan(20);
        expect(answer.holdsDays, id).toBeGreaterThanOrEqual(1);
        expect(answer.holdsDays, id).toBeLessThanOrEqual(365);
      }
      if (answer.kind === 'not-applicable') {
        expect(answer.reason.length, id).toBeGreaterThan(60);
        expect(severity, `${id}: what stops a release cannot be set aside`).toBe('advisory');
      }
    }
  });

  test('names other items only where there are such', () => {
    const ids = allItems.map(({ id }) => id);
    const mentioned = allItems.flatMap(({ answer }) =>
      answer.kind === 'not-applicable' ? [...answer.reason.matchAll(/\b[a-z][a-z-]*(?:\.[a-z0-9-]+)+(?=[).,])/g)] : [],
    );
    const names = mentioned.map(([name]) => name).filter((name) => name !== 'vercel.json');
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !ids.includes(name))).toEqual([]);
  });
});

describe('items and checks agree', () => {
  const advice = 'add the item to checks/src/checklist/items/, or name one of `npx preflight checklist --json`';

  test('what a check covers is an item that names it', () => {
    for (const check of allChecks) {
      for (const id of check.covers) {
        const item = allItems.find((candidate) => candidate.id === id);
        expect(item, `${check.id} covers ${id}, which is no item: ${advice}`).toBeDefined();
        const answers = item ? checksOf(resolve(item, allChecks)) : [];
        expect(answers, `${check.id} covers ${id}, which is answered otherwise: ${advice}`).toContain(check.id);
      }
    }
  });

  test('what answers an item is there, and says that it covers it', () => {
    for (const item of allItems) {
      for (const id of checksOf(item.answer)) {
        const check = allChecks.find((candidate) => candidate.id === id);
        expect(check?.covers, `${item.id} is answered by ${id}: add it to the covers of that check`).toContain(item.id);
      }
      const { answer } = item;
      if (isExecutable(answer) && 'id' in answer)
        expect(answer.kind, item.id).toBe(answer.id.startsWith('drills/') ? 'drill' : 'gate');
    }
  });

  test('what stops a release is answered by checks that stop it', () => {
    for (const item of allItems.filter(({ severity }) => severity === 'blocker')) {
      for (const id of checksOf(resolve(item, allChecks))) {
        const severity = allChecks.find((candidate) => candidate.id === id)?.severity;
        expect(severity, `${item.id} is answered by ${id}, which lets a release go on without it`).toBe('blocker');
      }
    }
  });

  test('a planned check that has arrived says what it covers, or another one is planned', () => {
    for (const item of allItems) {
      const { answer } = item;
      if (answer.kind !== 'planned') continue;
      expect(answer.id).toMatch(/^[a-z][a-z-]*\/[a-z0-9][a-z0-9-]+$/);
      const arrived = allChecks.find(({ id }) => id === answer.id);
      const undecided = `${answer.id} is there: name ${item.id} in its covers if it would go red without it, else plan another check in checks/src/checklist/items/${areaOf(item)}.ts`;
      if (arrived) expect(arrived.covers, undecided).toContain(item.id);
    }
  });

  test('a check that looks at a part is there, and does not answer the whole', () => {
    for (const item of allItems) {
      for (const id of item.partly ?? []) {
        expect(checkIds, item.id).toContain(id);
        expect(checksOf(resolve(item, allChecks)), item.id).not.toContain(id);
      }
    }
  });
});

describe('figures', () => {
  const entries = entriesOf(read.boxes, allItems, allChecks).entries;

  test('add up, in all and by source and area', () => {
    const whole = figuresOf(entries);
    expect(whole.boxes).toBe(692);
    for (const rows of [figuresBy(entries, 'source'), figuresBy(entries, 'area'), [{ figures: whole }]]) {
      const sum = (name: keyof typeof whole) => rows.reduce((total, { figures }) => total + figures[name], 0);
      expect(sum('boxes')).toBe(692);
      expect(sum('executable') + sum('signOff') + sum('planned') + sum('notApplicable')).toBe(692);
    }
  });

  test('a share is rounded down: what is not reached is not claimed', () => {
    expect([percentOf(380, 692), percentOf(381, 692), percentOf(692, 692), percentOf(0, 0)]).toEqual([54, 55, 100, 0]);
  });
});

const item = (id: string, answer: Item['answer']): Item => ({ id, severity: 'blocker', answer, asks: [] });

describe('a planned answer', () => {
  const plan = item('a.b', planned('a/arrives'));

  test('becomes the check when that has come and says so', () => {
    const check = { id: 'a/arrives', kind: 'gate', covers: ['a.b'] } as const;
    expect(resolve(plan, [check])).toEqual(gate('a/arrives'));
    expect(resolve(plan, [{ ...check, kind: 'drill' }])).toEqual({ kind: 'drill', id: 'a/arrives' });
  });

  test('stays planned while nobody claims it', () => {
    expect(resolve(plan, [])).toEqual(plan.answer);
    expect(resolve(plan, [{ id: 'a/arrives', kind: 'gate', covers: ['a.c'] }])).toEqual(plan.answer);
    expect(resolve(plan, [{ id: 'a/other', kind: 'gate', covers: ['a.b'] }])).toEqual(plan.answer);
  });

  test('fails a release and nothing less', () => {
    const items = [plan, item('a.c', gate('a/gate')), item('a.d', signOff('risk', 7, 'minutes'))];
    expect(failedItems(items, [], 'static')).toEqual([]);
    expect(failedItems(items, [], 'commit')).toEqual([]);
    expect(failedItems(items, [], 'release')).toEqual([{ id: 'a.b', severity: 'blocker', planned: 'a/arrives' }]);
    const arrived = { id: 'a/arrives', kind: 'gate', covers: ['a.b'] } as const;
    expect(failedItems(items, [arrived], 'release')).toEqual([]);
  });
});

describe('what a run answers', () => {
  const all = [
    { id: 'a/one', kind: 'gate', covers: ['x.both', 'x.one'] },
    { id: 'a/two', kind: 'gate', covers: ['x.both'] },
  ] as const;

  test.each([
    ['pass', 'pass', ['x.both', 'x.one']],
    ['pass', 'waived', ['x.both', 'x.one']],
    ['pass', 'fail', ['x.one']],
    ['pass', 'not-run', ['x.one']],
    ['error', 'pass', []],
  ] as const)('one says %s and two says %s: %j', (one, two, wanted) => {
    const results = [
      { id: 'a/one', outcome: one },
      { id: 'a/two', outcome: two },
    ];
    expect(itemsCovered(all, results)).toEqual(wanted);
  });

  test('a check that was left out answers nothing, and leaves what it shares open', () => {
    expect(itemsCovered(all, [{ id: 'a/one', outcome: 'pass' }])).toEqual(['x.one']);
  });

  test('counts boxes: all executable ones when every check is ready, none when nothing ran', () => {
    const ready = allChecks.map(({ id }) => ({ id, outcome: 'pass' as const }));
    const whole = checklistOfRun(allItems, allChecks, ready, 'commit').boxes;
    expect(whole.answered).toBe(whole.executable);
    expect(whole.answered).toBeGreaterThan(0);
    expect(checklistOfRun(allItems, allChecks, [], 'commit').boxes).toEqual({ ...whole, answered: 0 });
  });
});

describe('figures that several lines state', () => {
  test('are said in the line that they are said to be in, by an item that asks for it', () => {
    for (const { item: id, what, said } of thresholds) {
      expect(
        allItems.map((each) => each.id),
        what,
      ).toContain(id);
      for (const { source, line, text } of said.flatMap(({ at }) => at.map(parseAsk)))
        expect(lineAt(source, line), what).toContain(text);
    }
  });

  test('differ in the ways that the documents are known to differ, and the strictest holds', () => {
    const holds = Object.fromEntries(thresholds.map((threshold) => [threshold.item, strictest(threshold)]));
    expect(holds).toMatchObject({ 'load.placement-p95': 20, 'logs.retention': 90, 'slo.error-rate': 0.1 });
    expect(holds).toMatchObject({ 'slo.uptime': 99.9, 'access.keys.rotated': 30, 'backups.incremental': 1 });
    const latency = thresholds.find((threshold) => threshold.item === 'load.placement-p95');
    expect(latency && overruled(latency).map(({ value }) => value)).toEqual([100, 150]);
  });

  test('nothing that is stated is stricter than what holds', () => {
    const values = fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(values, fc.constantFrom('lower' as const, 'higher' as const), (stated, stricter) => {
        const threshold = { what: 'x', stricter, said: stated.map((value) => ({ value, at: [] })) };
        const value = strictest(threshold);
        expect(stated).toContain(value);
        for (const other of stated) expect(stricter === 'lower' ? other >= value : other <= value).toBe(true);
      }),
    );
    expect(() => strictest({ what: 'nothing', stricter: 'lower', said: [] })).toThrow('no document states');
  });

  test('are those that the load test holds the service to', () => {
    const script = readFileSync(join(repositoryRoot, 'loadtests/placement.ts'), 'utf8');
    const holds = (id: string) => {
      const threshold = thresholds.find((each) => each.item === id);
      return threshold ? strictest(threshold) : Number.NaN;
    };
    expect(script).toContain(`p(95)<${holds('load.placement-p95')}`);
    expect(script).toContain(`rate<${holds('slo.error-rate') / 100}`);
  });
});
