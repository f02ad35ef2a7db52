import { readFileSync } from 'node:fs';

/** The part of vitest's JSON report that is counted. https://vitest.dev/guide/reporters.html#json-reporter */
interface TestReport {
  success: boolean;
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

export interface TestCount {
  passed: number;
  failed: number;
  /** Skipped and planned tests: they show nothing, so they are in neither of the other two. */
  skipped: number;
}

/**
 * Counts what a test run showed. A file that failed without a failed test (it could not be loaded, or its set-up threw)
 * counts as one failure, and a run that vitest itself calls failed never counts as zero failures.
 */
export function countTests(report: TestReport): TestCount {
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: report.success ? failed : Math.max(1, failed),
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Reads and checks a report file. @throws when it is absent, is not JSON, or is not vitest's report. */
export function readTestReport(path: string): TestReport {
  const report = JSON.parse(readFileSync(path, 'utf8')) as Partial<TestReport>;
  const counts = [report.numPassedTests, report.numFailedTests, report.numPendingTests, report.numTodoTests];
  if (typeof report.success !== 'boolean' || !Array.isArray(report.testResults) || !counts.every(Number.isInteger)) {
    throw new Error(`${path} is not a report of vitest's JSON reporter`);
  }
  return report as TestReport;
}

/** `node tools/count-tests.ts FILE` prints "PASSED FAILED SKIPPED", for scripts. */
if (import.meta.main) {
  const { passed, failed, skipped } = countTests(readTestReport(process.argv[2] ?? '.preflight/tests.json'));
  console.log(passed, failed, skipped);
}
