import fc from 'fast-check';
import { expect, test } from 'vitest';
import { outcomes } from '../src/engine/report.ts';
import { severities } from '../src/engine/severity.ts';
import { exitCodes, type Judged, reachVerdict } from '../src/engine/verdict.ts';

const governanceFault = ['the waiver of a/b expired'];

/** One blocker of each outcome, alone and beside a pass: the whole table. */
test.each([
  ['pass', [], 'GO', 0],
  ['waived', [], 'GO', 0],
  ['fail', [], 'NO-GO', 1],
  ['error', [], 'UNKNOWN', 3],
  ['not-run', [], 'UNKNOWN', 3],
  ['pass', governanceFault, 'NO-GO', 4],
  ['waived', governanceFault, 'NO-GO', 4],
  ['fail', governanceFault, 'NO-GO', 1],
  ['error', governanceFault, 'NO-GO', 4],
  ['not-run', governanceFault, 'NO-GO', 4],
] as const)('a blocker that says %s, with governance %j → %s (%i)', (outcome, governance, verdict, exitCode) => {
  const one: Judged = { severity: 'blocker', outcome };
  expect(reachVerdict([one], governance)).toEqual({ verdict, exitCode });
  expect(reachVerdict([{ severity: 'blocker', outcome: 'pass' }, one], governance)).toEqual({ verdict, exitCode });
});

test.each([
  ['blocker', 'blocker', true],
  ['warning', 'blocker', false],
  ['advisory', 'blocker', false],
  ['blocker', 'warning', true],
  ['warning', 'warning', true],
  ['advisory', 'warning', false],
  ['blocker', 'advisory', true],
  ['warning', 'advisory', true],
  ['advisory', 'advisory', true],
] as const)('a failed %s under --fail-on %s: it counts is %s', (severity, failOn, counts) => {
  const results: Judged[] = [
    { severity: 'blocker', outcome: 'pass' },
    { severity, outcome: 'fail' },
  ];
  expect(reachVerdict(results, [], failOn).exitCode).toBe(counts ? 1 : 0);
});

test('when nothing that counts was looked at, it is not known', () => {
  const unknown = { verdict: 'UNKNOWN', exitCode: 3 };
  expect(reachVerdict([], [])).toEqual(unknown);
  expect(reachVerdict([{ severity: 'warning', outcome: 'pass' }], [])).toEqual(unknown);
  expect(reachVerdict([{ severity: 'advisory', outcome: 'pass' }], [], 'warning')).toEqual(unknown);
});

test('exit codes are a contract', () => {
  expect(exitCodes).toEqual({ go: 0, noGo: 1, usage: 2, unknown: 3, governance: 4, interrupted: 130 });
});

const results = fc.array(
  fc.record({ severity: fc.constantFrom(...severities), outcome: fc.constantFrom(...outcomes) }),
  {
    maxLength: 8,
  },
);
const governance = fc.array(fc.string(), { maxLength: 2 });
const failOn = fc.constantFrom(...severities);

function counted(all: readonly Judged[], from: (typeof severities)[number]): Judged[] {
  const heavier = severities.slice(0, severities.indexOf(from) + 1);
  return all.filter(({ severity }) => heavier.includes(severity));
}

test('GO is never said while anything that counts is not ready, nor over a fault of governance, nor of nothing', () => {
  fc.assert(
    fc.property(results, governance, failOn, (all, faults, from) => {
      const { verdict, exitCode } = reachVerdict(all, faults, from);
      const judged = counted(all, from);
      const ready = judged.filter(({ outcome }) => outcome === 'pass' || outcome === 'waived');
      const mayGo = judged.length > 0 && ready.length === judged.length && faults.length === 0;
      expect(verdict === 'GO').toBe(mayGo);
      expect(exitCode === 0).toBe(mayGo);
    }),
  );
});

test('a failure outweighs a fault of governance, which outweighs not knowing', () => {
  fc.assert(
    fc.property(results, governance, failOn, (all, faults, from) => {
      const { exitCode } = reachVerdict(all, faults, from);
      const failed = counted(all, from).some(({ outcome }) => outcome === 'fail');
      if (failed) expect(exitCode).toBe(1);
      else if (faults.length > 0) expect(exitCode).toBe(4);
      else expect([0, 3]).toContain(exitCode);
    }),
  );
});

test('neither the order nor what does not count changes the verdict', () => {
  fc.assert(
    fc.property(results, governance, failOn, (all, faults, from) => {
      const verdict = reachVerdict(all, faults, from);
      expect(reachVerdict(all.toReversed(), faults, from)).toEqual(verdict);
      expect(reachVerdict(counted(all, from), faults, from)).toEqual(verdict);
    }),
  );
});
