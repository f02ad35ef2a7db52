import fc from 'fast-check';
import { expect, test } from 'vitest';
import { disturbs, eachByResource, type Holds, holdsOf } from '../src/engine/schedule.ts';
import { fakeDrill, fakeGate } from './support/fake-checks.ts';

test('a check that reads files leaves the target alone; a drill has it, and the machine, for itself', () => {
  expect([...holdsOf(fakeGate('a/files'))]).toEqual([['machine', 'shared']]);
  const looking = fakeGate('a/looks', { needs: ['service'], resources: ['port 9464'] });
  expect([...holdsOf(looking)]).toEqual([
    ['machine', 'shared'],
    ['target', 'shared'],
    ['port 9464', 'alone'],
  ]);
  expect(holdsOf(fakeGate('a/trades', { reliesOn: ['quotes'] })).get('quotes')).toBe('shared');
  for (const check of [fakeDrill('drills/a'), fakeGate('a/alone', { alone: true })]) {
    expect(disturbs(check)).toBe(true);
    expect([...holdsOf(check)]).toEqual([
      ['machine', 'alone'],
      ['target', 'alone'],
    ]);
  }
});

interface Item {
  name: number;
  holds: Holds;
}

const holds = fc
  .dictionary(fc.constantFrom('target', 'machine', 'port'), fc.constantFrom('shared', 'alone'))
  .map((entries) => new Map(Object.entries(entries)) as Holds);

test('whatever is asked for: each once, never more than the bound, never two that cannot share', async () => {
  const items = fc.array(holds, { maxLength: 12 }).map((all) => all.map((each, name): Item => ({ name, holds: each })));
  await fc.assert(
    fc.asyncProperty(items, fc.integer({ min: 1, max: 4 }), fc.scheduler(), async (all, bound, scheduler) => {
      const running = new Set<Item>();
      const done: number[] = [];
      const work = async (item: Item) => {
        for (const other of running)
          for (const [name, hold] of item.holds)
            if (other.holds.has(name)) expect([hold, other.holds.get(name)]).toEqual(['shared', 'shared']);
        running.add(item);
        expect(running.size).toBeLessThanOrEqual(bound);
        await scheduler.schedule(Promise.resolve());
        running.delete(item);
        done.push(item.name);
      };
      const finished = eachByResource(all, bound, (item) => item.holds, work);
      await scheduler.waitFor(finished);
      expect(done.toSorted((one, other) => one - other)).toEqual(all.map(({ name }) => name));
    }),
    { numRuns: 200 },
  );
});

test('side by side where they can be: two that only look do not wait for each other', async () => {
  const both = Promise.withResolvers<void>();
  let arrived = 0;
  const shared: Holds = new Map([['target', 'shared']]);
  await eachByResource(
    [1, 2],
    2,
    () => shared,
    async () => {
      arrived += 1;
      if (arrived === 2) both.resolve();
      await both.promise;
    },
  );
  expect(arrived).toBe(2);
});

test('one that wants a resource for itself is not overtaken for ever by those that share it', async () => {
  const order: string[] = [];
  const wants = (name: string): Holds => new Map([['target', name === 'alone' ? 'alone' : 'shared']]);
  await eachByResource(['first', 'alone', 'later', 'last'], 2, wants, async (name) => {
    order.push(name);
  });
  expect(order).toEqual(['first', 'alone', 'later', 'last']);
});
