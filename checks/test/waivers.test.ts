import { afterEach, describe, expect, test } from 'vitest';
import type { CheckResult } from '../src/engine/report.ts';
import { applyWaivers, isExpired, ledgerFaults, loadWaivers, type Waiver, waiverFile } from '../src/engine/waivers.ts';
import { UsageError } from '../src/errors.ts';
import { fakeGate, runFake } from './support/fake-checks.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

const now = new Date('2026-06-15T12:00:00Z');

function waiver(change: Partial<Waiver> = {}): Waiver {
  return {
    gate: 'code/no-console',
    reason: 'the logger comes next week',
    owner: 'ada',
    approver: 'grace',
    created: '2026-06-10',
    expires: '2026-06-20',
    ...change,
  };
}

async function red(...messages: string[]): Promise<CheckResult> {
  return runFake(fakeGate('code/no-console', { observe: async () => ({ examined: 1, facts: messages }) }));
}

describe('expiry', () => {
  test.each([
    ['2026-06-20T00:00:00Z', false],
    ['2026-06-20T23:59:59.999Z', false],
    ['2026-06-21T00:00:00Z', true],
    // In Honolulu it is still the 20th then, and in Tokyo the 21st has long begun: neither counts.
    ['2026-06-20T14:00:00-10:00', true],
    ['2026-06-21T08:59:59+09:00', false],
  ])('at %s a waiver until 2026-06-20 is expired: %s', (at, expired) => {
    expect(isExpired(waiver(), new Date(at))).toBe(expired);
  });
});

describe('what a waiver accepts', () => {
  test('without a fingerprint, all that its gate finds, and the findings stay', async () => {
    const result = applyWaivers(await red('one', 'two'), [waiver()], now);
    expect(result.outcome).toBe('waived');
    expect(result.waiver).toEqual({
      reason: 'the logger comes next week',
      owner: 'ada',
      approver: 'grace',
      expires: '2026-06-20',
    });
    expect(result.findings.map(({ message }) => message)).toEqual(['one', 'two']);
  });

  test('with a fingerprint, that finding alone', async () => {
    const both = await red('one', 'two');
    const [first, second] = both.findings.map(({ fingerprint }) => waiver({ fingerprint }));
    if (!first || !second) throw new Error('two findings are wanted');
    expect(applyWaivers(both, [first], now).outcome).toBe('fail');
    expect(applyWaivers(both, [first, second], now).outcome).toBe('waived');
    expect(applyWaivers(await red('one'), [first], now).outcome).toBe('waived');
    expect(applyWaivers(await red('three'), [first, second], now).outcome).toBe('fail');
  });

  test('nothing once it has expired, nothing before it was made, and nothing of another gate', async () => {
    for (const entry of [
      waiver({ created: '2026-05-20', expires: '2026-06-14' }),
      waiver({ created: '2026-06-16', expires: '2026-07-16' }),
      waiver({ gate: 'code/types-check' }),
    ])
      expect(applyWaivers(await red('one'), [entry], now).outcome).toBe('fail');
  });

  test('never an error or a need that is absent: what was not seen cannot be accepted', async () => {
    const broken = await runFake(fakeGate('code/no-console', { observe: () => Promise.reject(new Error('broken')) }));
    const absent: CheckResult = { ...broken, outcome: 'not-run', findings: [], missing: ['k6'] };
    expect(applyWaivers(broken, [waiver()], now).outcome).toBe('error');
    expect(applyWaivers(absent, [waiver()], now).outcome).toBe('not-run');
  });
});

