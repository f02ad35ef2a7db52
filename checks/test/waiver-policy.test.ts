import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import type { CheckResult } from '../src/engine/report.ts';
import { budgetFaults, refusedWaivers, type WaiverPolicy } from '../src/engine/waiver-policy.ts';
import { applyWaivers, loadWaivers, type Waiver, waiverAuthors, waiverFile } from '../src/engine/waivers.ts';
import workflowsAreValid from '../src/gates/ci/workflows-are-valid.ts';
import placementMeetsItsLatency from '../src/gates/load/placement-meets-its-latency.ts';
import noSecretInTree, { someToken } from '../src/gates/secrets/no-secret-in-tree.ts';
import { isSamePerson } from '../src/io/authors.ts';
import { execOrThrow } from '../src/io/exec.ts';
import { findTools } from '../src/io/tools.ts';
import { runFake } from './support/fake-checks.ts';
import { lookAt, repositoryRoot, smallestConfig } from './support/look.ts';
import { createSmallRepository, plainGitEnvironment, type SmallRepository } from './support/small-repository.ts';

const now = new Date('2026-06-15T12:00:00Z');
const machine = findTools(repositoryRoot);
const { governance } = parseConfig(smallestConfig);
const [ada, grace] = [
  { name: 'Ada', email: 'ada@example.com' },
  { name: 'Grace Hopper', email: 'grace@example.com' },
];

let repository: SmallRepository | undefined;
afterEach(() => repository?.close());

function waiver(change: Partial<Waiver> = {}): Waiver {
  return {
    ...{ gate: 'code/no-console', reason: 'the logger comes next week', owner: 'ada', approver: 'grace' },
    ...{ created: '2026-06-10', expires: '2026-06-20' },
    ...change,
  };
}

function refusalsOf(entry: Waiver, change: Partial<WaiverPolicy> = {}): string[] {
  const checks = [{ id: 'code/no-console' }, { id: 'money/books', unwaivable: true }];
  return [...refusedWaivers([entry], { governance, checks, authorsOf: () => [ada], ...change }).values()];
}

function ledger(...entries: Partial<Waiver>[]): string {
  const list = entries.map((change) =>
    Object.entries(waiver(change))
      .map(([name, value], index) => `${index === 0 ? '  - ' : '    '}${name}: ${JSON.stringify(value)}\n`)
      .join(''),
  );
  return `waivers:\n${list.join('')}`;
}

describe('a well written waiver is refused', () => {
  test('when its approver wrote it, by whichever name', () => {
    const message =
      'the waiver of code/no-console is approved by who wrote it, Grace Hopper <grace@example.com>: have somebody else approve it';
    for (const approver of ['grace', 'Grace@Example.com', 'grace hopper', 'G. Hopper <grace@example.com>'])
      expect(refusalsOf(waiver({ approver }), { authorsOf: () => [ada, grace] })).toEqual([message]);
    expect(refusalsOf(waiver())).toEqual([]);
    expect(isSamePerson('grac', grace)).toBe(false);
  });

  test('when nobody can tell who wrote it', () => {
    expect(refusalsOf(waiver(), { authorsOf: () => 'no repository' })).toEqual([
      'the waiver of code/no-console has an author that git cannot tell (no repository)',
    ]);
  });

  test('when its gate is one that nobody may waive, by itself or by the configuration', () => {
    const message = 'is of a gate that nobody may waive: mend what it found';
    expect(refusalsOf(waiver({ gate: 'money/books' }))).toEqual([`the waiver of money/books ${message}`]);
    const strict = { governance: { ...governance, unwaivable: ['code/*'] } };
    expect(refusalsOf(waiver(), strict)).toEqual([`the waiver of code/no-console ${message}`]);
  });

  test('when it holds for longer than the configuration lets it', () => {
    expect(refusalsOf(waiver(), { governance: { ...governance, waiverDays: 10 } })).toEqual([]);
    expect(refusalsOf(waiver(), { governance: { ...governance, waiverDays: 9 } })).toEqual([
      'the waiver of code/no-console holds for 10 days, and governance.waiverDays lets it hold for 9: have it end earlier',
    ]);
    expect(() => parseConfig({ ...smallestConfig, governance: { waiverDays: 31 } })).toThrow('governance.waiverDays');
  });
});

