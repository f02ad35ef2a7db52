import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { nextClockChange } from '../src/calendars/market.ts';
import { badSteps, findingsOfStep, stepSample } from '../src/drills/support/clock-steps.ts';
import { createClock } from '../src/sandbox/clock.ts';
import { createDirectory, removeDirectory } from '../src/sandbox/journal.ts';
import { tools } from './support/throwaway-postgres.ts';

test.each([
  [
    '2026-11-20T12:00:00Z',
    { at: '2027-03-14T07:00:00Z', closesBefore: '2027-03-12T21:00:00Z', opensAfter: '2027-03-15T13:30:00Z' },
  ],
  [
    '2026-06-01T12:00:00Z',
    { at: '2026-11-01T06:00:00Z', closesBefore: '2026-10-30T20:00:00Z', opensAfter: '2026-11-02T14:30:00Z' },
  ],
])('after %s the clocks of the market change with a session on both sides', (after, change) => {
  expect(nextClockChange('XNYS', new Date(after))).toEqual(change);
});

test('a calendar that does not reach so far, or has no clocks, tells of no change', () => {
  expect(nextClockChange('XNYS', new Date('2028-12-01T00:00:00Z'))).toBeUndefined();
  expect(nextClockChange('none', new Date('2026-11-20T00:00:00Z'))).toBeUndefined();
});

test('a step that moved nothing has missed, and is told', () => {
  const [missed] = badSteps;
  expect(findingsOfStep(missed ?? stepSample()).map(({ message }) => message)).toEqual([
    "setting both clocks back missed: the database's moved by 2 ms, and -5000 ms was meant",
  ]);
});

/** Tells its own times before and after it is told, by a line, that its clock was set. */
const program = `
  const told = () => console.log(JSON.stringify([Date.now(), Math.round(performance.now())]));
  told(); require('node:fs').renameSync(process.argv[1], process.env.FAKETIME_TIMESTAMP_FILE); told();`;

test.skipIf(!tools.find('faketime'))(
  'a process sees its clock set back while it runs, and its monotonic clock go on',
  async () => {
    const directory = await createDirectory();
    try {
      const clock = await createClock(directory, 'own', tools);
      const other = await createClock(directory, 'other', tools);
      clock.set(Date.parse('2027-03-14T07:00:00Z'));
      other.set(Date.parse('2027-03-14T06:59:55Z'));
      expect(other.nowMs() - clock.nowMs()).toBeLessThan(0);
      const file = other.environment.FAKETIME_TIMESTAMP_FILE ?? '';
      const { stdout } = spawnSync(process.execPath, ['-e', program, file], {
        env: { ...process.env, ...clock.environment },
        encoding: 'utf8',
      });
      const [before = [], after = []] = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as number[]);
      expect(new Date(before[0] ?? 0).toISOString()).toMatch(/^2027-03-14T07:0/);
      expect((after[0] ?? 0) - (before[0] ?? 0)).toBeLessThan(0);
      expect((after[1] ?? 0) - (before[1] ?? 0)).toBeGreaterThanOrEqual(0);
    } finally {
      await removeDirectory(directory);
    }
  },
);
