import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';

/** The same tree has to give the same verdict: this often it is asked. */
const defaultRuns = 20;
const mostOutput = 64 * 1024 * 1024;

const report = z.object({
  verdict: z.string(),
  results: z.array(
    z.object({ id: z.string(), outcome: z.string(), findings: z.array(z.object({ fingerprint: z.string() })) }),
  ),
});

/** Verdict, outcomes and findings of one static run, as text; what a clock says is no part of it. */
async function judgeOnce(): Promise<string> {
  const args = ['run', '--profile', 'static', '--no-cache', '--reporter', 'json'];
  const run = promisify(execFile)('preflight', args, { maxBuffer: mostOutput });
  // A verdict other than GO has an exit code of its own, and a report all the same.
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  const { verdict, results } = report.parse(JSON.parse(stdout));
  const lines = results.map(({ id, outcome, findings }) => {
    return `${id} ${outcome} ${findings.map(({ fingerprint }) => fingerprint).join(' ')}`;
  });
  return [verdict, ...lines.sort()].join('\n');
}

/** Exit code 0: every run said the same. 1: they differed, and how is printed. */
async function main(runs: number): Promise<number> {
  const first = await judgeOnce();
  for (let run = 2; run <= runs; run += 1) {
    const next = await judgeOnce();
    if (next !== first) {
      console.error(`run ${run} of the same tree differs from the first:\n${difference(first, next)}`);
      return 1;
    }
  }
  const [verdict = '', ...results] = first.split('\n');
  console.log(`${runs} runs of profile static, ${results.length} results each: ${verdict}, the same every time`);
  return 0;
}

function difference(first: string, next: string): string {
  const [before, after] = [first.split('\n'), next.split('\n')];
  const lines = (from: string[], other: string[], mark: string) =>
    from.filter((line) => !other.includes(line)).map((line) => `${mark} ${line}`);
  return [...lines(before, after, '-'), ...lines(after, before, '+')].join('\n');
}

process.exitCode = await main(Number(process.argv[2] ?? defaultRuns));
