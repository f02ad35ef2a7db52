import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Config, parseConfig } from '../src/config.ts';
import type { Check, Gate } from '../src/engine/gate.ts';
import { type Proof, type ProveOptions, proveChecks } from '../src/engine/prove.ts';
import { openProveJournal, proofsOfTree } from '../src/io/prove-journal.ts';
import { openTree } from '../src/io/tree.ts';
import type { Sandbox } from '../src/sandbox/sandbox.ts';
import { fakeDrill, fakeGate, fakeSandbox } from './support/fake-checks.ts';
import { smallestConfig } from './support/look.ts';
import { createSmallRepository } from './support/small-repository.ts';

/** A gate that a switch of its own makes red; `mended: false`: no undo puts it back. */
function breakable(id: string, change: Partial<Gate<string[]>> = {}, mended = true): Gate<string[]> {
  let broken = false;
  return fakeGate(id, {
    observe: async () => ({ examined: 1, facts: broken ? ['broken'] : [] }),
    async sabotage() {
      broken = true;
      return async () => {
        broken = !mended;
      };
    },
    ...change,
  });
}

function stacks() {
  const [opened, closed]: [Sandbox[], Sandbox[]] = [[], []];
  const openScratchSandbox = async () => {
    const scratch = { root: '/nowhere', restore: async () => undefined } as Sandbox['scratch'];
    const sandbox = fakeSandbox({
      ...{ scratch, config: parseConfig(smallestConfig) as Config },
      async close() {
        closed.push(sandbox);
      },
    });
    opened.push(sandbox);
    return sandbox;
  };
  return { opened, closed, openScratchSandbox };
}

function proveFakes(checks: readonly Check[], change: Partial<ProveOptions> = {}): Promise<Proof[]> {
  return proveChecks({
    checks,
    config: parseConfig(smallestConfig) as Config,
    tree: { root: '/', files: async () => [], read: async () => '' },
    tools: { find: (name) => name, path: (name) => name, version: async () => '1', environment: {} },
    ...{ concurrency: 1, timeoutFactor: 1, signal: new AbortController().signal },
    watcher: { started: () => undefined, progress: () => undefined, finished: () => undefined },
    finished: async () => undefined,
    ...change,
  } as ProveOptions);
}

test('red under its sabotage and green after it: proven. Else it says what was wrong, and the next has a new stack', async () => {
  const { opened, closed, openScratchSandbox } = stacks();
  const checks = [
    breakable('a/fires'),
    fakeGate('a/sleeps'),
    breakable('a/stays-red', {}, false),
    breakable('a/lacks', { needs: ['config:load'] }),
    breakable('a/breaks', { sabotage: () => Promise.reject(new Error('no such file')) }),
  ];
  const proofs = await proveFakes(checks, { openScratchSandbox });
  expect(proofs.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
    ...['a/fires proven', 'a/sleeps unproven', 'a/stays-red unproven', 'a/lacks not-run', 'a/breaks unproven'],
  ]);
  expect(proofs[1]?.reason).toBe('sabotaged, it said pass');
  expect(proofs[2]?.reason).toBe('after the undo it said fail: broken');
  expect(opened).toHaveLength(3);
  expect(new Set(closed)).toEqual(new Set(opened));
  expect(closed).toHaveLength(opened.length);
});

test('side by side in stacks of their own, as many as asked for; what disturbs has the machine for itself', async () => {
  const { opened, closed, openScratchSandbox } = stacks();
  const running = new Set<string>();
  const seen: string[][] = [];
  const checks = ['a/1', 'a/2', 'a/3', 'a/4', 'a/alone'].map((id): Gate<string[]> => {
    const gate = breakable(id, { alone: id === 'a/alone' });
    const observe: Gate<string[]>['observe'] = async (context) => {
      running.add(id);
      seen.push([...running]);
      await Promise.resolve();
      running.delete(id);
      return gate.observe(context);
    };
    return { ...gate, observe };
  });
  await proveFakes(checks, { openScratchSandbox, concurrency: 3 });
  expect(opened).toHaveLength(3);
  expect(new Set(closed)).toEqual(new Set(opened));
  expect(Math.max(...seen.map(({ length }) => length))).toBeGreaterThan(1);
  for (const together of seen.filter((ids) => ids.includes('a/alone'))) expect(together).toEqual(['a/alone']);
});

test('an interruption begins nothing more, records nothing that it cut short, and leaves no stack', async () => {
  const { opened, closed, openScratchSandbox } = stacks();
  const interruption = new AbortController();
  const cut = breakable('a/cut', {
    observe: () => {
      interruption.abort(new Error('interrupted by SIGINT'));
      return Promise.reject(new Error('gone'));
    },
  });
  const recorded: string[] = [];
  const finished = async ({ id }: Proof) => void recorded.push(id);
  const checks = [breakable('a/first'), cut, breakable('a/later'), fakeDrill('drills/later')];
  const options = { openScratchSandbox, finished, signal: interruption.signal };
  await expect(proveFakes(checks, options)).rejects.toThrow('interrupted by SIGINT');
  expect(recorded).toEqual(['a/first']);
  expect(closed).toEqual(opened);
});

test('what is proven is known of the same tree only', async () => {
  const repository = await createSmallRepository({ a: 'a' });
  try {
    const tree = openTree(repository.root);
    const keep = (proof: Proof) => ({ ...proof, reason: proof.reason.replace('secret', '…') });
    const proof = { id: 'a/one', outcome: 'proven', reason: 'a secret', durationMs: 1 } as const;
    expect(await proofsOfTree(tree)).toBeUndefined();
    const journal = await openProveJournal(tree, keep);
    await Promise.all([journal.record(proof), journal.record({ ...proof, id: 'a/two', outcome: 'unproven' })]);
    const again = await openProveJournal(tree, keep);
    expect([...again.proofs.values()].map(({ id, outcome, reason }) => `${id} ${outcome} ${reason}`)).toEqual([
      ...['a/one proven a …', 'a/two unproven a …'],
    ]);
    expect(JSON.parse((await proofsOfTree(tree)) ?? '')).toMatchObject({ proofs: [{ id: 'a/one' }, { id: 'a/two' }] });
    repository.write('b', 'b');
    expect((await openProveJournal(tree, keep)).proofs.size).toBe(0);
    expect(await proofsOfTree(tree)).toBeUndefined();
    repository.remove('b');
    expect((await openProveJournal(tree, keep)).proofs.size).toBe(2);
    const file = join(repository.root, '.preflight', 'prove.json');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
    expect((await openProveJournal(tree, keep)).proofs.size).toBe(0);
  } finally {
    repository.close();
  }
});
