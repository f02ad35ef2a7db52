import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { outcomes, type Report, reportSchema } from '../engine/report.ts';

/** Beside the tree's files, and none of them: the directory ignores itself. */
const ownDirectory = '.preflight';
const historyDirectory = join(ownDirectory, 'history');
const mostRuns = 50;

const pastRun = reportSchema
  .pick({ verdict: true, exitCode: true, profile: true, commit: true, dirty: true, startedAt: true, finishedAt: true })
  .extend({ results: z.array(z.object({ id: z.string(), outcome: z.enum(outcomes), durationMs: z.number() })) });

/** What is remembered of a run: its verdict and every outcome, and nothing that it saw. */
export type PastRun = z.output<typeof pastRun>;

export function summaryOf(report: Report): PastRun {
  const { verdict, exitCode, profile, commit, dirty, startedAt, finishedAt, results } = report;
  const outcomesOnly = results.map(({ id, outcome, durationMs }) => ({ id, outcome, durationMs }));
  return { verdict, exitCode, profile, commit, dirty, startedAt, finishedAt, results: outcomesOnly };
}

/** A run that the command line narrowed says little beside whole ones, and is not remembered. */
export function isWhole({ leftOut }: Pick<Report, 'leftOut'>): boolean {
  return leftOut.every(({ reason }) => ['profile', 'long', 'not-applicable'].includes(reason));
}

/** The latest runs, oldest first. A file that is no such record is named to `complain` and left alone. */
export async function readHistory(root: string, complain: (message: string) => void): Promise<PastRun[]> {
  const runs: PastRun[] = [];
  try {
    for (const name of (await recordNames(root)).slice(-mostRuns)) {
      const run = await readRecord(join(root, historyDirectory, name));
      if (run) runs.push(run);
      else complain(`${join(historyDirectory, name)} is no record of a run: it takes no part in the history`);
    }
  } catch (error) {
    complain(`${historyDirectory} cannot be read: ${(error as Error).message}`);
  }
  return runs;
}

/**
 * Remembers a run and forgets the oldest beyond the bound. Where nothing can be written the run is not less true:
 * `complain` is told, and that is all.
 */
export async function recordRun(root: string, report: Report, complain: (message: string) => void): Promise<void> {
  if (!isWhole(report)) return;
  const directory = join(root, historyDirectory);
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(join(root, ownDirectory, '.gitignore'), '*\n');
    // Colons are not for every file system; in this form names sort as their times do.
    const name = `${report.startedAt.replaceAll(':', '-')}.json`;
    await writeFile(join(directory, name), `${JSON.stringify(summaryOf(report))}\n`);
    const names = await recordNames(root);
    await Promise.all(names.slice(0, -mostRuns).map((old) => rm(join(directory, old), { force: true })));
  } catch (error) {
    complain(`this run could not be remembered in ${historyDirectory}: ${(error as Error).message}`);
  }
}

async function readRecord(file: string): Promise<PastRun | undefined> {
  const text = await readFile(file, 'utf8');
  try {
    return pastRun.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function recordNames(root: string): Promise<string[]> {
  try {
    const names = await readdir(join(root, historyDirectory));
    return names.filter((name) => /^\d{4}-\d{2}-\d{2}T[\d.-]+Z\.json$/.test(name)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
