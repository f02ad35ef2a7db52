import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Cache, isCacheable, type Kept } from '../src/engine/cache.ts';
import { nothingCleared } from '../src/engine/cleared-files.ts';
import type { Context } from '../src/engine/context.ts';
import type { Drill, Gate } from '../src/engine/gate.ts';
import { fakeDrill, fakeGate, fakeSandbox, runFake, runFakes } from './support/fake-checks.ts';
import { until } from './support/until.ts';

/** Looks until it is told to stop, and says with what reason. */
function untilStopped({ signal }: Context): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

describe('what becomes of one gate', () => {
  test('it looked and found nothing: pass, with all that it is', async () => {
    const result = await runFake(fakeGate('a/b', { covers: ['x.y'], severity: 'warning' }));
    expect(result).toEqual({
      ...{ id: 'a/b', kind: 'gate', severity: 'warning', outcome: 'pass', examined: 1, unit: 'things' },
      ...{ findings: [], facts: [], startedAtMs: expect.any(Number), durationMs: expect.any(Number), covers: ['x.y'] },
    });
  });

  test('it found something: fail, with the general fix where there is no better one', async () => {
    const judge = () => [{ message: 'one', file: 'a.ts', line: 3, fix: 'mend a.ts' }, { message: 'two' }];
    const { outcome, findings } = await runFake(fakeGate('a/b', { judge }));
    expect(outcome).toBe('fail');
    expect(findings).toEqual([
      { message: 'one', file: 'a.ts', line: 3, fix: 'mend a.ts', fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) },
      { message: 'two', fix: 'Mend it.', fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) },
    ]);
  });

  test.each([0, Number.NaN, -1])('it examined %d: error, whatever its judge would say', async (examined) => {
    const { outcome, findings } = await runFake(fakeGate('a/b', { observe: async () => ({ examined, facts: [] }) }));
    expect(outcome).toBe('error');
    expect(findings[0]?.message).toContain('it examined no things: a gate that looked at nothing has no verdict');
  });

  test.each([
    ['its observe throws', { observe: () => Promise.reject(new Error('no such table')) }],
    [
      'its observe throws at once',
      {
        observe: () => {
          throw new Error('no such table');
        },
      },
    ],
    [
      'its judge throws',
      {
        judge: () => {
          throw new Error('no such table');
        },
      },
    ],
  ])('%s: error, with the reason and the way to try again', async (_, change) => {
    const { outcome, findings, examined } = await runFake(fakeGate('a/b', change));
    expect({ outcome, examined }).toEqual({ outcome: 'error', examined: 0 });
    expect(findings).toMatchObject([
      { message: 'could not finish looking: no such table', fix: expect.stringContaining('npx preflight run a/b') },
    ]);
  });

  test('its time is up: error, and what it had begun is told to end', async () => {
    const { outcome, findings } = await runFake(fakeGate('a/b', { timeoutMs: 4, observe: untilStopped }));
    expect(outcome).toBe('error');
    expect(findings[0]?.message).toBe('could not finish looking: it was not done after 0.004 s');
  });

  test('--timeout-factor multiplies the time', async () => {
    const gate = fakeGate('a/b', { timeoutMs: 1, observe: untilStopped });
    const { findings } = await runFake(gate, { timeoutFactor: 7 });
    expect(findings[0]?.message).toContain('it was not done after 0.007 s');
  });

  test('a need is absent: not-run, with what is missing, and nothing is looked at', async () => {
    let looked = false;
    const observe = async () => {
      looked = true;
      return { examined: 1, facts: [] };
    };
    const result = await runFake(fakeGate('a/b', { needs: ['config:killSwitch', 'config:load'], observe }));
    expect(result).toMatchObject({ outcome: 'not-run', examined: 0, findings: [] });
    expect(result.missing).toEqual([
      'preflight.config.ts does not describe `killSwitch`',
      'preflight.config.ts does not describe `load`',
    ]);
    expect(looked).toBe(false);
  });

  test('a program is absent: not-run, with the way to get it', async () => {
    const tools = { find: () => undefined, path: () => '', version: async () => '', environment: {} };
    expect((await runFake(fakeGate('a/b', { needs: ['k6'] }), { tools })).missing).toEqual([
      'k6: `make setup` installs it, or says why it cannot',
    ]);
    const stack = await runFake(fakeGate('a/c', { needs: ['service', 'database'] }), { tools });
    expect(stack.missing).toEqual([
      'initdb: `make setup` installs it, or says why it cannot',
      'postgres: `make setup` installs it, or says why it cannot',
    ]);
  });
});

