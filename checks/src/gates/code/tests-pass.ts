import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { headOf } from '../../io/tree.ts';

/** What a test run leaves beside its report: which commit it was about. Written by whatever runs the tests. */
const stampShape = z.object({
  commit: z.string(),
  /** Whether the working tree differed from that commit when the run began or ended. */
  dirty: z.boolean(),
  /** Arguments that left tests out. */
  narrowedBy: z.array(z.string()),
  reportSha256: z.string(),
});

/** The part that is counted of a report in the form of Jest's, which vitest writes too. */
const reportShape = z.object({
  success: z.boolean(),
  numPassedTests: z.int().nonnegative(),
  numFailedTests: z.int().nonnegative(),
  numPendingTests: z.int().nonnegative(),
  numTodoTests: z.int().nonnegative().default(0),
});

interface Facts {
  commit: string;
  mostSkipped: number;
  stamp: z.output<typeof stampShape>;
  report: z.output<typeof reportShape> & { sha256: string };
}

const digest = 'd'.repeat(64);
const good: Facts = {
  commit: 'c0ffee',
  mostSkipped: 3,
  stamp: { commit: 'c0ffee', dirty: false, narrowedBy: [], reportSha256: digest },
  report: {
    success: true,
    numPassedTests: 900,
    numFailedTests: 0,
    numPendingTests: 3,
    numTodoTests: 0,
    sha256: digest,
  },
};

export default defineGate<Facts>({
  id: 'code/tests-pass',
  severity: 'blocker',
  profile: 'release',
  needs: ['git', 'config:tests'],
  covers: ['code.tests-pass', 'governance.reviewed'],
  unit: 'tests',
  why: 'Tests that passed on another commit, or on some of the files, say nothing of what goes live.',
  fix: 'Run all tests on a clean checkout of this commit: `make test`.',
  source: 'https://vitest.dev/guide/reporters.html#json-reporter',

  async observe({ config, tree }) {
    const { report: reportFile, stamp: stampFile, mostSkipped } = partOf(config, 'tests');
    const text = await readOutput(tree.root, reportFile);
    const report = reportShape.parse(JSON.parse(text));
    const stamp = stampShape.parse(JSON.parse(await readOutput(tree.root, stampFile)));
    const { commit } = await headOf(tree.root);
    const examined = report.numPassedTests + report.numFailedTests;
    return { examined, facts: { commit, mostSkipped, stamp, report: { ...report, sha256: sha256(text) } } };
  },

  judge: ({ commit, mostSkipped, stamp, report }) => {
    const findings: Finding[] = [];
    const find = (identity: string, message: string) => findings.push({ identity, message });
    if (stamp.commit !== commit) find('commit', `the last test run is about ${stamp.commit}, and this is ${commit}`);
    if (stamp.dirty) find('dirty', 'the last test run was made with uncommitted changes');
    if (stamp.narrowedBy.length > 0)
      find('narrowed', `the last test run left tests out, by: ${stamp.narrowedBy.join(' ')}`);
    if (stamp.reportSha256 !== report.sha256)
      find('report', 'the report of the tests is not the one that the run has stamped');
    if (report.numFailedTests > 0 || !report.success)
      find('failed', `${report.numFailedTests} tests failed, of ${report.numPassedTests + report.numFailedTests}`);
    const skipped = report.numPendingTests + report.numTodoTests;
    if (skipped > mostSkipped)
      find(
        'skipped',
        `${skipped} tests were skipped: ${mostSkipped} are the most, for what did not run has not passed`,
      );
    return findings;
  },

  samples: {
    good: [good],
    bad: [
      { ...good, commit: 'decaf' },
      { ...good, stamp: { ...good.stamp, dirty: true } },
      { ...good, stamp: { ...good.stamp, narrowedBy: ['service/test'] } },
      { ...good, report: { ...good.report, sha256: 'e'.repeat(64) } },
      { ...good, report: { ...good.report, success: false } },
      { ...good, report: { ...good.report, numFailedTests: 1 } },
      { ...good, report: { ...good.report, numPendingTests: 4 } },
      { ...good, report: { ...good.report, numTodoTests: 1 } },
    ],
  },

  /** A run of one test that is made up, about the copy's own commit. */
  async prepare({ scratch, config }) {
    const before = config.tests;
    const home = join('.preflight', 'proving-tests');
    config.tests = { report: join(home, 'report.json'), stamp: join(home, 'stamp.json'), mostSkipped: 0 };
    const text = JSON.stringify({ success: true, numPassedTests: 1, numFailedTests: 0, numPendingTests: 0 });
    const { commit } = await headOf(scratch.root);
    const stamp = { commit, dirty: false, narrowedBy: [], reportSha256: sha256(text) };
    await mkdir(dirname(join(scratch.root, config.tests.report)), { recursive: true });
    await writeFile(join(scratch.root, config.tests.report), text);
    await writeFile(join(scratch.root, config.tests.stamp), JSON.stringify(stamp));
    return async () => {
      if (before) config.tests = before;
      else delete config.tests;
      await rm(join(scratch.root, home), { recursive: true, force: true });
    };
  },

  async sabotage({ scratch }) {
    await scratch.commit('a change after the tests');
    return undefined;
  },
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** @throws saying that no test run has left it: what did not run has neither passed nor failed. */
async function readOutput(root: string, file: string): Promise<string> {
  return readFile(join(root, file), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new Error(`${file} is not there: no test run has left it`, { cause });
    throw cause;
  });
}
