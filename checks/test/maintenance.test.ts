import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type SignOff, signedText, signOffFile } from '../src/engine/signoffs.ts';
import { signersFile, signFile } from '../src/evidence/signature.ts';
import { writeEvidence } from '../src/evidence/write.ts';
import { execOrThrow } from '../src/io/exec.ts';
import { doneOf, openLedger } from '../src/maintenance/done.ts';
import { periods, taskOf, tasks } from '../src/maintenance/tasks.ts';
import { goReport, passed } from './support/go-report.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

const now = new Date('2026-06-15T12:00:00Z');
const governance = {
  ...{ waiverBudget: 5, waiverDays: 30, unwaivable: [], twoApprovers: [], evidence: ['evidence'] },
  roles: { operations: ['grace@example.com'], security: ['grace@example.com'] },
};
const scan = taskOf('maintenance.weekly.security-scan');
const health = taskOf('maintenance.daily.health');

let repository: SmallRepository;
let keys: string;
let commit: string;
beforeEach(async () => {
  keys = mkdtempSync(join(tmpdir(), 'preflight-test-'));
  await execOrThrow('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(keys, 'key')]);
  const signers = `grace@example.com ${readFileSync(join(keys, 'key.pub'), 'utf8')}`;
  repository = await createSmallRepository({ 'main.ts': '', [signersFile]: signers, '.gitignore': 'evidence\n' });
  commit = await repository.commitAll('begin');
});
afterEach(() => {
  repository.close();
  rmSync(keys, { recursive: true, force: true });
});

async function sign(entry: Omit<SignOff, 'who' | 'evidence'>, change: Partial<SignOff> = {}): Promise<void> {
  const whole: SignOff = { ...entry, who: 'grace@example.com', evidence: 'main.ts' };
  const file = join(keys, 'text');
  writeFileSync(file, signedText(whole));
  await signFile(file, join(keys, 'key'));
  const signature = readFileSync(`${file}.sig`, 'utf8');
  rmSync(`${file}.sig`);
  repository.write(signOffFile, stringify({ signoffs: [{ ...whole, signature, ...change }] }));
}

const done = async (task = health) => doneOf(task, await openLedger(repository.root, { governance }, now));
const signed = { item: health.item, role: 'operations', when: '2026-06-14T09:00:00.000Z' } as const;

test('a sign-off holds for its period, or for as long as it says when that is shorter', async () => {
  await sign({ ...signed, expires: '2026-07-30' });
  expect((await done()).doings).toEqual([
    { how: 'sign-off', by: 'grace@example.com', at: signed.when, until: '2026-06-15T09:00:00.000Z' },
  ]);
  await sign({ ...signed, when: '2026-06-13T20:00:00.000Z', expires: '2026-06-13' });
  expect((await done()).doings[0]?.until).toBe('2026-06-14T00:00:00.000Z');
});

test('what is altered, in another role, or dated ahead shows nothing, and says why', async () => {
  await sign({ ...signed, expires: '2026-06-30' }, { when: '2026-06-15T09:00:00.000Z' });
  expect(await done()).toMatchObject({ doings: [], refused: [expect.stringContaining('bad signature')] });
  await sign({ ...signed, role: 'security', expires: '2026-06-30' });
  expect(await done()).toMatchObject({ doings: [], refused: [expect.stringContaining('wrong role')] });
  await sign({ ...signed, when: '2026-06-16T09:00:00.000Z', expires: '2026-06-30' });
  expect(await done()).toMatchObject({ doings: [], refused: [expect.stringContaining('still to come')] });
});

async function ran(directory: string, change: Parameters<typeof goReport>[0]): Promise<void> {
  const report = goReport({ commit, results: (scan.passing ?? []).map((id) => passed(id)), ...change }, now);
  await writeEvidence({ report, directory: join(repository.root, 'evidence', directory), configFile: 'main.ts' });
}

test('a run in which all of a task passed shows it; its verdict about the rest does not matter', async () => {
  await ran('one', { verdict: 'NO-GO', exitCode: 1 });
  expect((await done(scan)).doings).toEqual([
    { how: 'run', by: 'evidence/one', at: '2026-06-15T11:59:00.000Z', until: '2026-06-22T11:59:00.000Z' },
  ]);
  expect((await done(health)).doings).toEqual([]);
});

test('a part of it, a dirty tree, an altered file or another history show nothing', async () => {
  const [first = ''] = scan.passing ?? [];
  await ran('part', { results: [passed(first)] });
  await ran('dirty', { dirty: true });
  await ran('strange', { commit: 'a'.repeat(40) });
  await ran('altered', {});
  writeFileSync(join(repository.root, 'evidence', 'altered', 'report.json'), '{}');
  expect(await done(scan)).toEqual({ doings: [], refused: [] });
});

test('what a run took up from another one was done then, and not again', async () => {
  const results = (scan.passing ?? []).map((id) => passed(id, { takenUp: { lookedAt: '2026-01-01T00:00:00Z' } }));
  await ran('taken-up', { results });
  expect((await done(scan)).doings).toEqual([]);
});

test('every task of the four lists is there, each with its period', () => {
  const count = (period: string) => tasks.filter((task) => task.period === period).length;
  expect(Object.keys(periods).map(count)).toEqual([6, 6, 6, 6]);
});
