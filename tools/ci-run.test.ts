import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const repository = fileURLToPath(new URL('..', import.meta.url));

const closingLines = ' Test Files  1 passed (1)\n      Tests  2 passed (2)\n   Start at  10:00:00\n   Duration  1.00s';
const report = {
  success: true,
  numPassedTests: 2,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
};

test('tests and judgement succeed: it closes with vitest’s own lines and the counted line, and leaves no file', () => {
  const { status, stdout, temporaryFiles } = run({ test: saying(closingLines, report), preflight: 'echo GO' });
  expect(stdout.endsWith(`── summary\n${closingLines}\n2 passed, 0 failed\n`)).toBe(true);
  expect(status).toBe(0);
  expect(temporaryFiles).toEqual([]);
});

test('failed tests are counted, and preflight runs all the same', () => {
  const failing = { ...report, success: false, numFailedTests: 1 };
  const { status, stdout } = run({ test: `${saying(closingLines, failing)}; exit 1`, preflight: 'echo GO' });
  expect(stdout).toContain('\nGO\n');
  expect(stdout).toMatch(/\nfailed: make test, tests\n2 passed, 1 failed\n$/);
  expect(status).toBe(1);
});

test('a NO-GO fails the run, though every test passed', () => {
  const { status, stdout } = run({ test: saying(closingLines, report), preflight: 'echo NO-GO; exit 1' });
  expect(stdout).toMatch(/\nfailed: make preflight\n2 passed, 0 failed\n$/);
  expect(status).toBe(1);
});

test('no report, and no test at all, are failures', () => {
  const without = run({ test: 'echo crashed; exit 1', preflight: 'echo GO' });
  expect(without.stdout).toMatch(/\n0 passed, 1 failed\n$/);
  expect(without.status).toBe(1);
  const none = run({ test: saying(closingLines, { ...report, numPassedTests: 0 }), preflight: 'echo GO' });
  expect(none.stdout).toMatch(/\nfailed: tests\n0 passed, 0 failed\n$/);
  expect(none.status).toBe(1);
});

test.runIf(existsSync('/proc/self/environ'))('a process that is left behind is named, ended, and fails the run', () => {
  // A session of its own, as a daemon has: it is found by its environment, or by its working directory alone.
  const daemons = `setsid sleep 601 & echo pid=$! ; cd $TMPDIR && env -i setsid sleep 602 & sleep 0.5`;
  const { status, stdout } = run({ test: `${saying(closingLines, report)}; ${daemons}`, preflight: 'echo GO' });
  expect(stdout).toMatch(/left behind: \d+ sleep 601/);
  expect(stdout).toMatch(/left behind: \d+ .*sleep 602/);
  expect(stdout).toMatch(/\nfailed: processes left behind\n2 passed, 0 failed\n$/);
  expect(status).toBe(1);
  for (const [, pid = ''] of stdout.matchAll(/left behind: (\d+)/g)) expect(isRunning(pid)).toBe(false);
});

/** Shell text of a `make test` that prints these lines and leaves this report. */
function saying(lines: string, tests: object): string {
  return `mkdir -p .preflight; printf '%s\\n' '${JSON.stringify(tests)}' >.preflight/tests.json; printf '%s\\n' '${lines.replaceAll('\n', "' '")}'`;
}

/** Runs .ci/run in a tree whose `make test` and `make preflight` are these shell lines. */
function run(targets: { test: string; preflight: string }) {
  const home = mkdtempSync(join(tmpdir(), 'ci-run-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const temporary = join(home, 'temporary');
  for (const directory of ['.ci', 'tools', 'node_modules/.bin', 'temporary'])
    mkdirSync(join(home, directory), { recursive: true });
  cpSync(join(repository, '.ci/run'), join(home, '.ci/run'));
  cpSync(join(repository, 'tools/count-tests.ts'), join(home, 'tools/count-tests.ts'));
  writeFileSync(join(home, 'package.json'), '{"type":"module"}');
  symlinkSync(process.execPath, join(home, 'node_modules/.bin/node'));
  const recipe = (line: string) => `\t@${line.replaceAll('$', '$$$$')}\n`;
  writeFileSync(join(home, 'Makefile'), `test:\n${recipe(targets.test)}preflight:\n${recipe(targets.preflight)}`);
  const env = { ...process.env, TMPDIR: temporary, PREFLIGHT_CI_LEFTOVER_WAIT_S: '1' };
  const { status, stdout } = spawnSync('bash', [join(home, '.ci/run')], {
    cwd: '/',
    env,
    encoding: 'utf8',
    timeout: 50_000,
  });
  return { status, stdout, temporaryFiles: readdirSync(temporary) };
}

/** A process that has ended but that nobody has asked about yet has a number, and no command line any more. */
function isRunning(pid: string): boolean {
  const commandLine = `/proc/${pid}/cmdline`;
  return existsSync(commandLine) && readFileSync(commandLine, 'utf8') !== '';
}