test('more waivers than the budget are one fault', () => {
  expect(budgetFaults([waiver(), waiver()], { ...governance, waiverBudget: 2 })).toEqual([]);
  expect(budgetFaults([waiver(), waiver()], { ...governance, waiverBudget: 1 })).toEqual([
    '2 waiver(s) stand, and governance.waiverBudget allows 1: mend what some of them accept',
  ]);
});

describe('who wrote an entry', () => {
  async function authors(): Promise<string[][]> {
    if (!repository) throw new Error('a repository is wanted');
    const waivers = await loadWaivers(repository.root);
    const authorsOf = await waiverAuthors(repository.root, waivers);
    return waivers
      .map(authorsOf)
      .map((found) => (typeof found === 'string' ? [found] : found.map((each) => each.email)));
  }

  async function commitAs(email: string): Promise<void> {
    const env = { ...plainGitEnvironment, GIT_AUTHOR_EMAIL: email };
    const cwd = repository?.root ?? '';
    await execOrThrow('git', ['add', '--all'], { cwd, env });
    await execOrThrow('git', ['commit', '--quiet', '--message', 'more'], { cwd, env });
  }

  test('is everybody who wrote one of its lines, and nobody who wrote another', async () => {
    repository = await createSmallRepository({ [waiverFile]: ledger({}) });
    await repository.commitAll('begin');
    repository.write(waiverFile, ledger({}, { gate: 'code/types-check' }));
    await commitAs('grace@example.com');
    expect(await authors()).toEqual([['ada@example.com'], ['grace@example.com']]);
    // Whoever has it last longer has a part in it.
    repository.write(waiverFile, ledger({ expires: '2026-06-30' }, { gate: 'code/types-check' }));
    await commitAs('joan@example.com');
    expect(await authors()).toEqual([['ada@example.com', 'joan@example.com'], ['grace@example.com']]);
  });

  test('of what is not committed yet, it is who would commit it', async () => {
    repository = await createSmallRepository({ 'a.txt': 'a\n' });
    await repository.commitAll('begin');
    repository.write(waiverFile, ledger({}));
    await repository.git('config', 'user.name', 'Joan');
    await repository.git('config', 'user.email', 'joan@example.com');
    expect(await authors()).toEqual([['joan@example.com']]);
  });

  test('a history that is cut off does not tell', async () => {
    const whole = await createSmallRepository({ [waiverFile]: ledger({}) });
    await whole.commitAll('begin');
    await whole.commitAll('more');
    repository = await createSmallRepository();
    repository.close();
    await execOrThrow('git', ['clone', '--quiet', '--depth', '1', `file://${whole.root}`, repository.root]);
    whole.close();
    expect(await authors()).toEqual([['the history is cut off here, fetch all of it: git fetch --unshallow']]);
  });
});

describe('one ledger for what every tool finds', () => {
  /** A waiver of each finding, and of none else. */
  function accepted(result: CheckResult): CheckResult {
    expect(result).toMatchObject({ outcome: 'fail' });
    const entries = result.findings.map(({ fingerprint }) => waiver({ gate: result.id, fingerprint }));
    expect(applyWaivers(result, entries.slice(1), now).outcome).toBe('fail');
    return applyWaivers(result, entries, now);
  }

  test.runIf(machine.find('gitleaks'))('a secret that gitleaks found', async () => {
    repository = await createSmallRepository({ 'a.ts': `const token = '${someToken()}';\n` });
    const result = await lookAt(noSecretInTree, repository.root);
    expect(accepted(result)).toMatchObject({ outcome: 'waived', findings: result.findings });
  });

  test.runIf(machine.find('actionlint'))('what actionlint found in a workflow', async () => {
    repository = await createSmallRepository({ '.github/workflows/a.yml': 'on: push\njobs:\n  a:\n    steps: []\n' });
    const result = await lookAt(workflowsAreValid, repository.root, { workflows: ['.github/workflows/*.yml'] });
    expect(accepted(result).outcome).toBe('waived');
  });

  test('a threshold of k6 that was crossed', async () => {
    for (const facts of placementMeetsItsLatency.samples.bad) {
      const observe = async () => ({ examined: 1, facts });
      const result = await runFake({ ...placementMeetsItsLatency, needs: [], observe });
      expect(accepted(result).outcome).toBe('waived');
    }
  });
});
