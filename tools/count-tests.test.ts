import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { countTests, readTestReport } from './count-tests.ts';

const allPassed = {
  success: true,
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: [{ status: 'passed', assertionResults: [{ status: 'passed' }, { status: 'skipped' }] }],
};

test('passed and failed are what vitest counted; skipped and planned tests are in neither', () => {
  expect(countTests(allPassed)).toEqual({ passed: 3, failed: 0, skipped: 2 });
  const testResults = [{ status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'failed' }] }];
  expect(countTests({ ...allPassed, success: false, numFailedTests: 2, testResults }).failed).toBe(2);
});

test('a file that could not be loaded counts as one failure', () => {
  const testResults = [...allPassed.testResults, { status: 'failed', assertionResults: [] }];
  expect(countTests({ ...allPassed, success: false, testResults }).failed).toBe(1);
});

test('a run that failed without a failed test, for example by an unhandled rejection, counts as a failure', () => {
  expect(countTests({ ...allPassed, success: false }).failed).toBe(1);
});

test.each(['', '{}', '{"success":true,"testResults":[]}', 'null'])(
  'a file that is no report is refused: %j',
  (text) => {
    const directory = mkdtempSync(join(tmpdir(), 'count-tests-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'tests.json'), text);
    expect(() => readTestReport(join(directory, 'tests.json'))).toThrow(Error);
  },
);
