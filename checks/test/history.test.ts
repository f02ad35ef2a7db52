import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isWhole, readHistory, recordRun, summaryOf } from '../src/io/history.ts';
import { goReport, sampleReport } from './support/sample-report.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

let repository: SmallRepository;
let complaints: string[];
const complain = (message: string) => void complaints.push(message);
const directory = () => join(repository.root, '.preflight', 'history');

beforeEach(async () => {
  complaints = [];
  repository = await createSmallRepository();
});
afterEach(() => repository.close());

test('a run is remembered by its verdict and outcomes, and by nothing that it saw', async () => {
  const report = goReport();
  await recordRun(repository.root, report, complain);
  const [run, ...others] = await readHistory(repository.root, complain);
  expect(others).toEqual([]);
  expect(run).toEqual(summaryOf(report));
  expect(JSON.stringify(run)).not.toContain('a.ts');
  expect(complaints).toEqual([]);
});

test('it makes the tree no dirtier than it was', async () => {
  await repository.commitAll('begin');
  await recordRun(repository.root, goReport(), complain);
  expect(await repository.git('status', '--porcelain')).toBe('');
});

test('what the command line narrowed is not remembered', async () => {
  const narrowed = sampleReport();
  expect([isWhole(narrowed), isWhole(goReport())]).toEqual([false, true]);
  await recordRun(repository.root, narrowed, complain);
  expect(existsSync(directory())).toBe(false);
});

test('only the latest fifty are kept, in their order', async () => {
  for (let index = 0; index < 53; index += 1) {
    const startedAt = new Date(Date.UTC(2026, 0, 1, 0, index)).toISOString();
    await recordRun(repository.root, { ...goReport(), startedAt }, complain);
  }
  const history = await readHistory(repository.root, complain);
  expect(history).toHaveLength(50);
  expect(readdirSync(directory())).toHaveLength(50);
  expect([history[0]?.startedAt, history.at(-1)?.startedAt]).toEqual([
    '2026-01-01T00:03:00.000Z',
    '2026-01-01T00:52:00.000Z',
  ]);
});

test("a damaged record is named and left out; what is no record at all is nobody's business", async () => {
  await recordRun(repository.root, goReport(), complain);
  writeFileSync(join(directory(), '2026-06-16T00-00-00.000Z.json'), '{"verdict":');
  writeFileSync(join(directory(), 'notes.json'), '{}');
  expect(await readHistory(repository.root, complain)).toHaveLength(1);
  expect(complaints).toEqual([expect.stringContaining('2026-06-16T00-00-00.000Z.json is no record of a run')]);
});

test('where nothing can be written the run goes on, and says so', async () => {
  mkdirSync(join(repository.root, '.preflight'));
  writeFileSync(directory(), 'a file where the directory should be');
  await recordRun(repository.root, goReport(), complain);
  expect(complaints).toEqual([expect.stringContaining('this run could not be remembered')]);
  expect(await readHistory(repository.root, complain)).toEqual([]);
  expect(complaints).toHaveLength(2);
});