describe('the ledger itself', () => {
  const known = ['code/no-console', 'code/types-check'];

  test('an expired waiver is a fault, even of a gate that passes or was not looked at', async () => {
    const entry = waiver({ created: '2026-05-20', expires: '2026-06-14' });
    const message =
      'the waiver of code/no-console expired on 2026-06-14: mend what it waives, or have it approved anew';
    const passed = await runFake(fakeGate('code/no-console'));
    for (const results of [[], [passed], [await red('one')]])
      expect(ledgerFaults([entry], known, results, now)).toEqual([message]);
  });

  test('a waiver that begins later could be made to hold for longer than thirty days', () => {
    const entry = waiver({ created: '2026-06-16', expires: '2026-07-16' });
    expect(ledgerFaults([entry], known, [], now)).toEqual([
      'the waiver of code/no-console is dated 2026-06-16, which is still to come: date it on the day when it is approved',
    ]);
  });

  test('a waiver of no gate', () => {
    expect(ledgerFaults([waiver({ gate: 'code/no-consoles' })], known, [], now)).toEqual([
      'the waiver of code/no-consoles names no gate: remove it',
    ]);
  });

  test('a waiver that accepts nothing any more, of a gate or of one finding', async () => {
    const passed = await runFake(fakeGate('code/no-console'));
    const failed = await red('one');
    const unused = (name: string) => [`the waiver of ${name} accepts nothing that this run found: remove it`];
    expect(ledgerFaults([waiver()], known, [passed], now)).toEqual(unused('code/no-console'));
    const entry = waiver({ fingerprint: '0123456789abcdef' });
    expect(ledgerFaults([entry], known, [failed], now)).toEqual(unused('code/no-console (0123456789abcdef)'));
  });

  test('a waiver in use, and one of a gate that was not looked at, are in order', async () => {
    const failed = await red('one');
    expect(ledgerFaults([waiver()], known, [applyWaivers(failed, [waiver()], now)], now)).toEqual([]);
    const [finding] = failed.findings;
    const exact = waiver({ fingerprint: finding?.fingerprint ?? '' });
    expect(ledgerFaults([exact], known, [applyWaivers(failed, [exact], now)], now)).toEqual([]);
    expect(ledgerFaults([waiver({ gate: 'code/types-check' })], known, [failed], now)).toEqual([]);
  });

  test('one that a gate which could not look may still need is left alone', async () => {
    const broken = await runFake(fakeGate('code/no-console', { observe: () => Promise.reject(new Error('broken')) }));
    expect(ledgerFaults([waiver()], known, [broken], now)).toEqual([]);
  });
});

describe('reading the ledger', () => {
  let repository: SmallRepository | undefined;
  afterEach(() => repository?.close());

  async function load(text?: string): Promise<Waiver[]> {
    repository?.close();
    repository = await createSmallRepository(text === undefined ? {} : { [waiverFile]: text });
    return loadWaivers(repository.root);
  }

  const entry = (change: Record<string, string>) =>
    Object.entries({ ...waiver(), ...change })
      .map(([name, value], index) => `${index === 0 ? '  - ' : '    '}${name}: ${JSON.stringify(value)}\n`)
      .join('');

  test('a tree without one waives nothing', async () => {
    expect(await load()).toEqual([]);
  });

  test('thirty days are the most', async () => {
    expect(await load(`waivers:\n${entry({ created: '2026-06-01', expires: '2026-07-01' })}`)).toHaveLength(1);
    await expect(load(`waivers:\n${entry({ created: '2026-06-01', expires: '2026-07-02' })}`)).rejects.toThrow(
      'waivers.0: it may hold for 30 days at most',
    );
  });

  test.each([
    [{ approver: 'ada' }, 'waivers.0: the approver may not be the owner'],
    [{ expires: 'next week' }, 'waivers.0.expires: Invalid ISO date'],
    [{ expires: '2026-06-31' }, 'waivers.0.expires: Invalid ISO date'],
    [{ reason: 'because' }, 'waivers.0.reason: Too small'],
    [{ owner: '' }, 'waivers.0.owner: Too small'],
    [{ forever: 'yes' }, 'waivers.0: Unrecognized key: "forever"'],
  ])('with %j it is refused', async (change, fault) => {
    await expect(load(`waivers:\n${entry(change)}`)).rejects.toThrow(fault);
    await expect(load(`waivers:\n${entry(change)}`)).rejects.toBeInstanceOf(UsageError);
  });

  test('every fault is told at once', async () => {
    const text = `waivers:\n${entry({ approver: 'ada' })}${entry({ created: '2026-01-01' })}`;
    await expect(load(text)).rejects.toThrow(/has 2 fault\(s\):\n {2}waivers\.0: .*\n {2}waivers\.1: /);
  });

  test.each(['waivers: [', 'waivers', '', 'waivers:\n  - 7\n'])('%j is a fault of usage, not a crash', async (text) => {
    await expect(load(text)).rejects.toBeInstanceOf(UsageError);
  });
});
