/**
 * `node tools/stamp-tests.ts begin` before the tests, `node tools/stamp-tests.ts end ARGUMENTS…` after them: says beside
 * vitest's report which commit it is about, and what left tests out. The gate code/tests-pass reads it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const directory = '.preflight';
const [reportFile, stampFile, beginFile] = ['tests.json', 'tests.stamp.json', 'tests.begin.json'].map(
  (name) => `${directory}/${name}`,
) as [string, string, string];

interface Standing {
  commit: string;
  dirty: boolean;
}

/** Without git there is no commit that anything could be about. */
function standing(): Standing {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  return { commit: git('rev-parse', 'HEAD'), dirty: git('status', '--porcelain') !== '' };
}

/** What a run from `begun` to `ended` is about. A commit that came in between makes it about neither. */
export function stampOf(begun: Standing, ended: Standing, report: string, narrowedBy: readonly string[]) {
  const dirty = begun.dirty || ended.dirty || begun.commit !== ended.commit;
  return { commit: begun.commit, dirty, narrowedBy, reportSha256: createHash('sha256').update(report).digest('hex') };
}

function begin(): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/.gitignore`, '*\n');
  rmSync(stampFile, { force: true });
  writeFileSync(beginFile, JSON.stringify(standing()));
}

function end(narrowedBy: readonly string[]): void {
  const begun = JSON.parse(readFileSync(beginFile, 'utf8')) as Standing;
  const stamp = stampOf(begun, standing(), readFileSync(reportFile, 'utf8'), narrowedBy);
  writeFileSync(stampFile, `${JSON.stringify(stamp)}\n`);
}

if (import.meta.main) {
  const [step, ...args] = process.argv.slice(2);
  if (step === 'begin') begin();
  else if (step === 'end') end(args);
  else throw new Error('usage: node tools/stamp-tests.ts begin | end ARGUMENTS…');
}
