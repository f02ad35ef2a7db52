import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { refusalOf } from '../engine/signoff-check.ts';
import { loadSignOffs, type SignOff } from '../engine/signoffs.ts';
import { verifyEvidence } from '../evidence/verify.ts';
import { exec } from '../io/exec.ts';
import { headOf } from '../io/tree.ts';
import { askedOfTask, periods, type Task } from './tasks.ts';

const dayMs = 86_400_000;
/** Evidence directories that are read at most, the newest first. Each run leaves one, and twenty of its own are kept. */
const mostDirectories = 200;

/** One time that a task was done. Times are ISO, in UTC. */
export interface Doing {
  how: 'sign-off' | 'run';
  /** Who signed, or the directory of the evidence. */
  by: string;
  at: string;
  /** Until then nothing more is wanted. */
  until: string;
}

/** What shows that a task was done, the latest last, and what would show it if it were in order. */
export interface Done {
  doings: Doing[];
  refused: string[];
}

/** Evidence of a run that is whole: which checks passed in it, and when it ended. */
interface PastEvidence {
  directory: string;
  finishedAt: string;
  passed: readonly string[];
}

export interface Ledger {
  signOffs: readonly SignOff[];
  runs: readonly PastEvidence[];
  root: string;
  commit: string;
  roles: Config['governance']['roles'];
  now: Date;
}

/**
 * Reads all that can show that a task was done: preflight.signoffs.yaml, and the evidence of runs.
 * @throws UsageError for a ledger that has faults.
 */
export async function openLedger(root: string, { governance }: Pick<Config, 'governance'>, now: Date): Promise<Ledger> {
  const [{ commit }, signOffs] = await Promise.all([headOf(root), loadSignOffs(root)]);
  const directories = await evidenceDirectories(root, governance.evidence);
  const runs: PastEvidence[] = [];
  for (const directory of directories) {
    const run = await readRun(root, directory, now);
    if (run) runs.push(run);
  }
  return { signOffs, runs, root, commit, roles: governance.roles, now };
}

/** The newest directories that runs have left in these places, by their names, which begin with the time. */
export async function evidenceDirectories(root: string, homes: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    homes.map(async (home) => {
      const entries = await readdir(join(root, home), { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(home, name));
    }),
  );
  return found.flat().sort().slice(-mostDirectories);
}

/** A run of a commit that this one comes from; altered evidence, and that of a dirty tree, shows nothing. */
async function readRun(root: string, directory: string, now: Date): Promise<PastEvidence | undefined> {
  const anything = { commit: '', configHash: '', profile: 'static', maxAgeMs: 0, requireSignature: false } as const;
  const { report } = await verifyEvidence(join(root, directory), { ...anything, root, now });
  if (!report || report.dirty || report.commit === '') return undefined;
  const ancestor = await exec('git', ['merge-base', '--is-ancestor', report.commit, 'HEAD'], { cwd: root });
  if (ancestor.code !== 0) return undefined;
  const passed = report.results.filter(({ outcome, takenUp }) => outcome === 'pass' && !takenUp).map(({ id }) => id);
  return { directory, finishedAt: report.finishedAt, passed };
}

/** What shows that this task was done. */
export async function doneOf(task: Task, ledger: Ledger): Promise<Done> {
  const refused: string[] = [];
  const doings = ledger.runs.filter((run) => isTask(task, run)).map((run) => doingOfRun(task, run));
  for (const entry of ledger.signOffs.filter(({ item }) => item === task.item)) {
    // Whether it was in order on its own day; whether that day is long ago is for whoever judges.
    const now = new Date(Math.min(Date.parse(entry.when), ledger.now.getTime()));
    const refusal = await refusalOf(entry, askedOfTask(task), { ...ledger, now });
    if (refusal === undefined) doings.push(doingOfSignOff(task, entry));
    else refused.push(`the sign-off by ${entry.who}: ${refusal}`);
  }
  return { doings: doings.sort((one, other) => Date.parse(one.at) - Date.parse(other.at)), refused };
}

function isTask({ passing = [] }: Task, { passed }: PastEvidence): boolean {
  return passing.length > 0 && passing.every((id) => passed.includes(id));
}

function doingOfRun(task: Task, { directory, finishedAt }: PastEvidence): Doing {
  return { how: 'run', by: directory, at: finishedAt, until: after(finishedAt, task) };
}

function doingOfSignOff(task: Task, { who, when, expires }: SignOff): Doing {
  const ends = Date.parse(after(when, task));
  const lastDay = expires === undefined ? ends : Date.parse(expires) + dayMs;
  return { how: 'sign-off', by: who, at: when, until: new Date(Math.min(ends, lastDay)).toISOString() };
}

function after(at: string, { period }: Task): string {
  return new Date(Date.parse(at) + periods[period] * dayMs).toISOString();
}