describe('fingerprints', () => {
  const fingerprint = async (
    finding: { message: string; file?: string; line?: number; identity?: string },
    id = 'a/b',
  ) => (await runFake(fakeGate(id, { judge: () => [finding] }))).findings[0]?.fingerprint;

  test('do not change when lines move, nor with the words of a finding that has an identity', async () => {
    const before = await fingerprint({ message: 'm', file: 'a.ts', line: 3 });
    expect(await fingerprint({ message: 'm', file: 'a.ts', line: 300 })).toBe(before);
    const named = await fingerprint({ message: 'at line 3', file: 'a.ts', line: 3, identity: 'i' });
    expect(await fingerprint({ message: 'at line 4', file: 'a.ts', line: 4, identity: 'i' })).toBe(named);
  });

  test('change with the gate, the file and what is wrong', async () => {
    const all = await Promise.all([
      fingerprint({ message: 'm', file: 'a.ts' }),
      fingerprint({ message: 'm', file: 'a.ts' }, 'a/c'),
      fingerprint({ message: 'm', file: 'b.ts' }),
      fingerprint({ message: 'n', file: 'a.ts' }),
      fingerprint({ message: 'm', file: 'a.ts', identity: 'i' }),
    ]);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('the running stack', () => {
  test('comes up once for all who look at it, and not at all for those who do not', async () => {
    let opened = 0;
    const openSandbox = async () => {
      opened += 1;
      return fakeSandbox();
    };
    const seen: string[] = [];
    const observe = async ({ target }: Context) => {
      seen.push(target.name);
      return { examined: 1, facts: [] };
    };
    await runFakes([fakeGate('a/a')], { openSandbox });
    expect(opened).toBe(0);
    const gates = ['a/b', 'a/c', 'a/d'].map((id) => fakeGate(id, { needs: ['service'], observe }));
    await runFakes(gates, { openSandbox });
    expect({ opened, seen }).toEqual({ opened: 1, seen: ['a fake', 'a fake', 'a fake'] });
  });

  test('each result says when its turn came, and how much of its time it waited for the stack', async () => {
    const openSandbox = async () => {
      await delay(30);
      return fakeSandbox();
    };
    const looks = (id: string) => fakeGate(id, { needs: ['service'] });
    const checks = [fakeGate('a/first'), looks('a/waits'), looks('a/finds-it-up')];
    const [first, waits, findsItUp] = await runFakes(checks, { openSandbox, concurrency: 1 });
    expect(first).not.toHaveProperty('waitedForStackMs');
    expect(waits?.waitedForStackMs).toBeGreaterThanOrEqual(25);
    expect(waits?.durationMs).toBeGreaterThanOrEqual(waits?.waitedForStackMs ?? Number.NaN);
    expect(findsItUp?.waitedForStackMs).toBeLessThan(waits?.waitedForStackMs ?? Number.NaN);
    expect(findsItUp?.startedAtMs).toBeGreaterThanOrEqual((waits?.startedAtMs ?? 0) + 25);
  });

  test('does not come up: everyone who needs it says error with the reason, the others go on', async () => {
    const openSandbox = () => Promise.reject(new Error('initdb: no space left'));
    const results = await runFakes([fakeGate('a/a'), fakeGate('a/b', { needs: ['database'] })], { openSandbox });
    expect(results.map(({ outcome }) => outcome)).toEqual(['pass', 'error']);
    expect(results[1]?.findings[0]?.message).toContain('initdb: no space left');
  });

  test('is not given to a gate that does not say that it looks at it', async () => {
    const observe = async ({ target }: Context) => ({ examined: 1, facts: [target.name] });
    const { outcome, findings } = await runFake(fakeGate('a/b', { observe }));
    expect(outcome).toBe('error');
    expect(findings[0]?.message).toContain('does not declare among its needs');
  });
});

describe('who looks at the same time', () => {
  /** Gates that note when they begin and end. */
  function watched() {
    const log: string[] = [];
    let running = 0;
    let most = 0;
    const observe = (id: string) => async () => {
      running += 1;
      most = Math.max(most, running);
      log.push(`${id} begins among ${running}`);
      await new Promise(setImmediate);
      running -= 1;
      return { examined: 1, facts: [] };
    };
    const gate = (id: string, alone = false) => fakeGate(id, { alone, observe: observe(id) });
    return { gate, log, most: () => most };
  }

  test('no more than the concurrency, and the results keep the order of the list', async () => {
    const { gate, most } = watched();
    const ids = ['a/a', 'a/b', 'a/c', 'a/d', 'a/e'];
    const results = await runFakes(
      ids.map((id) => gate(id)),
      { concurrency: 2 },
    );
    expect(results.map(({ id }) => id)).toEqual(ids);
    expect(most()).toBe(2);
  });

  test('who disturbs the others looks alone, and last', async () => {
    const { gate, log } = watched();
    const results = await runFakes([gate('a/loud', true), gate('a/a'), gate('a/louder', true), gate('a/b')]);
    expect(results.map(({ id }) => id)).toEqual(['a/loud', 'a/a', 'a/louder', 'a/b']);
    expect(log).toEqual([
      'a/a begins among 1',
      'a/b begins among 2',
      'a/loud begins among 1',
      'a/louder begins among 1',
    ]);
  });

  test('whoever watches is told of each begin, word and end', async () => {
    const told: string[] = [];
    const observe = async ({ progress }: Context) => {
      progress('half');
      return { examined: 1, facts: [] };
    };
    await runFakes([fakeGate('a/b', { observe })], {
      watcher: {
        started: ({ id }) => told.push(`${id} started`),
        progress: ({ id }, message) => told.push(`${id} ${message}`),
        finished: ({ id }, { outcome }) => told.push(`${id} ${outcome}`),
      },
    });
    expect(told).toEqual(['a/b started', 'a/b half', 'a/b pass']);
  });
});

describe('a drill', () => {
  /** A drill that notes its steps; one of them may break. */
  function steps(change: Partial<Drill<{ wrong: string[] }>> = {}, breaks: string[] = []) {
    const log: string[] = [];
    const step = (name: string) => {
      log.push(name);
      if (breaks.includes(name)) throw new Error(`${name} broke`);
    };
    const drill = fakeDrill('drills/a', {
      steadyState: async () => step(log.includes('undo') ? 'steady again' : 'steady'),
      strike: async () => {
        step('strike');
        return { examined: 3, facts: { wrong: [] }, struckInFlight: 2 };
      },
      undo: async () => step('undo'),
      ...change,
    });
    return { drill, log };
  }

  test('steady, strike, undo, steady again; the work that it struck is in the evidence', async () => {
    const { drill, log } = steps();
    expect(await runFake(drill)).toMatchObject({
      ...{ kind: 'drill', outcome: 'pass', examined: 3 },
      facts: { struckInFlight: 2, wrong: [] },
    });
    expect(log).toEqual(['steady', 'strike', 'undo', 'steady again']);
  });

  test('what it found is a failure, after the undo', async () => {
    const { drill, log } = steps({ judge: () => [{ message: 'an order was lost' }] });
    expect((await runFake(drill)).outcome).toBe('fail');
    expect(log).toContain('undo');
  });

  test.each([
    ['strike', ['steady', 'strike', 'undo']],
    ['undo', ['steady', 'strike', 'undo']],
    ['steady again', ['steady', 'strike', 'undo', 'steady again']],
    ['steady', ['steady']],
  ])('when its %s breaks it is an error after the steps %j', async (breaks, expected) => {
    const { drill, log } = steps({}, [breaks]);
    const { outcome, findings } = await runFake(drill);
    expect(outcome).toBe('error');
    expect(findings[0]?.message).toBe(`could not finish looking: ${breaks} broke`);
    expect(log).toEqual(expected);
  });

  test('it struck while nothing was in flight: error', async () => {
    const strike = async () => ({ examined: 3, facts: { wrong: [] }, struckInFlight: 0 });
    const { drill } = steps({ strike });
    const { outcome, findings } = await runFake(drill);
    expect(outcome).toBe('error');
    expect(findings[0]?.message).toContain('struck while no work was in flight');
  });

  test.each([
    [1, ['one 1', 'two 1']],
    [2, ['one 1', 'two 2']],
  ])('two with %i at once never share a stack while they strike', async (concurrency, expected) => {
    let opened = 0;
    const openSandbox = async () => {
      opened += 1;
      return fakeSandbox({ name: `${opened}` });
    };
    const striking = new Set<string>();
    const struck: string[] = [];
    const drillOn = (id: string) =>
      fakeDrill(id, {
        strike: async ({ target }) => {
          expect(striking).not.toContain(target.name);
          striking.add(target.name);
          // Until the other one has had its turn, where it can have one.
          for (let turn = 0; turn < 20; turn += 1) await delay(0);
          struck.push(`${id.slice(2)} ${target.name}`);
          striking.delete(target.name);
          return { examined: 1, facts: { wrong: [] }, struckInFlight: 1 };
        },
      });
    const results = await runFakes([drillOn('a/one'), drillOn('a/two')], { openSandbox, concurrency });
    expect(results.map(({ outcome }) => outcome)).toEqual(['pass', 'pass']);
    expect(struck.sort()).toEqual(expected);
  });

  test('what measures has the stack that was asked, and the machine, for itself; what disturbs goes beside another', async () => {
    let opened = 0;
    const openSandbox = async () => {
      opened += 1;
      return fakeSandbox({ name: `stack ${opened}` });
    };
    const atWork = new Set<string>();
    const seen: string[] = [];
    const looks = (id: string, change: Partial<Gate<string[]>>) =>
      fakeGate(id, {
        needs: ['service'],
        ...change,
        observe: async ({ target }) => {
          atWork.add(id);
          for (let turn = 0; turn < 20; turn += 1) await delay(0);
          seen.push(`${id} on ${target.name} beside ${atWork.size - 1}`);
          atWork.delete(id);
          return { examined: 1, facts: [] };
        },
      });
    const disturbs = { alone: true };
    const measures = { alone: true, measures: true };
    const gates = [
      looks('a/disturbs', disturbs),
      looks('a/measures', measures),
      looks('a/too', disturbs),
      looks('a/asks', {}),
    ];
    await runFakes(gates, { openSandbox, concurrency: 3 });
    expect(seen.slice(0, 2)).toEqual(['a/asks on stack 1 beside 0', 'a/measures on stack 1 beside 0']);
    expect(seen.slice(2).sort()).toEqual([
      expect.stringMatching(/^a\/disturbs on stack 1 beside [01]$/),
      expect.stringMatching(/^a\/too on stack 2 beside [01]$/),
    ]);
  });

  test('it touches no target that is not marked as safe to break', async () => {
    const { drill, log } = steps();
    const openSandbox = async () => fakeSandbox({ name: 'production', safeToBreak: false });
    const { outcome, findings } = await runFake(drill, { openSandbox });
    expect(outcome).toBe('error');
    expect(findings[0]?.message).toContain('the target production is not marked as safe to break');
    expect(log).toEqual([]);
  });

  test('interrupted while it strikes, it is undone before the run goes on', async () => {
    const controller = new AbortController();
    const { drill, log } = steps({
      strike: (context) => {
        log.push('strike');
        queueMicrotask(() => controller.abort(new Error('interrupted by SIGINT')));
        return untilStopped(context);
      },
    });
    const { outcome, findings } = await runFake(drill, { signal: controller.signal });
    expect(outcome).toBe('error');
    expect(findings[0]?.message).toContain('interrupted by SIGINT');
    expect(log).toEqual(['steady', 'strike', 'undo']);
  });
});

test('an interruption ends the run: who looks is told, and nobody begins any more', async () => {
  const controller = new AbortController();
  const begun: string[] = [];
  const patient = (id: string) =>
    fakeGate(id, {
      observe: (context) => {
        begun.push(id);
        return untilStopped(context);
      },
    });
  const later = [patient('a/c'), fakeDrill('drills/a', { steadyState: async () => void begun.push('drills/a') })];
  const running = runFakes([patient('a/a'), patient('a/b'), ...later], { concurrency: 2, signal: controller.signal });
  await until('two look', () => begun.length === 2);
  controller.abort(new Error('interrupted by SIGTERM'));
  const results = await running;
  expect(results.map(({ outcome }) => outcome)).toEqual(['error', 'error', 'error', 'error']);
  for (const { findings } of results) expect(findings[0]?.message).toContain('interrupted by SIGTERM');
  expect(begun).toEqual(['a/a', 'a/b']);
});

describe('looking again', () => {
  const failing = (times: number) => {
    let looks = 0;
    return async () => ({ examined: 1, facts: ++looks <= times ? [`look ${looks}`] : [] });
  };
  const retry = { times: 2, why: 'A new replica answers late.' } as const;

  test('only where the gate says so, and every attempt is told', async () => {
    expect(await runFake(fakeGate('a/b', { observe: failing(1) }))).toMatchObject({ outcome: 'fail' });
    const result = await runFake(fakeGate('a/b', { observe: failing(1), retry }));
    expect(result).toMatchObject({ outcome: 'pass', findings: [] });
    expect(result.attempts).toMatchObject([
      { outcome: 'fail', message: 'look 1' },
      { outcome: 'pass', message: '' },
    ]);
  });

  test('no more often than it says, and then the last attempt counts', async () => {
    const result = await runFake(fakeGate('a/b', { observe: failing(9), retry }));
    expect(result).toMatchObject({ outcome: 'fail', findings: [{ message: 'look 3' }] });
    expect(result.attempts).toHaveLength(3);
  });

  test('not when what is missing will still be missing, nor after an interruption', async () => {
    expect((await runFake(fakeGate('a/b', { needs: ['config:load'], retry }))).attempts).toBeUndefined();
    const interruption = new AbortController();
    const observe = () => {
      interruption.abort(new Error('interrupted'));
      return Promise.reject(new Error('gone'));
    };
    const result = await runFake(fakeGate('a/b', { observe, retry }), { signal: interruption.signal });
    expect(result).toMatchObject({ outcome: 'error' });
    expect(result.attempts).toBeUndefined();
  });
});

describe('what is kept of earlier runs', () => {
  function memory() {
    const kept = new Map<string, Kept>();
    const cache: Cache = {
      keyOf: async ({ id }) => `key of ${id}`,
      find: async (key) => kept.get(key),
      keep: async (key, result) => {
        kept.set(key, { lookedAt: '2026-06-15T12:00:00Z', result });
      },
      clearedBy: () => nothingCleared,
    };
    return { kept, cache };
  }

  test('a pass is not looked at again, and is shown as what it is', async () => {
    const { cache } = memory();
    let looks = 0;
    const gate = fakeGate('a/b', { observe: async () => ({ examined: ++looks, facts: [] }) });
    const first = await runFake(gate, { cache });
    const second = await runFake(gate, { cache });
    expect(looks).toBe(1);
    expect(first.cached).toBeUndefined();
    expect(second).toMatchObject({ outcome: 'pass', examined: 1, cached: { key: 'key of a/b' } });
  });

  test('nothing but a pass is kept', async () => {
    const { kept, cache } = memory();
    const broken = { observe: () => Promise.reject(new Error('broken')) };
    const bad = { judge: () => [{ message: 'wrong' }] };
    const checks = [fakeGate('a/fail', bad), fakeGate('a/error', broken), fakeGate('a/x', { needs: ['config:load'] })];
    expect((await runFakes(checks, { cache })).map(({ outcome }) => outcome)).toEqual(['fail', 'error', 'not-run']);
    expect(kept.size).toBe(0);
  });

  test('only of gates that say which files matter and ask neither a stack, a target nor more of git than its commits', () => {
    const files = ['**'];
    expect(isCacheable(fakeGate('a/b', { files }))).toBe(true);
    expect(isCacheable(fakeGate('a/b'))).toBe(false);
    expect(isCacheable(fakeGate('a/b', { files, profile: 'commit' }))).toBe(true);
    expect(isCacheable(fakeGate('a/b', { files, profile: 'release' }))).toBe(false);
    expect(isCacheable(fakeGate('a/b', { files, needs: ['git'] }))).toBe(false);
    expect(isCacheable(fakeGate('a/b', { files, needs: ['git'], readsCommits: true }))).toBe(true);
    expect(isCacheable(fakeGate('a/b', { files, needs: ['database'] }))).toBe(false);
    expect(isCacheable(fakeDrill('drills/b', { files }))).toBe(false);
  });
});
